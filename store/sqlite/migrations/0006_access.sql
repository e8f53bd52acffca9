-- Who may connect, and what was done with that. Times are nanoseconds of the wall clock.
CREATE TABLE api_keys (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  name     TEXT NOT NULL,
  hash     TEXT NOT NULL,  -- SHA-256 of the secret half, hexadecimal
  scopes   INTEGER NOT NULL,
  created  INTEGER NOT NULL,
  used     INTEGER NOT NULL DEFAULT 0,
  revoked  INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX api_keys_good ON api_keys (name) WHERE revoked = 0;

CREATE TABLE users (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL,  -- argon2id
  scopes        INTEGER NOT NULL,
  created       INTEGER NOT NULL,
  disabled      INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX users_good ON users (name) WHERE disabled = 0;

CREATE TABLE ended_tickets (
  id      TEXT PRIMARY KEY,
  expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE access_state (
  version       INTEGER NOT NULL,  -- grows with every change of the tables above
  ticket_secret TEXT
);
INSERT INTO access_state (version) VALUES (1);

CREATE TABLE audit (
  n       INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  who     TEXT NOT NULL,
  what    TEXT NOT NULL,
  address TEXT NOT NULL,
  outcome TEXT NOT NULL
);

-- Who may connect, and what was done with that. Times are nanoseconds of the wall clock.
CREATE TABLE artham.api_keys (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name     text NOT NULL,
  hash     text NOT NULL,  -- SHA-256 of the secret half, hexadecimal
  scopes   integer NOT NULL,
  created  bigint NOT NULL,
  used     bigint NOT NULL DEFAULT 0,
  revoked  bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX api_keys_good ON artham.api_keys (name) WHERE revoked = 0;

CREATE TABLE artham.users (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name          text NOT NULL,
  password_hash text NOT NULL,  -- argon2id
  scopes        integer NOT NULL,
  created       bigint NOT NULL,
  disabled      bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX users_good ON artham.users (name) WHERE disabled = 0;

CREATE TABLE artham.ended_tickets (
  id      text PRIMARY KEY,
  expires bigint NOT NULL
);

CREATE TABLE artham.access_state (
  version       bigint NOT NULL,  -- grows with every change of the tables above
  ticket_secret text
);
INSERT INTO artham.access_state (version) VALUES (1);

CREATE TABLE artham.audit (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at      bigint NOT NULL,
  who     text NOT NULL,
  what    text NOT NULL,
  address text NOT NULL,
  outcome text NOT NULL
);

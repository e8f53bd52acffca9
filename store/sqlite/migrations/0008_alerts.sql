-- Rules, a row per version; what they remember; the alerts that they made. Times are nanoseconds:
-- made_at, fired_at and hook_next of the wall clock, event_ts and ends_ts of the market.
CREATE TABLE alert_rules (
  id          INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  owner       TEXT NOT NULL,
  name        TEXT NOT NULL,
  key         TEXT NOT NULL,
  condition   TEXT NOT NULL,
  repeat      TEXT NOT NULL,
  revisions   INTEGER NOT NULL,
  quiet       INTEGER NOT NULL,
  webhook     TEXT NOT NULL,
  enabled     INTEGER NOT NULL,
  deleted     INTEGER NOT NULL,
  token       INTEGER NOT NULL,
  ends_ts     INTEGER NOT NULL,
  made_at     INTEGER NOT NULL,
  after_epoch INTEGER NOT NULL,  -- md:ticks ended there
  after_seq   INTEGER NOT NULL,
  PRIMARY KEY (id, version)
) WITHOUT ROWID;

CREATE TABLE alert_progress (
  rule_id     INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  from_epoch  INTEGER NOT NULL,
  from_seq    INTEGER NOT NULL,
  until_epoch INTEGER,
  until_seq   INTEGER,
  state       TEXT NOT NULL,
  PRIMARY KEY (rule_id, version)
) WITHOUT ROWID;

CREATE TABLE alert_positions (
  stream      TEXT PRIMARY KEY,
  epoch       INTEGER NOT NULL,
  seq         INTEGER NOT NULL,
  cause_epoch INTEGER NOT NULL,
  cause_seq   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE alerts (
  n             INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  rule_id       INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  owner         TEXT NOT NULL,
  name          TEXT NOT NULL,
  key           TEXT NOT NULL,
  condition     TEXT NOT NULL,
  cause_epoch   INTEGER NOT NULL,
  cause_seq     INTEGER NOT NULL,
  cause_ordinal INTEGER NOT NULL,
  event_ts      INTEGER NOT NULL,
  fired_at      INTEGER NOT NULL,
  left_out      INTEGER NOT NULL,
  said          TEXT NOT NULL,  -- JSON: what the condition's fields were
  webhook       TEXT NOT NULL,
  hook          INTEGER NOT NULL,
  hook_attempts INTEGER NOT NULL DEFAULT 0,
  hook_next     INTEGER NOT NULL DEFAULT 0,
  hook_outcome  TEXT NOT NULL DEFAULT ''
);
CREATE INDEX alerts_by_owner ON alerts (owner, n);
CREATE INDEX alerts_by_rule ON alerts (rule_id, n);
CREATE INDEX alerts_pending ON alerts (hook_next) WHERE hook = 1;

CREATE TABLE alert_state (
  version INTEGER NOT NULL,  -- grows with every change of a rule
  rules   INTEGER NOT NULL,  -- the last id that was given
  alerts  INTEGER NOT NULL   -- the last place that was given
);
INSERT INTO alert_state (version, rules, alerts) VALUES (1, 0, 0);

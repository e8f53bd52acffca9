-- Rules, a row per version; what they remember; the alerts that they made. Times are nanoseconds:
-- made_at, fired_at and hook_next of the wall clock, event_ns and ends_ns of the market.
CREATE TABLE artham.alert_rules (
  id          bigint NOT NULL,
  version     bigint NOT NULL,
  owner       text NOT NULL,
  name        text NOT NULL,
  key         text NOT NULL,
  condition   text NOT NULL,
  repeat      text NOT NULL,
  revisions   integer NOT NULL,
  quiet       bigint NOT NULL,
  webhook     text NOT NULL,
  enabled     integer NOT NULL,
  deleted     integer NOT NULL,
  token       bigint NOT NULL,
  ends_ns     bigint NOT NULL,
  made_at     bigint NOT NULL,
  after_epoch bigint NOT NULL,  -- md:ticks ended there
  after_seq   bigint NOT NULL,
  PRIMARY KEY (id, version)
);

CREATE TABLE artham.alert_progress (
  rule_id     bigint NOT NULL,
  version     bigint NOT NULL,
  from_epoch  bigint NOT NULL,
  from_seq    bigint NOT NULL,
  until_epoch bigint,
  until_seq   bigint,
  state       text NOT NULL,
  PRIMARY KEY (rule_id, version)
);

CREATE TABLE artham.alert_positions (
  stream      text PRIMARY KEY,
  epoch       bigint NOT NULL,
  seq         bigint NOT NULL,
  cause_epoch bigint NOT NULL,
  cause_seq   bigint NOT NULL
);

CREATE TABLE artham.alerts (
  n             bigint PRIMARY KEY,
  id            text NOT NULL UNIQUE,
  rule_id       bigint NOT NULL,
  version       bigint NOT NULL,
  owner         text NOT NULL,
  name          text NOT NULL,
  key           text NOT NULL,
  condition     text NOT NULL,
  cause_epoch   bigint NOT NULL,
  cause_seq     bigint NOT NULL,
  cause_ordinal bigint NOT NULL,
  event_ns      bigint NOT NULL,
  fired_at      bigint NOT NULL,
  left_out      bigint NOT NULL,
  said          text NOT NULL,  -- JSON: what the condition's fields were
  webhook       text NOT NULL,
  hook          integer NOT NULL,
  hook_attempts bigint NOT NULL DEFAULT 0,
  hook_next     bigint NOT NULL DEFAULT 0,
  hook_outcome  text NOT NULL DEFAULT ''
);
CREATE INDEX alerts_by_owner ON artham.alerts (owner, n);
CREATE INDEX alerts_by_rule ON artham.alerts (rule_id, n);
CREATE INDEX alerts_pending ON artham.alerts (hook_next) WHERE hook = 1;

CREATE TABLE artham.alert_state (
  version bigint NOT NULL,  -- grows with every change of a rule
  rules   bigint NOT NULL,  -- the last id that was given
  alerts  bigint NOT NULL   -- the last place that was given
);
INSERT INTO artham.alert_state (version, rules, alerts) VALUES (1, 0, 0);

-- What bar builders leave out, as md:deadletter says it: a row per record of it, never changed.
CREATE TABLE quarantines (
  epoch            INTEGER NOT NULL,  -- position in md:deadletter
  seq              INTEGER NOT NULL,
  what             INTEGER NOT NULL,  -- 1 a record is left out, 2 an actor takes nothing more, 3 that has ended
  actor            INTEGER NOT NULL,  -- 1 bar builder
  instrument_token INTEGER NOT NULL,
  at_epoch         INTEGER NOT NULL,  -- position in md:ticks: the record, or where the actor stopped
  at_seq           INTEGER NOT NULL,
  cause_epoch      INTEGER NOT NULL,  -- where it ended, if it has; else as above
  cause_seq        INTEGER NOT NULL,
  cause_ordinal    INTEGER NOT NULL,
  at_ts            INTEGER NOT NULL,  -- market time
  error            TEXT NOT NULL,
  PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;

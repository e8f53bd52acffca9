-- Whoever goes on where he was reads chains in the order in which they came, as bars.
CREATE INDEX chain_features_by_cause ON chain_features (cause_epoch, cause_seq, cause_ordinal);

-- Whoever goes on where he was reads ticks and chains in the order in which they came, as bars. Both are nearly in that
-- order anyhow, so that these indexes are small and cost writers next to nothing.
CREATE INDEX ticks_by_seq ON artham.ticks USING brin (seq);
CREATE INDEX tick_packs_by_seq ON artham.tick_packs USING brin (first_seq, last_seq);
CREATE INDEX chain_features_by_cause ON artham.chain_features USING brin (cause_seq);

#include "app/store_digest.hpp"

#include <utility>

#include "messages/record/feature_codec.hpp"

namespace artham::app {

namespace {

/// Tells rows apart that differ by accident; nobody forges them.
class digest {
 public:
  explicit digest(std::string table) { out_.table = std::move(table); }

  void row() { ++out_.rows; }
  template <class Integer>
  void number(Integer v) {
    mix(static_cast<std::uint64_t>(v));
  }
  void text(std::string_view v) {
    mix(v.size());
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      word = word << 8U | static_cast<unsigned char>(v[i]);
      if (i % 8 == 7) mix(std::exchange(word, 0));
    }
    mix(word);
  }
  void position(const record::position& p) {
    number(p.epoch);
    number(p.seq);
  }
  void cause(const record::cause& c) {
    position(c.at);
    number(c.ordinal);
  }
  [[nodiscard]] table_digest done() const { return out_; }

 private:
  void mix(std::uint64_t v) {
    auto h = (out_.digest ^ v) * 0x9E3779B97F4A7C15ULL;
    out_.digest = h ^ (h >> 29U);
  }
  table_digest out_;
};

using digests = std::vector<table_digest>;

result<void> add_instruments(store::audit& stored, digests& all) {
  const auto list = stored.instruments();
  if (!list) return tl::unexpected(list.error());
  digest d("instruments");
  for (const auto& s : *list) {
    const auto& i = s.instrument;
    d.row();
    d.number(s.id);
    d.number(s.valid_from.days);
    d.number(s.valid_to ? s.valid_to->days : -1);
    for (const auto n : {i.token, i.exchange_token}) d.number(n);
    for (const auto* t : {&i.exchange, &i.symbol, &i.name, &i.type, &i.segment}) d.text(*t);
    d.number(i.expiry.days);
    for (const auto n : {i.strike.units, i.tick_size.units, i.lot_size}) d.number(n);
  }
  all.push_back(d.done());
  return {};
}

result<void> add_bars(store::audit& stored, digests& all) {
  const auto timeframes = stored.timeframes();
  if (!timeframes) return tl::unexpected(timeframes.error());
  for (const auto& tf : *timeframes) {
    digest d("bars of " + market::to_string(tf));
    const auto done = stored.for_each_bar(tf, [&](const store::audited_bar& b) {
      d.row();
      d.number(b.token);
      d.number(b.start);
      for (const auto& v : b.values) {
        d.number(v.has_value());
        d.number(v.value_or(0));
      }
    });
    if (!done) return done;
    // A table that is empty need not be there.
    if (d.done().rows != 0) all.push_back(d.done());
  }
  return {};
}

result<void> add_features(const char* table, result<store::audit::feature_rows> rows,
                          digests& all) {
  if (!rows) return tl::unexpected(rows.error());
  digest d(table);
  for (;;) {
    const auto next = (*rows)();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    d.row();
    d.cause((*next)->cause);
    std::string body;
    if (const auto* chain = (*next)->chain()) {
      record::encode(body, *chain);
    } else {
      record::encode(body, *(*next)->instrument());
    }
    d.text(body);
  }
  all.push_back(d.done());
  return {};
}

result<void> add_gaps(store::audit& stored, digests& all) {
  const auto gaps = stored.gaps();
  if (!gaps) return tl::unexpected(gaps.error());
  digest d("gaps");
  for (const auto& g : *gaps) {
    d.row();
    d.position(g.at);
    d.number(g.from);
    d.number(g.to);
    d.number(static_cast<int>(g.cause));
    d.text(g.detail);
    d.number(static_cast<std::int64_t>(g.tokens.size()));
    for (const auto token : g.tokens) d.number(token);
  }
  all.push_back(d.done());
  const auto quarantines = stored.quarantines();
  if (!quarantines) return tl::unexpected(quarantines.error());
  digest q("quarantines");
  for (const auto& r : *quarantines) {
    q.row();
    q.position(r.place);
    q.number(static_cast<int>(r.letter.what));
    q.number(static_cast<int>(r.letter.actor));
    q.number(r.letter.token);
    q.position(r.letter.at);
    q.cause(r.letter.cause);
    q.number(r.letter.time);
    q.text(r.letter.text);
  }
  all.push_back(q.done());
  return {};
}

result<void> add_candles(store::audit& stored, digests& all) {
  digest d("candles");
  const auto done = stored.for_each_candle([&](const store::audited_candle& c) {
    d.row();
    d.text(c.source);
    d.text(market::to_string(c.timeframe));
    const auto& b = c.bar;
    d.number(b.token);
    for (const auto n :
         {b.start, b.end, b.open.units, b.high.units, b.low.units, b.close.units, b.volume, b.oi}) {
      d.number(n);
    }
    d.number(b.fields);
  });
  all.push_back(d.done());
  return done;
}

result<void> add_ticks(store::audit& stored, digests& all) {
  digest d("ticks");
  const auto done = stored.for_each_tick([&](const store::tick_row& t) {
    d.row();
    const auto& c = t.core;
    d.position(c.position());
    d.number(c.token);
    d.number(static_cast<int>(c.mode));
    d.number(c.fields);
    for (const auto n : {t.receive, t.wall, c.time, c.last.units, c.volume_or_size, c.oi})
      d.number(n);
    d.text(t.packet);
  });
  all.push_back(d.done());
  return done;
}

}  // namespace

result<std::vector<table_digest>> digest_store(store::audit& stored, bool ticks) {
  digests all;
  auto done = add_instruments(stored, all);
  if (done) done = add_bars(stored, all);
  if (done) done = add_features("chain_features", stored.chains(), all);
  if (done) done = add_features("instrument_features", stored.instrument_features(), all);
  if (done) done = add_gaps(stored, all);
  if (done) done = add_candles(stored, all);
  if (done && ticks) done = add_ticks(stored, all);
  if (!done) return tl::unexpected(done.error());
  return all;
}

}  // namespace artham::app

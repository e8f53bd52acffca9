#include "actors/alert/alert_input.hpp"

#include <algorithm>
#include <tuple>

#include "messages/record/bar_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::actors {

using market::alert::fired;
using market::alert::rule_set;
using market::alert::subject;

namespace {

result<void> take_ticks(rule_set& rules, const record::block& b, record::position after,
                        const feed::decoder& decoder, std::vector<fired>& out) {
  result<void> outcome;
  std::vector<market::bar_input> ticks;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    const record::position first{b.epoch, seq};
    ticks.clear();
    if (h.kind == record::kind::kite_frame) {
      decoder.bar_inputs(body, record::receive_time(h), first, ticks);
      const bool wanted =
          std::ranges::any_of(ticks, [&](const auto& t) { return rules.watches_tick(t.token); });
      if (!wanted) return;
      std::size_t next = 0;
      decoder.packet_views(body, first, [&](record::position at, std::string_view packet) {
        const auto& core = ticks[next++];
        if (at > after && rules.watches_tick(core.token))
          rules.on_tick(core, market::alert::values_of(decoder.decode(packet)), out);
      });
    } else if (h.kind == record::kind::packed_ticks) {
      auto done = record::decode_ticks(first, body, ticks);
      if (!done && outcome) outcome = std::move(done);
      for (const auto& t : ticks)
        if (t.position() > after) rules.on_tick(t, market::alert::values_of(t), out);
    }
  });
  return outcome;
}

/// Decodes each record behind `after`, and gives it to fn.
template <class Decode, class Fn>
result<void> take_derived(const record::block& b, record::position after, Decode decode, Fn&& fn) {
  result<void> outcome;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (!outcome || record::position{b.epoch, seq} <= after) return;
    const auto value = decode(h, body);
    if (value) {
      fn(*value);
    } else {
      outcome = tl::unexpected(value.error());
    }
  });
  return outcome;
}

/// Of a derived stream.
record::position last_cause(const record::block& b, record::position otherwise) {
  auto last = otherwise;
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view) {
    last = std::max(last, record::cause_of(h).at);
  });
  return last;
}

}  // namespace

std::vector<alert_input> alert_inputs(const std::vector<market::timeframe>& timeframes,
                                      bool features, std::uint32_t shard, std::uint32_t shards) {
  using what = alert_input::what;
  std::vector<alert_input> all;
  const auto add = [&](what of, market::timeframe tf, const std::string& stream) {
    all.push_back({of, tf, bridge::stream_in_shard(stream, shard, shards)});
  };
  add(what::ticks, {}, record::ticks_stream());
  for (const auto& tf : timeframes)
    add(what::bars, tf, record::final_bars_stream(market::to_string(tf)));
  if (features) add(what::features, {}, record::features_stream());
  return all;
}

bool feeds(const alert_input& input, const market::alert::rule_key& key) {
  switch (key.of) {
    case subject::tick:
    case subject::gap:
      return input.of == alert_input::what::ticks;
    case subject::bar:
      return input.of == alert_input::what::bars && input.timeframe == key.timeframe;
    default:
      return input.of == alert_input::what::features;
  }
}

result<void> evaluate(rule_set& rules, const alert_input& input, const record::block& b,
                      record::position after, const feed::decoder& decoder, record::position& cause,
                      std::vector<fired>& out) {
  const auto begin = out.size();
  result<void> outcome;
  switch (input.of) {
    case alert_input::what::ticks:
      if (!rules.empty(subject::tick)) outcome = take_ticks(rules, b, after, decoder, out);
      for (const auto& m : b.marks)
        if (m.position > after) rules.on_mark(m, out);
      cause = std::max(cause, b.last());
      break;
    case alert_input::what::bars:
      if (!rules.empty(subject::bar)) {
        outcome = take_derived(b, after, record::decode_bar, [&](const record::bar_record& r) {
          rules.on_bar(input.timeframe, r.bar, r.cause, out);
        });
      }
      cause = last_cause(b, cause);
      break;
    case alert_input::what::features:
      if (!rules.empty(subject::chain) || !rules.empty(subject::greeks)) {
        outcome =
            take_derived(b, after, record::decode_feature, [&](const record::feature_record& r) {
              if (r.chain() != nullptr) rules.on_chain(*r.chain(), r.cause, out);
            });
      }
      cause = last_cause(b, cause);
      break;
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
            [](const fired& x, const fired& y) {
              return std::tie(x.cause, x.rule, x.version) < std::tie(y.cause, y.rule, y.version);
            });
  return outcome;
}

}  // namespace artham::actors

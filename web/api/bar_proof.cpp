#include "web/api/bar_proof.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "messages/protocol/json.hpp"
#include "web/api/query.hpp"

namespace artham::web {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const record::position& p) {
  return {{"epoch", p.epoch}, {"seq", p.seq}};
}

/// The bar as everywhere, and what made it.
ordered_json to_json(const record::bar_record& r) {
  std::string text;
  protocol::append_bar(text, r.bar, true);
  auto out = ordered_json::parse(text);
  out["first"] = to_json(r.bar.first);
  out["last"] = to_json(r.bar.last);
  out["cause"] = to_json(r.cause.at);
  return out;
}

ordered_json to_json(const market::proven_tick& p) {
  using field = market::bar_input;
  const auto& t = p.tick;
  ordered_json out;
  out["epoch"] = t.epoch;
  out["seq"] = t.seq;
  out["t_ex"] = t.time / market::microsecond;
  out["t_rx"] = p.receive / market::microsecond;
  out["last"] = market::to_string(t.last);
  if ((t.fields & field::volume) != 0) out["volume"] = t.volume_or_size;
  if ((t.fields & field::size) != 0) out["size"] = t.volume_or_size;
  if (p.counted) out["counted"] = *p.counted;
  if ((t.fields & field::open_interest) != 0) out["oi"] = t.oi;
  out["fate"] = market::to_string(p.fate);
  return out;
}

}  // namespace

result<proof_request> read_proof_request(const text_pairs& query,
                                         std::span<const market::timeframe> stored) {
  if (auto ok = check_names(query, {"instrument", "on", "timeframe", "start", "revision"}); !ok)
    return tl::unexpected(ok.error());
  proof_request out;
  const auto instrument = read_instrument(query);
  if (!instrument) return tl::unexpected(instrument.error());
  out.instrument = *instrument;
  const auto timeframe = read_timeframe(query, stored);
  if (!timeframe) return tl::unexpected(timeframe.error());
  if (market::is_period(*timeframe)) {
    return fail(errc::bad_input, "timeframe='" + market::to_string(*timeframe) +
                                     "' is made of 1D bars when it is asked for; prove those");
  }
  out.timeframe = *timeframe;
  if (!find_value(query, "start"))
    return fail(errc::bad_input, "parameter 'start' is missing; give the start of a stored bar");
  const auto start = read_time(query, "start", 0);
  if (!start) return tl::unexpected(start.error());
  out.start = *start;
  if (const auto text = find_value(query, "revision")) {
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (ec != std::errc() || end != text->data() + text->size()) {
      return fail(errc::bad_input, "revision='" + std::string(text->substr(0, 100)) +
                                       "' is no number of a revision; 0 is the first");
    }
    out.revision = value;
  }
  return out;
}

const record::bar_record* find_revision(std::span<const record::bar_record> all,
                                        std::optional<std::uint32_t> revision) {
  if (all.empty()) return nullptr;
  const auto number = [](const record::bar_record& r) { return r.bar.revision; };
  if (!revision) return &*std::ranges::max_element(all, {}, number);
  const auto found = std::ranges::find(all, *revision, number);
  return found == all.end() ? nullptr : &*found;
}

std::string proof_json(const market::instrument& i, market::timeframe tf,
                       const record::bar_record& stored, const bar_evidence& e) {
  ordered_json out;
  out["instrument"] = market::display_key(i);
  out["timeframe"] = market::to_string(tf);
  out["equal"] = e.equal();
  out["stored"] = to_json(stored);
  if (e.recomputed) out["recomputed"] = to_json(*e.recomputed);
  out["differences"] = ordered_json::array();
  for (const auto& d : e.differences) {
    out["differences"].push_back(
        {{"column", d.column}, {"stored", d.stored}, {"recomputed", d.recomputed}});
  }
  out["replayed"] = {{"from", to_json(e.replayed_from)}, {"to", to_json(e.replayed_to)}};
  out["ticks"] = ordered_json::array();
  for (const auto& t : e.ticks) out["ticks"].push_back(to_json(t));
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace artham::web

#include "actors/session/replay_alerts.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "actors/alert/stored_rules.hpp"
#include "runtime/log.hpp"
#include "store/alert_json.hpp"

namespace artham::actors {

namespace alert = market::alert;

namespace {

constexpr std::size_t kept_at_most = 1000;

alert_input::what input_of(stream_list::what of) {
  switch (of) {
    case stream_list::what::ticks:
      return alert_input::what::ticks;
    case stream_list::what::bars:
      return alert_input::what::bars;
    default:
      return alert_input::what::features;
  }
}

}  // namespace

replay_alerts::replay_alerts(const std::vector<store::alert_rule>& rules,
                             std::vector<market::timeframe> timeframes,
                             const feed::decoder& decoder)
    : timeframes_(std::move(timeframes)),
      decoder_(decoder),
      rules_(std::vector<alert::bound_rule>{}) {
  for (const auto& r : rules) {
    auto what = parse_rule(r);
    if (!what) {
      runtime::log().error("replay: rule {} version {} is left out: {}", r.id, r.version,
                           what.error().message);
      continue;
    }
    alert::bound_rule b;
    b.id = r.id;
    b.version = r.version;
    b.token = r.token;
    b.ends = r.ends;
    b.state = alert::fresh_state(*what);
    b.what = std::move(*what);
    fresh_.push_back(std::move(b));
    stored_.emplace(rule_name{r.id, r.version}, r);
  }
  begin();
}

void replay_alerts::begin() {
  rules_ = alert::rule_set(fresh_);
  newest_.clear();
}

result<void> replay_alerts::take(const stream_list::entry& stream, const record::block& b,
                                 const std::function<void(const std::string& json)>& fn) {
  alert_input input;
  input.of = input_of(stream.of);
  if (stream.of == stream_list::what::bars) input.timeframe = timeframes_[stream.timeframe];
  record::position cause;
  std::vector<alert::fired> fired;
  if (auto done = evaluate(rules_, input, b, {}, decoder_, cause, fired); !done) return done;
  for (const auto& f : fired) {
    auto json = store::alert_json(alert_row_of(f, stored_.at({f.rule, f.version}), 0), false);
    fn(json);
    newest_.push_back(std::move(json));
    if (newest_.size() > kept_at_most) newest_.pop_front();
  }
  return {};
}

std::string replay_alerts::snapshot(std::size_t at_most) const {
  std::string out = "{\"alerts\":[";
  for (auto i = newest_.size() - std::min(at_most, newest_.size()); i < newest_.size(); ++i) {
    if (out.back() != '[') out += ',';
    out += newest_[i];
  }
  return out + "]}";
}

}  // namespace artham::actors

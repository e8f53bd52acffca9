#include "actors/session/system_news.hpp"

#include <utility>

#include "messages/protocol/json.hpp"
#include "messages/protocol/json_text.hpp"

namespace artham::actors {

namespace {

/// Told again after so long though nothing changed.
constexpr std::chrono::seconds silent_at_most{30};

}  // namespace

void system_news::take_mark(const market::mark& m) {
  if (m.kind == market::mark_kind::epoch) is_lost_ = false;
  if (m.kind != market::mark_kind::gap) return;
  const bool begins = m.flag == market::gap_begins;
  if (begins) {
    ++opened_;
  } else {
    // One that this program slept through has its end only.
    if (closed_ == opened_) ++opened_;
    ++closed_;
  }
  if (!m.tokens.empty()) return;
  is_lost_ = begins;
  cause_ = m.cause;
  since_ = m.from;
}

void system_news::take_members(std::string members) {
  members_ = std::move(members);
}

std::string system_news::json() const {
  std::string out = "{\"feed\":{\"state\":";
  if (is_lost_) {
    protocol::append_text(out, cause_ == market::gap_cause::stalled ? "stale" : "lost");
    protocol::put_name(out, ",\"cause\":", market::to_string(cause_));
    protocol::put(out, ",\"since\":", since_ / market::microsecond);
  } else if (!in_session_) {
    out += "\"market_closed\"";
  } else {
    out += feed_live_ ? "\"connected\"" : "\"waiting_feed\"";
  }
  protocol::put(out, "},\"gaps\":{\"opened\":", static_cast<std::int64_t>(opened_));
  protocol::put(out, ",\"closed\":", static_cast<std::int64_t>(closed_));
  out += '}';
  if (!members_.empty()) out += "," + members_;
  return out + "}";
}

bool system_news::is_due(clock::time_point now) {
  auto text = json();
  if (text == told_ && now - told_at_ < silent_at_most) return false;
  told_ = std::move(text);
  told_at_ = now;
  return true;
}

std::string system_event(std::string_view quoted_key, market::timestamp t, std::string_view json) {
  std::string out = "{\"ev\":\"system\",\"key\":" + std::string(quoted_key);
  protocol::put(out, ",\"t\":", t / market::microsecond);
  return out + ",\"system\":" + std::string(json) + "}";
}

}  // namespace artham::actors

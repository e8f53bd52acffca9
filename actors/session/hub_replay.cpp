#include <stdexcept>
#include <utility>

#include "actors/session/hub.hpp"
#include "actors/session/key_parts.hpp"
#include "messages/protocol/frame.hpp"

namespace artham::actors {

using messages::batch;
using messages::replay_news;

namespace {

/// Finished bars in a snapshot that nobody asked for.
constexpr std::size_t bars_when_moved = 500;

}  // namespace

void hub_state::on_news(const replay_news& news) {
  switch (news.what) {
    case replay_news::what::clock:
      tell_clock(news);
      break;
    case replay_news::what::hush:
      flush();
      quiet_ = true;
      out_.be_quiet(true);
      break;
    case replay_news::what::rewind:
      rewind();
      break;
    case replay_news::what::arrive:
      arrive(news.moved);
      break;
  }
}

/// Those who were members stay, with all their keys.
void hub_state::rewind() {
  flush();
  quiet_ = true;
  out_.be_quiet(true);
  // Other readers, which know of no watches.
  greeted_ = greeted_features_ = nullptr;
  streams_.reset();
  open_streams();
  on_ready();
}

void hub_state::arrive(bool moved) {
  quiet_ = false;
  out_.be_quiet(false);
  if (alerts_) alerts_->begin();
  if (moved) {
    for (const auto& entry : uses_) {
      const auto key = entry.first;
      if (is_clock(key) || !out_.has(key)) continue;
      const auto snapshot =
          is_alerts(key) ? alerts_->snapshot(0) : values_->snapshot(key, {}, bars_when_moved);
      out_.publish_event(key, [&](const message_style& style) {
        return moved_event(style.quoted, values_->state_of(key), snapshot);
      });
    }
    flush();
  }
  std::vector<std::uint64_t> waiting;
  for (const auto& entry : pending_) waiting.push_back(entry.first);
  for (const auto id : waiting) complete_if_ready(id);
  for (const auto& request : std::exchange(held_back_, {})) subscribe(request);
}

void hub_state::tell_alerts(const stream_list::entry& stream, const record::block& b) {
  const auto done = alerts_->take(stream, b, [&](const std::string& json) {
    out_.publish_event(alerts_key,
                       [&](const message_style& style) { return alert_event(style.quoted, json); });
  });
  if (!done) throw std::runtime_error(stream.name + ": " + done.error().message);
}

void hub_state::tell_clock(const replay_news& news) {
  clock_ = news.clock;
  // Where the replay is going may be seen while nothing else is told.
  out_.be_quiet(false);
  if (news.state_changed) {
    out_.publish_event(messages::clock_key, [&](const message_style& style) {
      return clock_event(style.quoted, clock_);
    });
  } else {
    out_.publish(messages::clock_key, batch::kind::value, now(),
                 [&](std::string& to, const message_style& style) {
                   protocol::append_frame(to, protocol::opcode::text,
                                          clock_event(style.quoted, clock_));
                 });
  }
  flush();
  out_.be_quiet(quiet_);
}

}  // namespace artham::actors

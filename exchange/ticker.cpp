#include "exchange/ticker.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include "feed/kite/codec.hpp"
#include "runtime/log.hpp"

namespace artham::exchange {

namespace {

/// Steps in one go, so that reading and accepting get their turn at full speed.
constexpr int steps_at_once = 256;
/// What may wait for a subscriber at full speed: enough to keep its socket busy, little to lose
/// with it.
constexpr std::size_t lossless_queue = std::size_t{256} << 10;
constexpr std::size_t snapshots_per_frame = 1000;
constexpr std::size_t heartbeat_size = 1;

message_ptr clock_message(market::timestamp t) {
  return text_message(R"({"type":"artham_clock","data":{"market_time_ns":")" + std::to_string(t) +
                      R"("}})");
}

message_ptr instruments_message(std::size_t count) {
  return text_message(R"({"type":"instruments_meta","data":{"count":)" + std::to_string(count) +
                      R"(,"etag":"W/\"artham-)" + std::to_string(count) + R"(\""}})");
}

}  // namespace

ticker::ticker(boost::asio::io_context& io, const options& o, exchange::timeline t)
    : io_(io),
      options_(o),
      timeline_(std::move(t)),
      greeting_(instruments_message(timeline_.source().instruments().size())),
      pace_timer_(io),
      quiet_timer_(io),
      heartbeat_timer_(io),
      silence_timer_(io),
      reject_status_(o.reject_status),
      planned_(o.misbehaviours) {
  std::stable_sort(planned_.begin(), planned_.end(),
                   [](const auto& a, const auto& b) { return a.after_frames < b.after_frames; });
  for (const auto& bytes : timeline_.source().ticked_before()) {
    book_.put(feed::kite::load_u32(bytes.data()), bytes);
  }
  market_time_ = timeline_.now();
}

void ticker::start() {
  schedule_heartbeat();
  if (options_.start == start_when::now) {
    begin();
  }
}

void ticker::stop() {
  stopped_ = true;
  pace_timer_.cancel();
  quiet_timer_.cancel();
  heartbeat_timer_.cancel();
  silence_timer_.cancel();
  for (auto& s : seats_) {
    s.client->drop();
  }
}

// -- clients
// ------------------------------------------------------------------------------------------------

void ticker::join(const client_ptr& c) {
  auto& s = seats_.emplace_back();
  s.client = c;
  if (options_.limits.tokens != 0) s.subscriptions = subscriptions(options_.limits.tokens);
  send(s, clock_message(timeline_.now()));
  send(s, greeting_);
}

std::shared_ptr<void> ticker::take_socket(const std::string& api_key) {
  auto& taken = (*sockets_)[api_key];
  if (options_.limits.sockets != 0 && taken >= options_.limits.sockets) {
    return nullptr;
  }
  ++taken;
  return {sockets_.get(), [all = sockets_, api_key](void*) { --(*all)[api_key]; }};
}

void ticker::leave(const client& c) {
  std::erase_if(seats_, [&](const seat& s) { return s.client.get() == &c; });
  on_drained();
}

void ticker::on_request(const client& c, std::string_view json) {
  const auto found = std::find_if(seats_.begin(), seats_.end(),
                                  [&](const seat& s) { return s.client.get() == &c; });
  if (found == seats_.end()) {
    return;
  }
  const auto request = parse_request(json);
  if (!request) {
    send(*found, text_message(std::string(request_error)));
    return;
  }
  send_snapshots(*found, found->subscriptions.apply(*request));
  if (const auto refused = found->subscriptions.refused(); refused != 0) {
    send(*found, text_message(R"({"type":"error","id":"","data":")" + std::to_string(refused) +
                              " instruments are beyond the limit of " +
                              std::to_string(options_.limits.tokens) + R"( per connection"})"));
  }
  if (!running_ && options_.start == start_when::subscribe) {
    wait_for_quiet();
  }
}

void ticker::on_drained() {
  if (running_ && lossless()) {
    pump_soon();
  }
  check_finished();
}

bool ticker::anyone_subscribed() const {
  return std::any_of(seats_.begin(), seats_.end(),
                     [](const seat& s) { return s.client->is_open() && !s.subscriptions.empty(); });
}

bool ticker::must_wait() const {
  return lossless() && std::any_of(seats_.begin(), seats_.end(), [&](const seat& s) {
           return !s.subscriptions.empty() &&
                  (silent(s) ||
                   s.client->queued() >= std::min(lossless_queue, options_.queue_bytes));
         });
}

void ticker::send(seat& s, const message_ptr& m) {
  if (silent(s) || (s.mute && !m->text && m->bytes.size() > heartbeat_size)) {
    return;
  }
  const auto waiting = s.client->queued();
  s.bad_bytes = waiting == 0 ? 0 : s.bad_bytes;
  const bool waited_for = lossless() && !s.subscriptions.empty();
  if (!waited_for && waiting > options_.queue_bytes + s.bad_bytes) {
    runtime::log().warn("exchange: a client takes too little ({} bytes wait): dropped", waiting);
    s.client->drop();
    return;
  }
  s.idle = s.idle && m->text;
  s.client->send(m);
}

void ticker::send_to_all(const message_ptr& m) {
  for (auto& s : seats_) {
    send(s, m);
  }
}

void ticker::send_snapshots(seat& s, const std::vector<std::uint32_t>& tokens) {
  feed::kite::frame_builder frame;
  for (const auto token : tokens) {
    const auto bytes = in_mode(book_.get(token), *s.subscriptions.mode_of(token));
    if (!bytes.empty() && frame.add_packet(bytes) && frame.packets() == snapshots_per_frame) {
      send(s, binary_message(frame.finish()));
    }
  }
  if (!frame.empty()) {
    send(s, binary_message(frame.finish()));
  }
}

void ticker::schedule_heartbeat() {
  heartbeat_timer_.expires_after(std::chrono::nanoseconds(options_.heartbeat));
  heartbeat_timer_.async_wait([this](boost::system::error_code failed) {
    if (failed || stopped_) {
      return;
    }
    const auto beat = binary_message(std::string(heartbeat_size, '\0'));
    for (auto& s : seats_) {
      if (s.idle) {
        send(s, beat);
      }
      s.idle = true;
    }
    schedule_heartbeat();
  });
}

// -- playing
// ------------------------------------------------------------------------------------------------

void ticker::wait_for_quiet() {
  quiet_timer_.expires_after(std::chrono::nanoseconds(options_.quiet));
  quiet_timer_.async_wait([this](boost::system::error_code failed) {
    if (!failed && !stopped_ && !running_ && anyone_subscribed()) {
      begin();
    }
  });
}

void ticker::begin() {
  running_ = true;
  set_anchor(timeline_.now());
  pump_soon();
}

void ticker::set_anchor(market::timestamp t) {
  anchor_market_ = t;
  anchor_wall_ = steady::now();
}

ticker::steady::time_point ticker::wall_time_of(market::timestamp t) const {
  const auto wait = static_cast<double>(t - anchor_market_) / *options_.speed;
  return anchor_wall_ + std::chrono::nanoseconds(static_cast<std::int64_t>(wait));
}

void ticker::pump_soon() {
  if (!std::exchange(pumping_, true)) {
    boost::asio::post(io_, [this] {
      pumping_ = false;
      pump();
    });
  }
}

void ticker::pump() {
  for (int n = 0; n < steps_at_once; ++n) {
    const auto& next = timeline_.upcoming();
    if (stopped_ || !running_ || next.what == step::kind::end) {
      check_finished();
      return;
    }
    if (lossless()) {
      if (options_.start == start_when::subscribe && !anyone_subscribed()) {
        running_ = false;
        return;
      }
      if (must_wait()) {
        return;
      }
    } else if (!next.jump) {
      const auto due = wall_time_of(next.at);
      if (steady::now() < due) {
        pace_timer_.expires_at(due);
        pace_timer_.async_wait([this](boost::system::error_code failed) {
          if (!failed) {
            pump();
          }
        });
        return;
      }
    }
    do_step();
  }
  pump_soon();
}

void ticker::do_step() {
  const auto now = timeline_.upcoming();
  auto frame = timeline_.take();
  market_time_ = timeline_.now();
  if (now.jump) {
    set_anchor(now.at);
  }
  if (now.what == step::kind::clock) {
    if (now.new_day && timeline_.source().keeps_hours()) {
      book_.clear();
    }
    send_to_all(clock_message(now.at));
    return;
  }
  play(std::move(frame));
  const auto played = frames_played_.fetch_add(1) + 1;
  for (;
       next_misbehaviour_ < planned_.size() && planned_[next_misbehaviour_].after_frames <= played;
       ++next_misbehaviour_) {
    misbehave(planned_[next_misbehaviour_]);
  }
}

void ticker::play(std::string frame) {
  std::vector<packet> packets;
  feed::kite::for_each_packet(frame, [&](std::string_view bytes) {
    packet p{bytes, 0, {}};
    if (bytes.size() >= sizeof p.token) {
      p.token = feed::kite::load_u32(bytes.data());
      p.change = book_.put(p.token, bytes);
    }
    packets.push_back(p);
  });
  message_ptr verbatim;
  for (auto& s : seats_) {
    if (s.subscriptions.empty()) {
      continue;
    }
    const bool takes_all = std::all_of(packets.begin(), packets.end(), [&](const packet& p) {
      return p.token == 0 || s.subscriptions.mode_of(p.token) == mode::full;
    });
    if (takes_all) {
      if (!verbatim) {
        verbatim = binary_message(frame);
      }
      send(s, verbatim);
    } else if (auto cut = cut_for(s, packets)) {
      send(s, cut);
    }
  }
}

message_ptr ticker::cut_for(const seat& s, const std::vector<packet>& packets) const {
  feed::kite::frame_builder frame;
  for (const auto& p : packets) {
    const auto m = s.subscriptions.mode_of(p.token);
    if (!m || (*m == mode::ltp && !p.change.ltp) || (*m == mode::quote && !p.change.quote)) {
      continue;
    }
    if (const auto bytes = in_mode(p.bytes, *m); !bytes.empty()) {
      (void)frame.add_packet(bytes);  // a frame of no more packets than the one that it is cut from
    }
  }
  return frame.empty() ? nullptr : binary_message(frame.finish());
}

void ticker::check_finished() {
  if (finished_ || !running_ || timeline_.upcoming().what != step::kind::end) {
    return;
  }
  const bool taken = std::all_of(seats_.begin(), seats_.end(), [](const seat& s) {
    return s.subscriptions.empty() || s.client->queued() == 0;
  });
  if (taken) {
    finished_ = true;
    if (options_.on_finished) {
      options_.on_finished();
    }
  }
}

// -- misbehaving
// --------------------------------------------------------------------------------------------

void ticker::misbehave(const misbehaviour& m) {
  switch (m.what) {
    case mischief::drop:
      for (auto& s : seats_) {
        s.client->drop();
      }
      return;
    case mischief::mute:
      for (std::size_t i = 0; i < seats_.size(); ++i) {
        seats_[i].mute = seats_[i].mute || !m.client || *m.client == i;
      }
      return;
    case mischief::silent: {
      const auto until = steady::now() + std::chrono::duration_cast<steady::duration>(
                                             std::chrono::duration<double>(m.seconds));
      for (auto& s : seats_) {
        s.silent_until = until;
      }
      silence_timer_.expires_at(until);
      silence_timer_.async_wait([this](boost::system::error_code failed) {
        if (!failed) {
          on_drained();
        }
      });
      return;
    }
    case mischief::reject:
      reject_status_ = m.status;
      return;
    default:
      for (const auto& bad : bad_messages(m.what)) {
        for (auto& s : seats_) {
          s.bad_bytes += bad->bytes.size();
          s.client->send(bad);
        }
      }
  }
}

}  // namespace artham::exchange

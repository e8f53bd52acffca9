#include "app/last_ticks.hpp"

#include <chrono>
#include <condition_variable>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "app/position_at.hpp"
#include "bridge/common/read_to_end.hpp"
#include "messages/record/tick_pack.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

constexpr std::uint64_t batch = 16'384;
/// Records at the stream's end among which the newest packet is looked for.
constexpr std::uint64_t newest_looked_back = 20'000;
constexpr std::chrono::seconds pause_after_error{1};

record::position before_end(record::position end, std::uint64_t back) {
  if (back >= end.seq) return {};
  return {end.epoch, end.seq - back};
}

}  // namespace

/// Rung by the journal, from any thread, perhaps after its reader is gone.
class last_ticks::bell {
 public:
  void ring() { set(rung_); }
  void stop() { set(stopping_); }
  /// Until it rings, or `limit` has passed; false: the end.
  bool wait(std::optional<std::chrono::seconds> limit) {
    std::unique_lock lock(mutex_);
    const auto done = [this] { return rung_ || stopping_; };
    if (limit) {
      changed_.wait_for(lock, *limit, done);
    } else {
      changed_.wait(lock, done);
    }
    rung_ = false;
    return !stopping_;
  }
  [[nodiscard]] bool is_stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

 private:
  void set(bool& what) {
    const std::lock_guard lock(mutex_);
    what = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
  bool stopping_ = false;
};

last_ticks::last_ticks(last_ticks_options o)
    : options_(std::move(o)),
      refused_(&options_.metrics->counter(
          "artham_last_ticks_refused_total",
          "Packets of instruments for whose newest packet there was no room.")),
      bell_(std::make_shared<bell>()),
      thread_([this] { run(); }) {}

last_ticks::~last_ticks() {
  stop();
}

void last_ticks::stop() {
  bell_->stop();
  if (thread_.joinable()) thread_.join();
}

result<std::optional<web::last_tick>> last_ticks::find(std::uint32_t token) const {
  if (!caught_up_) {
    return fail(errc::unavailable,
                "the newest ticks are still being read from the journal; try again");
  }
  packet found;
  {
    const std::lock_guard lock(mutex_);
    const auto it = packets_.find(token);
    if (it == packets_.end()) return std::nullopt;
    found = it->second;
  }
  web::last_tick last{{}, found.receive};
  if (!found.bytes.empty()) {
    last.tick = options_.decoder->decode(found.bytes);
    return last;
  }
  last.tick.token = token;
  last.tick.last = found.packed.last;
  last.tick.exchange_time = found.packed.time;
  return last;
}

std::string last_ticks::packet_of(std::uint32_t token) const {
  const std::lock_guard lock(mutex_);
  const auto it = packets_.find(token);
  return it == packets_.end() ? std::string() : it->second.bytes;
}

void last_ticks::run() {
  for (;;) {
    const auto done = follow();
    if (done) return;
    caught_up_ = false;
    runtime::log().warn("the newest ticks cannot be read: {}; trying again", done.error().message);
    if (!bell_->wait(pause_after_error)) return;
  }
}

result<record::position> last_ticks::day_begin() const {
  const auto tops = options_.journal->stream_tops(record::ticks_stream());
  if (!tops && tops.error().code == errc::not_found) return record::position{};
  if (!tops) return tl::unexpected(tops.error());
  const auto cursor = bridge::open_to_end(*options_.journal, record::ticks_stream(),
                                          before_end(tops->appended, newest_looked_back));
  if (!cursor) return tl::unexpected(cursor.error());
  market::timestamp newest = 0;
  std::vector<std::uint32_t> tokens;
  for (std::uint64_t seen = 0; seen < newest_looked_back;) {
    const auto blocks = (*cursor)->pull(batch);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) break;
    for (const auto& b : *blocks) {
      seen += b->count;
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        if (h.kind != record::kind::kite_frame) return;
        options_.decoder->tokens(body, tokens);
        newest = std::max(newest, record::receive_time(h));
        if (!tokens.empty()) tokens.erase(tokens.begin(), tokens.end() - 1);
      });
    }
  }
  const auto furthest = before_end(tops->appended, options_.looked_back);
  const auto calendar = tokens.empty() ? nullptr : options_.calendar_of(tokens.back());
  if (!calendar) return furthest;
  const auto at = position_at(*options_.journal, calendar->day_of(newest).begin);
  if (!at) return furthest;  // the journal is not kept from there on
  return std::max(*at, furthest);
}

result<void> last_ticks::follow() {
  const auto from = day_begin();
  if (!from) return tl::unexpected(from.error());
  // Its first pulls wait for all that is there, over a network too.
  const auto cursor = bridge::open_to_end(*options_.journal, record::ticks_stream(), *from);
  if (!cursor) return tl::unexpected(cursor.error());
  while (!bell_->is_stopping()) {
    const auto blocks = (*cursor)->pull(batch);
    if (!blocks) return tl::unexpected(blocks.error());
    for (const auto& b : *blocks) take(*b);
    if (!blocks->empty()) continue;
    caught_up_ = true;
    (*cursor)->when_ready([bell = bell_] { bell->ring(); });
    if (!bell_->wait(std::nullopt)) break;
  }
  return {};
}

void last_ticks::take(const record::block& b) {
  const std::lock_guard lock(mutex_);
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (h.kind == record::kind::packed_ticks) take_packed(h, {b.epoch, seq}, body);
    if (h.kind != record::kind::kite_frame) return;
    options_.decoder->packet_views(body, {b.epoch, seq},
                                   [&](record::position, std::string_view bytes) {
                                     if (auto* p = place_of(options_.decoder->token(bytes))) {
                                       p->bytes.assign(bytes);
                                       p->receive = record::receive_time(h);
                                     }
                                   });
  });
}

void last_ticks::take_packed(const record::header& h, record::position first,
                             std::string_view body) {
  std::vector<market::bar_input> ticks;
  if (const auto done = record::decode_ticks(first, body, ticks); !done) {
    runtime::log().warn("ticks at ({}, {}) cannot be read: {}", first.epoch, first.seq,
                        done.error().message);
    return;
  }
  for (const auto& t : ticks) {
    auto* const p = place_of(t.token);
    if (p == nullptr) continue;
    p->bytes.clear();
    p->packed = t;
    p->receive = record::receive_time(h);
  }
}

last_ticks::packet* last_ticks::place_of(std::uint32_t token) {
  const auto it = packets_.find(token);
  if (it != packets_.end()) return &it->second;
  if (packets_.size() >= options_.max_instruments) {
    refused_->add();
    return nullptr;
  }
  return &packets_[token];
}

}  // namespace artham::app

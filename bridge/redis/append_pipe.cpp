#include "bridge/redis/append_pipe.hpp"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include <spdlog/spdlog.h>

#include "bridge/common/stream_rules.hpp"
#include "bridge/redis/control.hpp"
#include "bridge/redis/scripts.hpp"
#include "messages/record/mark_codec.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr std::uint64_t flush_bytes = 256U << 10U;  ///< no lingering from here on
constexpr std::uint64_t usual_entry_bytes = 256U << 10U;
constexpr std::uint64_t window_bytes = 16U << 20U;  ///< of records sent and not answered
constexpr std::size_t window_entries = 256;
constexpr std::size_t worth_sharing = 1U << 20U;  ///< records that several threads pack
/// What Lua's unpack can take, with room to spare.
constexpr std::size_t most_fields = 6000;

std::string end_text(record::position p) {
  return p == record::position{} ? "-" : id_text(p);
}

/// What stands in a damaged block's place: its mark, and nothing.
std::string records_of_damaged(const record::block& b) {
  std::string payload;
  const auto& m = b.marks.front();
  const auto h = record::with_times(record::kind::mark, 1, m.time, m.wall);
  record::append(payload, h, record::encode(m));
  for (auto left = b.count - 1; left != 0;) {
    auto nothing = h;
    nothing.kind = record::kind::elsewhere;
    nothing.count = static_cast<std::uint16_t>(std::min<std::uint64_t>(left, 65'535));
    left -= nothing.count;
    record::append(payload, nothing, {});
  }
  return payload;
}

}  // namespace

append_pipe::append_pipe(const options& o, redis::health& h, runtime::metrics& m,
                         std::shared_ptr<crew> c)
    : options_(o),
      health_(h),
      crew_(std::move(c)),
      queue_gauge_(m.gauge("artham_redis_queue_bytes", "Appended and not yet taken by Redis.")),
      entries_(m.counter("artham_redis_entries_total", "Entries that Redis took.")),
      bytes_(m.counter("artham_redis_record_bytes_total", "Records that Redis took, in bytes.")),
      reconnects_(m.counter("artham_redis_reconnects_total",
                            "Connections for writing that were made anew.")) {}

append_pipe::~append_pipe() {
  stop();
}

void append_pipe::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "redis-write");
    run();
  });
}

void append_pipe::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    room_waiters_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// Streams.

out_stream_ptr append_pipe::find_or_make(std::string_view stream) {
  const std::lock_guard lock(mutex_);
  auto it = streams_.find(stream);
  if (it == streams_.end())
    it = streams_.emplace(std::string(stream), std::make_shared<out_stream>(stream)).first;
  return it->second;
}

std::vector<out_stream_ptr> append_pipe::streams() const {
  const std::lock_guard lock(mutex_);
  std::vector<out_stream_ptr> all;
  all.reserve(streams_.size());
  for (const auto& [name, s] : streams_) all.push_back(s);
  return all;
}

result<void> append_pipe::begin(const out_stream_ptr& s, std::uint32_t epoch,
                                const std::function<result<record::position>()>& read_top) {
  for (;;) {
    std::uint64_t answers = 0;
    {
      const std::lock_guard lock(mutex_);
      answers = s->answers;
    }
    auto top = read_top();
    if (!top) return tl::unexpected(top.error());
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(errc::unavailable, "the bridge to Redis is stopped");
    // What a writer before has left in the queue is the end; else what Redis said, unless Redis
    // took more since then.
    const bool empty = s->queue.empty() && s->in_flight.empty();
    if (empty && s->answers != answers) continue;
    const auto tail = empty ? *top : s->tail;
    if (auto ok = check_writer(s->name, epoch, std::max(s->epoch, tail.epoch), s->has_writer); !ok)
      return ok;
    if (s->is_put && !empty) {
      return fail(errc::conflict, "stream " + s->name + " is written with put_block");
    }
    if (empty) {
      s->tail = s->acked.emplace(*top);
      s->broken.reset();
    }
    s->is_put = false;
    s->has_writer = true;
    s->epoch = epoch;
    return {};
  }
}

void append_pipe::end(out_stream& s) {
  const std::lock_guard lock(mutex_);
  s.has_writer = false;
}

record::position append_pipe::tail(const out_stream& s) const {
  const std::lock_guard lock(mutex_);
  return s.tail;
}

std::uint32_t append_pipe::last_epoch_of_ticks() const {
  const std::lock_guard lock(mutex_);
  std::uint32_t epoch = 0;
  for (const auto& [name, s] : streams_) {
    if (s->kind == numbering::ticks) epoch = std::max({epoch, s->epoch, s->tail.epoch});
  }
  return epoch;
}

// The queue.

result<void> append_pipe::reserve(std::uint64_t bytes) {
  if (bytes > std::min(options_.queue_bytes, max_payload_bytes)) {
    return fail(errc::bad_input,
                "an append of " + std::to_string(bytes) + " bytes is larger than the queue's " +
                    std::to_string(std::min(options_.queue_bytes, max_payload_bytes)));
  }
  if (stopping_) return fail(errc::unavailable, "the bridge to Redis is stopped");
  if (queued_ + bytes > options_.queue_bytes) {
    return fail(errc::full, "the queue of " + std::to_string(options_.queue_bytes) +
                                " bytes to Redis is full: it is slower than the input, or away");
  }
  queued_ += bytes;
  queue_gauge_.set(static_cast<std::int64_t>(queued_));
  return {};
}

void append_pipe::submit(std::uint64_t bytes) {
  const bool first = submitted_ == 0;
  if (first) first_submit_ = clock::now();
  if (first || (submitted_ < flush_bytes && submitted_ + bytes >= flush_bytes))
    changed_.notify_one();
  submitted_ += bytes;
}

void append_pipe::join(out_stream& s, outgoing o) {
  auto* const before = s.queue.empty() ? nullptr : &s.queue.back();
  // Only the front of an entry can stand for positions without records.
  const bool leaves_none_out = !is_dense(s.kind) || o.first.seq + o.count == o.last.seq + 1;
  if (before == nullptr || before->is_cut || before->was_sent || before->fence != o.fence ||
      before->last.epoch != o.last.epoch || !leaves_none_out ||
      before->records().size() + o.records().size() > usual_entry_bytes) {
    s.queue.push_back(std::move(o));
    return;
  }
  if (const auto block = std::exchange(before->block, nullptr)) before->payload = block->payload;
  before->payload += o.records();
  before->count += o.count;
  before->last = o.last;
}

result<void> append_pipe::add(out_stream& s, std::vector<outgoing> entries) {
  std::uint64_t bytes = 0;
  for (const auto& e : entries) bytes += e.payload.size();
  const std::lock_guard lock(mutex_);
  if (s.broken) return tl::unexpected(*s.broken);
  if (auto ok = reserve(bytes); !ok) return ok;
  for (auto& e : entries) {
    s.tail = e.last;
    join(s, std::move(e));
  }
  submit(bytes);
  return {};
}

result<void> append_pipe::put(out_stream& s, record::block_ptr block, record::position from,
                              std::uint64_t fence) {
  const auto wrong = [&](const std::string& what) {
    return fail(errc::bad_input, "put_block to " + s.name + ": " + what);
  };
  if (block->by_cause || block->count == 0 || (block->damaged && block->marks.empty()))
    return wrong("that is no block of ticks");
  if (from.seq == 0 || from.seq > block->first_seq || from.epoch > block->epoch)
    return wrong("a block from " + id_text(block->first()) + " cannot stand for " + id_text(from));
  outgoing o;
  o.first = from;
  o.last = block->last();
  o.count = block->count;
  o.fence = fence;
  if (block->damaged) {
    o.payload = records_of_damaged(*block);
  } else {
    o.block = std::move(block);
  }
  const auto bytes = o.records().size();
  const std::lock_guard lock(mutex_);
  if (s.has_writer) return fail(errc::conflict, "stream " + s.name + " has a writer already");
  if (s.broken) {
    const auto why = *std::exchange(s.broken, std::nullopt);
    return tl::unexpected(why);
  }
  if (s.is_put && s.tail.seq != 0 && from.seq != s.tail.seq + 1) {
    // With nothing under way it may be that Redis ends elsewhere now: asked before this is sent.
    if (!s.queue.empty() || !s.in_flight.empty())
      return wrong(id_text(from) + " does not follow " + id_text(s.tail));
    s.acked.reset();
  }
  if (auto ok = reserve(bytes); !ok) return ok;
  if (!std::exchange(s.is_put, true)) s.acked.reset();
  s.tail = o.last;
  join(s, std::move(o));
  submit(bytes);
  return {};
}

void append_pipe::when_room(std::uint64_t bytes, std::function<void()> fn) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (queued_ + bytes > options_.queue_bytes) {
      room_waiters_.emplace_back(bytes, std::move(fn));
      return;
    }
  }
  fn();
}

result<void> append_pipe::flush(market::duration limit) {
  std::unique_lock lock(mutex_);
  const auto state = [&]() -> std::optional<result<void>> {
    bool waiting = false;
    for (const auto& [name, s] : streams_) {
      if (!s->is_put) continue;
      if (s->broken) return tl::unexpected(*s->broken);
      waiting = waiting || !s->queue.empty() || !s->in_flight.empty();
    }
    if (waiting) return std::nullopt;
    return result<void>{};
  };
  std::optional<result<void>> now;
  settled_.wait_for(lock, std::chrono::nanoseconds(limit), [&] {
    now = state();
    return now.has_value();
  });
  if (!now) {
    return fail(errc::unavailable, "Redis at " + options_.server.text() + " has not taken " +
                                       std::to_string(queued_) + " bytes in time");
  }
  if (!*now) {
    for (const auto& [name, s] : streams_) {
      if (s->is_put) s->broken.reset();
    }
  }
  return *now;
}

void append_pipe::release(std::uint64_t bytes) {
  queued_ -= bytes;
  queue_gauge_.set(static_cast<std::int64_t>(queued_));
  std::erase_if(room_waiters_, [&](auto& waiter) {
    if (queued_ + waiter.first > options_.queue_bytes) return false;
    due_.push_back(std::move(waiter.second));
    return true;
  });
}

void append_pipe::break_stream(out_stream& s, error why) {
  std::uint64_t bytes = 0;
  for (const auto* part : {&s.queue, &s.in_flight}) {
    for (const auto& o : *part) bytes += o.records().size();
  }
  s.queue.clear();
  s.in_flight.clear();
  ++s.generation;
  s.acked.reset();
  s.tail = {};
  runtime::log().error("stream {} is not written any more: {}", s.name, why.message);
  why.code = errc::conflict;
  s.broken = std::move(why);
  // Whoever waits for room must hear of it.
  for (auto& waiter : room_waiters_) due_.push_back(std::move(waiter.second));
  room_waiters_.clear();
  release(bytes);
  settled_.notify_all();
}

/// What was sent is to be sent again; answers that are under way mean nothing.
void append_pipe::requeue(out_stream& s) {
  ++s.generation;
  s.queue.insert(s.queue.begin(), std::make_move_iterator(s.in_flight.begin()),
                 std::make_move_iterator(s.in_flight.end()));
  s.in_flight.clear();
}

/// Redis has the first of `from`.
void append_pipe::taken(out_stream& s, std::deque<outgoing>& from) {
  const auto bytes = from.front().records().size();
  s.acked = from.front().last;
  ++s.answers;
  entries_.add();
  bytes_.add(bytes);
  from.pop_front();
  last_progress_ = clock::now();
  release(bytes);
  if (s.queue.empty() && s.in_flight.empty()) settled_.notify_all();
}

bool append_pipe::has_unsent() const {
  return std::ranges::any_of(streams_, [](const auto& s) { return !s.second->queue.empty(); });
}

/// The first record after a quiet time waits for nobody.
append_pipe::clock::time_point append_pipe::due() const {
  return std::min(first_submit_, last_write_) + std::chrono::nanoseconds(options_.linger);
}

// The thread.

void append_pipe::run() {
  last_progress_ = clock::now();
  while (wait_for_work()) {
    auto ok = work();
    if (!ok) {
      lost();
      trouble_ = ok.error();
    }
    if (trouble_) {
      health_.set("write", trouble_);
    } else if (awaited_.empty()) {
      health_.set("write", std::nullopt);
      pauses_.reset();
    }
    call_waiters();
    if (trouble_) pause();
  }
  call_waiters();
}

bool append_pipe::wait_for_work() {
  std::unique_lock lock(mutex_);
  if (awaited_.empty()) {
    if (!has_unsent()) changed_.wait(lock, [&] { return submitted_ != 0 || stopping_; });
    changed_.wait_until(lock, due(), [&] { return submitted_ >= flush_bytes || stopping_; });
  }
  if (!stopping_) return true;
  if (awaited_.empty() && !has_unsent()) return false;
  if (clock::now() < last_progress_ + 2 * std::chrono::nanoseconds(options_.server.timeout))
    return true;
  runtime::log().warn("Redis at {} has not taken {} bytes, which are given up",
                      options_.server.text(), queued_);
  return false;
}

result<void> append_pipe::work() {
  trouble_.reset();
  if (!connection_) {
    if (auto ok = connect(); !ok) return ok;
  }
  if (teach_ && awaited_.empty()) {
    auto ok = connection_->command({"SCRIPT", "LOAD", append_script().text()});
    if (!ok) return tl::unexpected(ok.error());
    teach_ = false;
  }
  if (awaited_.empty()) {
    if (auto ok = compare_ends(false); !ok) return ok;
  }
  send_some();
  if (auto ok = connection_->send(); !ok) return ok;
  return take_answers();
}

void append_pipe::pause() {
  std::unique_lock lock(mutex_);
  const bool stopped = stopping_;
  changed_.wait_for(lock, pauses_.next(), [&] { return stopping_ && !stopped; });
}

result<void> append_pipe::connect() {
  auto c = connection::open(options_.server, options_.consumer + "-write");
  if (!c) return tl::unexpected(c.error());
  connection_ = std::move(*c);
  teach_ = true;
  if (std::exchange(was_connected_, true)) reconnects_.add();
  return compare_ends(true);
}

void append_pipe::lost() {
  connection_.reset();
  awaited_.clear();
  const std::lock_guard lock(mutex_);
  for (const auto& [name, s] : streams_) requeue(*s);
}

result<void> append_pipe::compare_ends(bool all) {
  std::vector<out_stream_ptr> asked;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, s] : streams_) {
      if (!s->queue.empty() && (all || !s->acked)) asked.push_back(s);
    }
  }
  for (const auto& s : asked) {
    const std::string_view keys[] = {s->name, tops_key};
    auto r = connection_->eval(top_script(), keys, {});
    if (!r && is_transient(r.error().code)) return tl::unexpected(r.error());
    auto top = r ? top_of(s->name, *r) : result<record::position>(tl::unexpected(r.error()));
    const std::lock_guard lock(mutex_);
    if (top) {
      end_is(*s, *top);
    } else {
      break_stream(*s, top.error());
    }
  }
  return {};
}

void append_pipe::end_is(out_stream& s, record::position top) {
  if (s.queue.empty()) return;
  const auto& next = s.queue.front();
  if (!s.acked) {
    if (top == record::position{} || (next.first.seq == top.seq + 1 && next.last > top)) {
      s.acked = top;
      return;
    }
    break_stream(s, {errc::conflict, "stream " + s.name + " in Redis ends at " + id_text(top) +
                                         ", and what was put begins at " + id_text(next.first)});
    return;
  }
  if (*s.acked == top) return;
  const auto ours =
      std::ranges::find_if(s.queue, [&](const outgoing& o) { return o.was_sent && o.last == top; });
  if (ours != s.queue.end()) {
    while (*s.acked != top) taken(s, s.queue);
    return;
  }
  if (top == record::position{}) {
    break_stream(s, {errc::conflict, "stream " + s.name + " in Redis was emptied: it ended at " +
                                         id_text(*s.acked)});
    return;
  }
  break_stream(s, {errc::conflict, "stream " + s.name + " in Redis ends at " + id_text(top) +
                                       " and not at " + end_text(*s.acked) +
                                       ": another has written it, or Redis has lost its end"});
}

void append_pipe::send_some() {
  struct item {
    out_stream_ptr of;
    const outgoing* what;
    record::position before;
  };
  std::vector<item> items;
  {
    const std::lock_guard lock(mutex_);
    if (!awaited_.empty() && submitted_ < flush_bytes && clock::now() < due()) return;
    submitted_ = 0;
    std::uint64_t flying = 0;
    for (const auto& [name, s] : streams_) {
      for (const auto& o : s->in_flight) flying += o.records().size();
    }
    auto places = window_entries - std::min(window_entries, awaited_.size());
    for (bool more = true; more;) {
      more = false;
      for (const auto& [name, s] : streams_) {
        if (s->queue.empty() || !s->acked) continue;
        if (places == 0 || flying >= window_bytes) break;
        if (options_.encoding == encoding::fields && !s->queue.front().is_cut) {
          const auto whole = std::move(s->queue.front());
          s->queue.pop_front();
          std::deque<outgoing> parts;
          for (const auto& part :
               cut(s->kind, {whole.first, {}, whole.last, whole.count, whole.records()})) {
            outgoing o;
            o.first = part.first;
            o.last = part.last;
            o.count = part.count;
            o.payload = part.payload;
            o.fence = whole.fence;
            o.is_cut = true;
            parts.push_back(std::move(o));
          }
          s->queue.insert(s->queue.begin(), std::make_move_iterator(parts.begin()),
                          std::make_move_iterator(parts.end()));
        }
        const auto before = s->in_flight.empty() ? *s->acked : s->in_flight.back().last;
        s->in_flight.push_back(std::move(s->queue.front()));
        s->queue.pop_front();
        auto& o = s->in_flight.back();
        o.is_resent = std::exchange(o.was_sent, true);
        flying += o.records().size();
        items.push_back({s, &o, before});
        awaited_.push_back({s, s->generation});
        --places;
        more = true;
      }
    }
  }
  // What is in flight changes in this thread only.
  const auto bytes =
      std::accumulate(items.begin(), items.end(), std::size_t{0},
                      [](std::size_t n, const item& i) { return n + i.what->records().size(); });
  if (bytes < worth_sharing) {
    for (const auto& i : items)
      send_one(*i.of, *i.what, i.before, fields_of(*i.of, *i.what, i.before));
  } else {
    std::vector<entry_fields> packed(items.size());
    crew_->share(items.size(), [&](std::size_t n) {
      packed[n] = fields_of(*items[n].of, *items[n].what, items[n].before);
    });
    for (std::size_t n = 0; n < items.size(); ++n)
      send_one(*items[n].of, *items[n].what, items[n].before, packed[n]);
  }
  if (!items.empty()) last_write_ = clock::now();
}

entry_fields append_pipe::fields_of(const out_stream& s, const outgoing& o,
                                    record::position before) const {
  const entry e{o.first, before, o.last, o.count, o.records()};
  if (options_.encoding == encoding::fields) {
    auto fields = spell_out(s.kind, e);
    if (fields.size() <= most_fields) return fields;
  }
  return pack(s.kind, e, options_.compress);
}

void append_pipe::send_one(const out_stream& s, const outgoing& o, record::position before,
                           const entry_fields& fields) {
  const std::string_view keys[] = {s.name, s.lease, tops_key};
  const auto fence = std::to_string(o.fence);
  const auto follows = end_text(before);
  const auto id = id_text(o.last);
  const auto kept = std::to_string(s.kind == numbering::live ? live_entries : 0);
  std::vector<std::string_view> values{fence, follows, id, kept};
  values.insert(values.end(), fields.begin(), fields.end());
  connection_->append_eval(append_script(), keys, values);
}

/// At least one, and all that have come.
result<void> append_pipe::take_answers() {
  for (bool first = true; !awaited_.empty(); first = false) {
    if (!first) {
      auto there = connection_->wait_reply(clock::now(), -1);
      if (!there) return tl::unexpected(there.error());
      if (!*there) break;
    }
    auto r = connection_->next_reply();
    if (!r) return tl::unexpected(r.error());
    const auto what = std::move(awaited_.front());
    awaited_.pop_front();
    answered(what, *r);
  }
  return {};
}

void append_pipe::answered(const sent& what, const reply& r) {
  const std::lock_guard lock(mutex_);
  auto& s = *what.of;
  if (s.generation != what.generation) return;
  if (!r.is_error()) {
    taken(s, s.in_flight);
  } else {
    refused(s, r.text());
  }
}

void append_pipe::refused(out_stream& s, std::string_view text) {
  const auto place = connection_->place();
  const auto why = error_of(text, place);
  if (text.starts_with("NOSCRIPT")) {
    teach_ = true;
    requeue(s);
    return;
  }
  if (text.starts_with("NOTNEXT ")) {
    // Sent twice, as the connection was lost between: the first has come late.
    const auto rest = text.substr(8);
    const auto id = parse_entry_id(rest.substr(0, rest.find(' ')));
    const auto top = id ? id->position() : std::nullopt;
    if (top && s.in_flight.front().last <= *top &&
        std::ranges::any_of(s.in_flight,
                            [&](const outgoing& o) { return o.is_resent && o.last == *top; })) {
      taken(s, s.in_flight);
      return;
    }
  }
  const bool for_good = why.code == errc::conflict || why.code == errc::corrupt ||
                        text.starts_with("ERR The ID specified in XADD");
  if (for_good) {
    break_stream(s, why);
    return;
  }
  requeue(s);
  trouble_ = why;
}

void append_pipe::call_waiters() {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    callbacks.swap(due_);
  }
  for (const auto& fn : callbacks) fn();
}

}  // namespace artham::bridge::redis

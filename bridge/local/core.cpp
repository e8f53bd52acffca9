#include "bridge/local/core.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "bridge/common/stream_rules.hpp"
#include "bridge/local/segment_scan.hpp"
#include "runtime/clock.hpp"
#include "runtime/failpoint.hpp"

namespace artham::bridge::local {
namespace {

constexpr std::uint64_t flush_bytes = 256U << 10U;  ///< no lingering from here on
constexpr std::size_t blocks_at_once = 64;
constexpr std::uint64_t allocation_step = 1U << 20U;
constexpr auto retry_interval = std::chrono::milliseconds(100);

std::int64_t day_of(std::int64_t time) {
  return time / market::day;
}

/// The UTC date that a block belongs to: a source's by its first receive time, any other by
/// today's.
std::int64_t day_of(const record::block& b, bool source) {
  record::header h;
  std::memcpy(&h, b.payload.data(), record::header_size);
  return day_of(source ? record::receive_time(h) : runtime::utc_now());
}

void run_all(const std::vector<std::function<void()>>& callbacks) {
  for (const auto& fn : callbacks) fn();
}

}  // namespace

core::core(options o)
    : options_(std::move(o)),
      disk_(options_.disk != nullptr ? *options_.disk : system_disk_),
      metrics_(options_.metrics != nullptr ? *options_.metrics : own_metrics_),
      blocks_(metrics_.counter("artham_journal_blocks_total", "Blocks written to the journal.")),
      syncs_(metrics_.counter("artham_journal_fsync_total", "Calls of fdatasync for the journal.")),
      sync_ns_(metrics_.counter("artham_journal_fsync_nanoseconds_total",
                                "Time spent in fdatasync for the journal.")),
      queue_gauge_(metrics_.gauge("artham_journal_queue_bytes", "Appended and not yet written.")),
      full_gauge_(metrics_.gauge(disk_full_metric, "1 while the journal's disk has no room.")),
      reserve_gauge_(metrics_.gauge("artham_journal_reserve_bytes",
                                    "Room on the disk that is held for what must still be "
                                    "written when it is full.")) {}

core::~core() {
  stop();
}

void core::show(stream_map streams) {
  streams_ = std::move(streams);
  read_only_ = true;
}

void core::start(stream_map streams) {
  streams_ = std::move(streams);
  writer_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "journal");
    write_loop();
  });
  syncer_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "journal-sync");
    sync_loop();
  });
}

void core::stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    if (std::exchange(stopping_, true)) return;
    room_waiters_.clear();
  }
  queue_changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  {
    const std::lock_guard lock(sync_mutex_);
    sync_stopping_ = true;
  }
  sync_changed_.notify_all();
  if (syncer_.joinable()) syncer_.join();
  for (auto& [s, out] : outputs_) {
    if (out.segment) static_cast<void>(end_segment(out));
  }
}

stream_ptr core::find(std::string_view name) const {
  const std::lock_guard lock(streams_mutex_);
  const auto it = streams_.find(name);
  return it == streams_.end() ? nullptr : it->second;
}

stream_ptr core::find_or_make(std::string_view name) {
  const std::lock_guard lock(streams_mutex_);
  auto it = streams_.find(name);
  if (it == streams_.end()) {
    it = streams_
             .emplace(name,
                      std::make_shared<stream>(std::string(name), options_.dir / name, metrics_))
             .first;
  }
  return it->second;
}

std::vector<stream_ptr> core::streams() const {
  const std::lock_guard lock(streams_mutex_);
  std::vector<stream_ptr> all;
  all.reserve(streams_.size());
  for (const auto& [name, s] : streams_) all.push_back(s);
  return all;
}

// The queue in front of the disk.

result<void> core::reserve(std::uint64_t bytes) {
  if (bytes > std::min(options_.queue_bytes, max_block_bytes)) {
    return fail(errc::bad_input,
                "an append of " + std::to_string(bytes) + " bytes is larger than the journal's " +
                    std::to_string(std::min(options_.queue_bytes, max_block_bytes)));
  }
  const std::lock_guard lock(queue_mutex_);
  if (stopping_)
    return fail(errc::unavailable, "the journal in " + options_.dir.string() + " is stopped");
  if (failure_) return tl::unexpected(*failure_);
  if (queued_ + bytes > options_.queue_bytes) {
    return fail(errc::full, "the journal's queue of " + std::to_string(options_.queue_bytes) +
                                " bytes is full: the disk is slower than the input");
  }
  queued_ += bytes;
  queue_gauge_.set(static_cast<std::int64_t>(queued_));
  return {};
}

result<void> core::reserve_urgent(std::uint64_t bytes) {
  const std::lock_guard lock(queue_mutex_);
  if (stopping_)
    return fail(errc::unavailable, "the journal in " + options_.dir.string() + " is stopped");
  if (broken_) return tl::unexpected(*failure_);
  queued_ += bytes;
  queue_gauge_.set(static_cast<std::int64_t>(queued_));
  return {};
}

bool core::disk_is_full() const {
  const std::lock_guard lock(queue_mutex_);
  return failure_ && failure_->code == errc::full;
}

void core::submit(std::uint64_t bytes) {
  bool notify = false;
  {
    const std::lock_guard lock(queue_mutex_);
    if (submitted_ == 0) {
      first_submit_ = clock::now();
      notify = true;
    }
    notify = notify || (submitted_ < flush_bytes && submitted_ + bytes >= flush_bytes);
    submitted_ += bytes;
  }
  if (notify) queue_changed_.notify_one();
}

void core::when_room(std::uint64_t bytes, std::function<void()> fn) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (stopping_) return;
    if (failure_ || queued_ + bytes > options_.queue_bytes) {
      room_waiters_.emplace_back(bytes, std::move(fn));
      return;
    }
  }
  fn();
}

void core::release(std::uint64_t bytes) {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(queue_mutex_);
    queued_ -= bytes;
    queue_gauge_.set(static_cast<std::int64_t>(queued_));
    if (failure_) return;
    std::erase_if(room_waiters_, [&](auto& waiter) {
      if (queued_ + waiter.first > options_.queue_bytes) return false;
      callbacks.push_back(std::move(waiter.second));
      return true;
    });
  }
  run_all(callbacks);
}

void core::set_failure(std::optional<error> e, bool permanent) {
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(queue_mutex_);
    if (broken_ || (!e && !failure_)) return;
    broken_ = permanent;
    const bool known = e && failure_ && *e == *failure_ && !permanent;
    const bool same_kind = e && failure_ && e->code == failure_->code;
    failure_ = e;
    full_gauge_.set(e && e->code == errc::full ? 1 : 0);
    if (known) return;
    // Who waits for the queue must hear that it is the disk now.
    if (e && !same_kind) {
      for (auto& waiter : room_waiters_) callbacks.push_back(std::move(waiter.second));
      room_waiters_.clear();
    }
  }
  run_all(callbacks);
  if (options_.on_health) options_.on_health(e);
  if (!e) release(0);
}

// The writing thread.

void core::write_loop() {
  const auto linger = std::chrono::nanoseconds(options_.linger);
  clock::time_point last_write;
  for (;;) {
    bool last = false;
    {
      std::unique_lock lock(queue_mutex_);
      if (failure_) {
        queue_changed_.wait_for(lock, retry_interval, [&] { return stopping_; });
      } else {
        queue_changed_.wait(lock, [&] { return submitted_ != 0 || stopping_; });
        // The first record after a quiet time waits for nobody.
        const auto due = std::min(first_submit_, last_write) + linger;
        queue_changed_.wait_until(lock, due,
                                  [&] { return submitted_ >= flush_bytes || stopping_; });
      }
      submitted_ = 0;
      last = stopping_;
    }
    collect();
    auto written = write_all();
    if (written) written = check_room();
    last_write = clock::now();
    if (written) {
      set_failure(std::nullopt, false);
    } else {
      set_failure(written.error(), false);
    }
    if (last) {
      // An append may have been under way when the journal was told to stop.
      const std::lock_guard lock(queue_mutex_);
      if (queued_ == 0 || !written) return;
    }
  }
}

// A derived record is appended after its cause. Taking derived streams first and writing sources
// first keeps every record behind its cause: in the files, in what readers see, and in what is
// synced.

std::vector<stream_ptr> core::derived_first() const {
  auto all = streams();
  std::stable_partition(all.begin(), all.end(), [](const auto& s) { return !s->source; });
  return all;
}

void core::collect() {
  for (const auto& s : derived_first()) {
    const std::lock_guard lock(s->mutex);
    if (s->pending.empty()) continue;
    auto& out = outputs_[s.get()];
    out.of = s;
    std::ranges::move(s->pending, std::back_inserter(out.batches));
    s->pending.clear();
  }
}

result<void> core::write_all() {
  for (const bool sources : {true, false}) {
    for (auto& [s, out] : outputs_) {
      if (s->source != sources) continue;
      while (!out.batches.empty()) {
        if (auto ok = write_some(out); !ok) return ok;
      }
      // Said as soon as the reserve is touched, while what is on its way fits into it.
      if (out.segment) {
        if (auto ok = allocate(out, 0); !ok) return ok;
      }
    }
  }
  return {};
}

/// After a full disk: writing goes on when there is more room than the next few blocks take.
result<void> core::check_room() const {
  if (!disk_is_full()) return {};
  std::error_code failed;
  const auto room = std::filesystem::space(options_.dir, failed);
  if (failed || room.available >= 2 * options_.reserve_bytes) return {};
  const std::lock_guard lock(queue_mutex_);
  return tl::unexpected(*failure_);
}

result<void> core::allocate(output& out, std::uint64_t bytes) {
  if (!out.of->source || options_.reserve_bytes == 0) return {};
  const auto wanted = out.size + bytes + options_.reserve_bytes;
  if (out.allocated >= wanted) return {};
  const auto end = (wanted / allocation_step + 1) * allocation_step;
  if (disk_.allocate(out.segment->fd(), static_cast<off_t>(out.size), static_cast<off_t>(end)) ==
      0) {
    out.allocated = end;
    reserve_gauge_.set(static_cast<std::int64_t>(end - out.size - bytes));
    return {};
  }
  auto e = system_error("write to", out.path, errno);
  if (e.code == errc::full) {
    reserve_gauge_.set(
        static_cast<std::int64_t>(out.allocated > out.size ? out.allocated - out.size : 0));
    return tl::unexpected(std::move(e));
  }
  // A file system that cannot hold room: writing goes on without a reserve.
  reserve_gauge_.set(0);
  out.allocated = UINT64_MAX;
  return {};
}

/// Where the disk has no room for all of `p`, leaves what fits into the reserve; errc::full when
/// nothing does.
result<void> core::make_room(output& out, pass& p) {
  auto ok = allocate(out, p.total);
  if (ok || ok.error().code != errc::full) return ok;
  const auto held = out.allocated > out.size ? out.allocated - out.size : 0;
  while (p.total > held) {
    p.total -= p.lengths.back();
    p.lengths.pop_back();
    p.io.resize(2 * p.lengths.size());
  }
  if (p.lengths.empty()) return ok;
  return {};
}

core::pass core::next_pass(const output& out) const {
  pass p;
  p.parts.reserve(2 * blocks_at_once);
  for (const auto& b : out.batches) {
    if (p.lengths.size() == blocks_at_once || b.block->epoch != out.epoch ||
        (!p.lengths.empty() &&
         out.size + p.total + b.block->payload.size() > options_.segment_bytes)) {
      break;
    }
    block_header h;
    h.epoch = b.block->epoch;
    h.marks = static_cast<std::uint32_t>(b.places.size());
    h.first_seq = b.block->first_seq;
    h.count = b.block->count;
    h.raw = static_cast<std::uint32_t>(b.block->payload.size());
    std::string_view stored = b.block->payload;
    if (options_.compress == compression::zstd) {
      if (auto small = compress(stored)) {
        stored = p.parts.emplace_back(std::move(*small));
        h.codec = static_cast<std::uint8_t>(codec::zstd);
      }
    }
    h.stored = static_cast<std::uint32_t>(stored.size());
    const auto& head = p.parts.emplace_back(block_head(h, b.places, stored));
    p.io.push_back({const_cast<char*>(head.data()), head.size()});
    p.io.push_back({const_cast<char*>(stored.data()), stored.size()});
    p.lengths.push_back(head.size() + stored.size());
    p.total += p.lengths.back();
  }
  return p;
}

result<void> core::write_some(output& out) {
  const auto& first = *out.batches.front().block;
  const auto longest = first.payload.size() + sizeof(block_header);
  if (out.segment &&
      (out.epoch != first.epoch || day_of(first, out.of->source) > out.day ||
       (out.size > sizeof(segment_header) && out.size + longest > options_.segment_bytes))) {
    if (auto ok = end_segment(out); !ok) return ok;
    runtime::failpoint("segment.ended");
  }
  if (!out.segment) {
    if (auto ok = begin_segment(out, first); !ok) return ok;
  }
  auto p = next_pass(out);
  if (auto ok = make_room(out, p); !ok) return ok;
  auto& io = p.io;
  runtime::failpoint(out.of->source ? "journal.ticks.half" : "journal.bars.half", [&] {
    const iovec half[] = {io[0], {io[1].iov_base, io[1].iov_len / 2}};
    static_cast<void>(disk_.write(out.segment->fd(), half, 2, static_cast<off_t>(out.size)));
  });
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < io.size();) {
    const auto n = disk_.write(out.segment->fd(), io.data() + i, static_cast<int>(io.size() - i),
                               static_cast<off_t>(out.size + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      const int number = errno;
      // No torn block stays in the file; should this fail too, the next attempt writes over it.
      static_cast<void>(::ftruncate(out.segment->fd(), static_cast<off_t>(out.size)));
      if (out.allocated != UINT64_MAX) out.allocated = 0;
      return tl::unexpected(system_error("write to", out.path, number));
    }
    done += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    for (; i < io.size() && left >= io[i].iov_len; ++i) left -= io[i].iov_len;
    if (left != 0) io[i] = {static_cast<char*>(io[i].iov_base) + left, io[i].iov_len - left};
  }
  runtime::failpoint(out.of->source ? "journal.ticks.written" : "journal.bars.written");
  publish(out, p.lengths);
  return {};
}

result<void> core::begin_segment(output& out, const record::block& first) {
  auto& s = *out.of;
  std::error_code failed;
  std::filesystem::create_directories(s.dir, failed);
  if (failed) return tl::unexpected(system_error("create", s.dir, failed.value()));
  const auto path = s.dir / segment_name(first.first_seq, first.epoch);
  auto f = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
  if (!f) return tl::unexpected(f.error());
  runtime::failpoint("segment.created");
  auto header = make_segment_header(s.name, first.epoch, first.first_seq, runtime::utc_now());
  const iovec part{&header, sizeof header};
  errno = EIO;
  if (disk_.write(f->fd(), &part, 1, 0) != static_cast<ssize_t>(sizeof header) ||
      disk_.sync(f->fd()) != 0) {
    return tl::unexpected(system_error("begin segment", path, errno));
  }
  runtime::failpoint("segment.headed");
  for (const auto& dir : {s.dir, options_.dir}) {
    if (auto ok = sync_directory(dir); !ok) return ok;
  }
  out.segment = std::make_shared<file>(std::move(*f));
  out.path = path;
  out.size = sizeof header;
  out.allocated = 0;
  out.day = day_of(first, s.source);
  out.epoch = first.epoch;
  const std::lock_guard lock(s.mutex);
  // A segment of the same name is an empty one that was begun before.
  if (!s.segments.empty() && s.segments.back()->path() == path) s.segments.pop_back();
  s.segments.push_back(std::make_shared<segment>(path, segment_id{first.first_seq, first.epoch}));
  s.active_file = out.segment;
  s.active_index = index_builder(first.first_seq, first.epoch);
  return {};
}

result<void> core::end_segment(output& out) {
  auto& s = *out.of;
  if (auto ok = sync_file(*out.segment, s.name); !ok) return ok;
  runtime::failpoint("segment.synced");
  // Gives back the room behind the end; without that, opening does.
  if (out.allocated > out.size)
    static_cast<void>(::ftruncate(out.segment->fd(), static_cast<off_t>(out.size)));
  segment_ptr at;
  index_ptr index;
  {
    const std::lock_guard lock(s.mutex);
    s.active_index.close();
    at = s.segments.back();
    index = std::make_shared<const segment_index>(s.active_index.index());
  }
  if (!save_index(at->path(), *index, out.size)) at->pin(index);
  const std::lock_guard lock(s.mutex);
  s.active_file = nullptr;
  s.active_index = {};
  out.segment = nullptr;
  return {};
}

void core::publish(output& out, const std::vector<std::uint64_t>& lengths) {
  auto& s = *out.of;
  std::vector<index_builder::block_facts> facts;
  std::uint64_t released = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto& b = out.batches[i];
    facts.push_back(facts_of(*b.block, out.size, lengths[i], s.source));
    facts.back().any_token = b.any_token;
    out.size += lengths[i];
    released += b.block->payload.size();
    const auto memory = sizeof(record::block) + b.block->payload.capacity();
    tail_order_.emplace_back(out.of, memory);
    tail_size_ += memory;
    s.bytes_written.add(lengths[i]);
  }
  blocks_.add(lengths.size());
  std::vector<std::function<void()>> ready;
  {
    const std::lock_guard lock(s.mutex);
    for (const auto& f : facts) {
      const auto& b = out.batches.front();
      s.active_index.add(f, [&](token_set& into) {
        for (const auto token : b.tokens) into.insert(token);
      });
      s.appended = b.block->last();
      s.tail.push_back(b.block);
      out.batches.pop_front();
    }
    ready = s.wake();
  }
  trim_tails();
  bool first_unsynced = false;
  {
    const std::lock_guard lock(sync_mutex_);
    first_unsynced = !std::exchange(unsynced_, true);
  }
  if (first_unsynced) sync_changed_.notify_one();
  release(released);
  run_all(ready);
}

void core::trim_tails() {
  while (tail_size_ > options_.tail_bytes) {
    const auto [s, bytes] = tail_order_.front();
    tail_order_.pop_front();
    tail_size_ -= bytes;
    record::block_ptr dropped;  // freed outside the lock
    const std::lock_guard lock(s->mutex);
    dropped = std::move(s->tail.front());
    s->tail.pop_front();
  }
}

// The syncing thread.

void core::sync_loop() {
  const auto interval = std::chrono::nanoseconds(options_.sync_interval);
  clock::time_point last;
  for (;;) {
    bool stop = false;
    {
      std::unique_lock lock(sync_mutex_);
      sync_changed_.wait(lock, [&] { return unsynced_ || sync_stopping_; });
      sync_changed_.wait_until(lock, last + interval, [&] { return sync_stopping_; });
      unsynced_ = false;
      stop = sync_stopping_;
    }
    last = clock::now();
    if (!sync_pass() || stop) return;
  }
}

result<void> core::sync_file(const file& f, const std::string& stream) {
  const auto begin = clock::now();
  int outcome = 0;
  do {
    outcome = disk_.sync(f.fd());
  } while (outcome != 0 && errno == EINTR);
  const int number = errno;
  syncs_.add();
  sync_ns_.add(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - begin).count()));
  if (outcome == 0) return {};
  // The kernel may have dropped what it could not write, and says so only once: syncing again would
  // lie.
  error e{errc::io,
          system_error("sync journal of", stream, number).message + "; mend the disk and restart"};
  set_failure(e, true);
  return tl::unexpected(std::move(e));
}

result<void> core::sync_pass() {
  struct target {
    stream_ptr of;
    file_ptr active;
    record::position upto;
  };
  std::vector<target> targets;
  for (const auto& s : derived_first()) {
    const std::lock_guard lock(s->mutex);
    if (s->durable != s->appended) targets.push_back({s, s->active_file, s->appended});
  }
  std::ranges::reverse(targets);
  for (const auto& t : targets) {
    runtime::failpoint(t.of->source ? "journal.ticks.unsynced" : "journal.bars.unsynced");
    if (t.active) {
      if (auto ok = sync_file(*t.active, t.of->name); !ok) return ok;
    }
    runtime::failpoint(t.of->source ? "journal.ticks.synced" : "journal.bars.synced");
    std::vector<std::function<void()>> ready;
    {
      const std::lock_guard lock(t.of->mutex);
      t.of->durable = t.upto;
      ready = t.of->wake();
    }
    run_all(ready);
  }
  return {};
}

}  // namespace artham::bridge::local

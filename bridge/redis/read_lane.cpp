#include "bridge/redis/read_lane.hpp"

#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>

#include <spdlog/spdlog.h>

#include "bridge/common/record_walk.hpp"
#include "bridge/redis/scripts.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr auto tops_interval = std::chrono::milliseconds(100);
constexpr market::duration longest_block = 250 * market::millisecond;
constexpr std::uint64_t reply_bytes = 2U << 20U;
constexpr std::size_t worth_sharing = 256U << 10U;  ///< bytes of entries that several threads read
constexpr std::uint64_t most_entries = 1000;
/// For an answer of this very node, should it have one.
constexpr auto own_answer = std::chrono::seconds(5);
constexpr auto answer_pause = std::chrono::milliseconds(20);
/// A question that nobody says again for so long is forgotten.
constexpr auto question_kept = std::chrono::seconds(15);
constexpr auto retry_unreadable = std::chrono::milliseconds(500);

/// The last receive time of a block of ticks.
market::timestamp last_time(const record::block& b) {
  market::timestamp t = 0;
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view) {
    t = record::receive_time(h);
  });
  return t;
}

market::timestamp first_time(const record::block& b) {
  record::header h;
  std::memcpy(&h, b.payload.data(), record::header_size);
  return record::receive_time(h);
}

record::block_ptr damaged_block(const cursor& c, record::position first, record::position last,
                                market::timestamp from, market::timestamp to) {
  auto b = std::make_shared<record::block>();
  b->epoch = last.epoch;
  b->first_seq = first.seq;
  b->count = last.seq - first.seq + 1;
  b->damaged = true;
  b->by_cause = c.kind == numbering::by_cause;
  market::mark gap;
  gap.kind = market::mark_kind::gap;
  gap.cause = market::gap_cause::journal_damaged;
  gap.position = b->first();
  gap.from = from == 0 ? to : from;
  gap.time = std::max(gap.from, to);
  gap.subject = c.stream;
  b->marks.push_back(std::move(gap));
  return b;
}

}  // namespace

read_lane::read_lane(const options& o, std::string group, redis::health& h, runtime::metrics& m,
                     std::shared_ptr<crew> c)
    : options_(o),
      group_(std::move(group)),
      name_(group_.empty() ? "read" : "read " + group_),
      health_(h),
      metrics_(m),
      crew_(std::move(c)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "redis-read");
    run();
  });
}

read_lane::~read_lane() {
  stop();
}

void read_lane::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.set();
  if (thread_.joinable()) thread_.join();
}

void read_lane::add(cursor_ptr c) {
  std::vector<cursor_ptr> replaced;
  {
    const std::lock_guard lock(mutex_);
    if (!group_.empty()) {
      for (const auto& other : cursors_) {
        if (other->stream == c->stream) replaced.push_back(other);
      }
      std::erase_if(cursors_, [&](const auto& other) { return other->stream == c->stream; });
    }
    cursors_.push_back(std::move(c));
  }
  for (const auto& old : replaced) {
    unreadable(*old, {errc::conflict, "stream " + old->stream + ": consumer " + group_ +
                                          " was opened again, and this one is read no more"});
  }
  wake_.set();
}

bool read_lane::passed(std::string_view stream, record::position upto) {
  const std::lock_guard lock(mutex_);
  bool found = false;
  for (const auto& c : cursors_) {
    if (c->stream != stream) continue;
    const std::lock_guard cursor_lock(c->mutex);
    if (c->is_closed) continue;
    c->passed = std::max(c->passed, upto);
    found = true;
  }
  return found;
}

void read_lane::wait(std::chrono::milliseconds limit) {
  pollfd fd{wake_.fd(), POLLIN, 0};
  poll(&fd, 1, static_cast<int>(limit.count()));
  wake_.clear();
}

void read_lane::run() {
  for (;;) {
    const auto all = live();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (all.empty()) {
      health_.set(name_, std::nullopt);  // nobody reads here any more, or all have enough
      wait(retry_unreadable);
      continue;
    }
    auto ok = work(all);
    if (ok) {
      health_.set(name_, std::nullopt);
      pauses_.reset();
      continue;
    }
    health_.set(name_, ok.error());
    connection_.reset();
    for (const auto& c : all) {
      c->is_prepared = c->is_at_top = false;
      if (c->open_hole) c->open_hole->asked.clear();
    }
    const auto until = clock::now() + pauses_.next();
    for (auto now = clock::now(); now < until; now = clock::now()) {
      wait(std::chrono::ceil<std::chrono::milliseconds>(until - now));
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
  }
}

/// Closed ones are forgotten.
read_lane::cursors read_lane::live() {
  const std::lock_guard lock(mutex_);
  std::erase_if(cursors_, [](const cursor_ptr& c) {
    const std::lock_guard cursor_lock(c->mutex);
    return c->is_closed;
  });
  return cursors_;
}

/// Those with room that can be read.
read_lane::cursors read_lane::wanting(const cursors& all) const {
  cursors some;
  const auto now = clock::now();
  for (const auto& c : all) {
    if (now < c->not_before) continue;
    const std::lock_guard lock(c->mutex);
    c->wants_room = c->bytes >= options_.read_bytes;
    if (!c->wants_room) some.push_back(c);
  }
  return some;
}

result<void> read_lane::work(const cursors& all) {
  if (!connection_) {
    auto c = connection::open(options_.server, options_.consumer + "-read");
    if (!c) return tl::unexpected(c.error());
    connection_ = std::move(*c);
  }
  if (const auto now = clock::now(); now >= tops_due_) {
    tops_due_ = now + tops_interval;
    if (auto ok = read_tops(all); !ok) return ok;
  }
  if (!group_.empty()) {
    if (auto ok = prepare(wanting(all)); !ok) return ok;
  }
  auto some = wanting(all);
  cursors with_hole;
  std::ranges::copy_if(some, std::back_inserter(with_hole),
                       [](const auto& c) { return c->open_hole.has_value(); });
  if (!with_hole.empty()) {
    if (auto ok = refill(with_hole); !ok) return ok;
    std::erase_if(some, [](const auto& c) { return c->open_hole.has_value(); });
    if (!some.empty()) {
      if (auto ok = read_each(some); !ok) return ok;
    }
    wait(answer_pause);
    return {};
  }
  if (some.empty()) {
    wait(std::chrono::milliseconds(longest_block / market::millisecond));
    return {};
  }
  const bool at_top = std::ranges::all_of(some, [](const auto& c) { return c->is_at_top; });
  return at_top ? read_all(some) : read_each(some);
}

result<void> read_lane::prepare(const cursors& all) {
  for (const auto& c : all) {
    if (c->is_prepared || clock::now() < c->not_before) continue;
    const auto cursors_of_stream = cursors_key(c->stream);
    const std::string_view keys[] = {c->stream, cursors_of_stream};
    // What was read and is not passed is delivered again, so that it counts as needed, and left out
    // by its ID.
    std::string behind;
    {
      const std::lock_guard lock(c->mutex);
      behind = id_text(c->passed);
    }
    const std::string_view values[] = {group_, options_.consumer, behind};
    auto r = connection_->eval(open_group_script(), keys, values);
    if (!r) {
      if (connection_->is_broken() || is_transient(r.error().code))
        return tl::unexpected(r.error());
      c->not_before = clock::now() + retry_unreadable;
      unreadable(*c, r.error());
      continue;
    }
    c->is_prepared = true;
    c->is_at_top = false;
    if (c->is_missing) {
      if (auto ok = fill(c); !ok) return ok;
    }
  }
  return {};
}

result<void> read_lane::fill(const cursor_ptr& who) {
  auto& c = *who;
  record::position top;
  {
    const std::lock_guard lock(c.mutex);
    top = c.top;
  }
  const auto count = std::clamp<std::uint64_t>(reply_bytes / c.entry_bytes, 1, most_entries);
  auto r = connection_->command(
      {"XRANGE", c.stream, "(" + c.read.text(), "+", "COUNT", std::to_string(count)});
  if (!r) return tl::unexpected(r.error());
  c.is_missing = false;
  c.looked_for = top;
  deliver({who}, *r, false);
  return {};
}

std::string read_lane::refill_id(const cursor& c) const {
  // Two readers of one stream in a process have different cursors.
  return c.stream + '/' + options_.consumer + '/' +
         (group_.empty() ? std::to_string(reinterpret_cast<std::uintptr_t>(&c)) : group_);
}

result<void> read_lane::ask(cursor& c) {
  auto& hole = *c.open_hole;
  if (hole.asked.empty()) {
    runtime::log().warn(
        "stream {} in Redis: {} to {} were trimmed before they were read: asking "
        "the ingest node's journal",
        c.stream, id_text(c.reached), id_text(hole.upto));
    metrics_
        .counter("artham_redis_refills_total",
                 "Times that a reader asked the ingest node for what was trimmed before it was "
                 "read.",
                 {{"stream", c.stream}})
        .add();
  }
  hole.asked = c.stream + ' ' + id_text(c.reached) + ' ' + id_text(hole.upto);
  hole.renew = clock::now() + question_kept / 3;
  const auto id = refill_id(c);
  const auto ask_key = refill_ask_key(id);
  const auto answer_key = refill_answer_key(id);
  const auto kept = std::to_string(std::chrono::milliseconds(question_kept).count());
  const std::string_view keys[] = {refills_key, ask_key, answer_key};
  const std::string_view values[] = {id, hole.asked, kept};
  auto r = connection_->eval(ask_refill_script(), keys, values);
  if (!r) return tl::unexpected(r.error());
  return {};
}

result<bool> read_lane::nobody_answers(clock::duration waited) {
  if (waited > std::chrono::nanoseconds(options_.refill_wait)) return true;
  if (waited <= own_answer) return false;
  // Who is about to ingest, and lacks it, must not wait for itself.
  auto holder = connection_->command({"HGET", fence_key("ingest"), "node"});
  if (!holder) return tl::unexpected(holder.error());
  return !holder->is_nil() && holder->text() == options_.consumer;
}

result<void> read_lane::refill(const cursors& all) {
  for (const auto& c : all) {
    if (auto ok = refill(*c); !ok) return ok;
  }
  call_ready(all);
  return {};
}

result<void> read_lane::refill(cursor& c) {
  auto& hole = *c.open_hole;
  if (hole.asked.empty()) {
    if (auto ok = ask(c); !ok) return ok;
  }
  const auto id = refill_id(c);
  auto r = connection_->command({"XRANGE", refill_answer_key(id), "-", "+"});
  if (!r) return tl::unexpected(r.error());
  const auto now = clock::now();
  // While there was no room, or no server, nobody waited.
  if (now - hole.looked > question_kept) hole.heard = now;
  hole.looked = now;
  if (r->size() != 0) {
    take_answer(c, *r);
    hole.heard = now;
  } else if (const auto given_up = nobody_answers(now - hole.heard); !given_up) {
    return tl::unexpected(given_up.error());
  } else if (*given_up) {
    lose(c, {hole.upto.epoch, c.reached.seq + 1}, hole.upto, c.time);
  } else if (now < hole.renew) {
    return {};
  }
  if (c.reached.seq < hole.upto.seq) return ask(c);
  auto gone = connection_->command({"DEL", refill_ask_key(id), refill_answer_key(id)});
  if (!gone) return tl::unexpected(gone.error());
  runtime::log().info("stream {} in Redis: read up to {}; it goes on from Redis", c.stream,
                      id_text(c.reached));
  c.read = std::max(c.read, entry_id(c.reached));
  c.open_hole.reset();
  c.is_prepared = c.is_at_top = false;
  return {};
}

void read_lane::take_answer(cursor& c, reply_view entries) {
  auto& positions = metrics_.counter("artham_redis_refilled_positions_total",
                                     "Positions that came from the ingest node's journal instead.",
                                     {{"stream", c.stream}});
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = parse_entry_id(entries[i][0].text());
    const auto at = id ? id->position() : std::nullopt;
    if (!at || at->seq <= c.reached.seq || at->seq > c.open_hole->upto.seq) continue;
    const auto fields = entries[i][1];
    if (fields[0].text() == refill_gone) {
      lose(c, {at->epoch, c.reached.seq + 1}, *at, c.time);
      continue;
    }
    const auto before = c.reached.seq;
    deliver(c, *id, read_entry(c.kind, *id, fields), fields[fields.size() - 1].text().size());
    positions.add(c.reached.seq - before);
  }
}

void read_lane::note_missing(cursor& c) const {
  const std::lock_guard lock(c.mutex);
  if (group_.empty() || entry_id(c.top) <= c.read || c.top == c.looked_for) return;
  c.is_missing = true;
  c.is_prepared = c.is_at_top = false;
}

void read_lane::append_read(const std::vector<std::string_view>& streams,
                            const std::vector<std::string>& ids, std::uint64_t count, bool block) {
  std::vector<std::string_view> args;
  if (group_.empty()) {
    args = {"XREAD"};
  } else {
    args = {"XREADGROUP", "GROUP", group_, options_.consumer};
  }
  const auto count_text = std::to_string(count);
  const auto wait_text =
      std::to_string(std::min(longest_block, options_.server.timeout / 2) / market::millisecond);
  args.insert(args.end(), {"COUNT", count_text});
  if (block) args.insert(args.end(), {"BLOCK", wait_text});
  args.emplace_back("STREAMS");
  args.insert(args.end(), streams.begin(), streams.end());
  for (const auto& id : ids) args.emplace_back(group_.empty() ? std::string_view(id) : ">");
  connection_->append(connection::args(args));
}

result<void> read_lane::read_tops(const cursors& all) {
  std::vector<std::string_view> args{"HMGET", tops_key};
  for (const auto& c : all) args.emplace_back(c->stream);
  auto r = connection_->command(connection::args(args));
  if (!r) return tl::unexpected(r.error());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto id = parse_entry_id((*r)[i].text());
    const auto top = id ? id->position() : std::nullopt;
    if (!top) continue;
    const std::lock_guard lock(all[i]->mutex);
    all[i]->top = *top;
  }
  return {};
}

/// Each cursor for itself, without waiting: where one stream cannot be read, the others can.
result<void> read_lane::read_each(const cursors& all) {
  std::vector<std::uint64_t> counts;
  for (const auto& c : all) {
    counts.push_back(std::clamp<std::uint64_t>(reply_bytes / c->entry_bytes, 1, most_entries));
    append_read({c->stream}, {c->read.text()}, counts.back(), false);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto r = connection_->next_reply();
    if (!r) return tl::unexpected(r.error());
    auto& c = *all[i];
    if (r->is_error()) {
      const auto e = error_of(r->text(), connection_->place());
      if (is_transient(e.code)) return tl::unexpected(e);
      c.is_prepared = false;
      // A group that is gone is made again.
      if (e.code == errc::not_found) continue;
      c.not_before = clock::now() + retry_unreadable;
      unreadable(c, e);
      continue;
    }
    {
      const std::lock_guard lock(c.mutex);
      c.failure.reset();
    }
    const auto entries = (*r)[0][1];
    c.is_at_top = entries.size() < counts[i];
    if (entries.size() == 0) note_missing(c);
    deliver({all[i]}, entries, !group_.empty());
  }
  return {};
}

/// All in one command that waits until there is something.
result<void> read_lane::read_all(const cursors& all) {
  std::map<std::string_view, entry_id> from;
  std::uint64_t largest = 1;
  for (const auto& c : all) {
    const auto [it, made] = from.try_emplace(c->stream, c->read);
    if (!made) it->second = std::min(it->second, c->read);
    largest = std::max(largest, c->entry_bytes);
  }
  std::vector<std::string_view> streams;
  std::vector<std::string> ids;
  for (const auto& [stream, id] : from) {
    streams.push_back(stream);
    ids.push_back(id.text());
  }
  const auto count =
      std::clamp<std::uint64_t>(reply_bytes / largest / streams.size(), 1, most_entries);
  append_read(streams, ids, count, true);
  const auto until = clock::now() + std::chrono::nanoseconds(longest_block);
  for (;;) {
    auto there = connection_->wait_reply(until, wake_.fd());
    if (!there) return tl::unexpected(there.error());
    if (*there || clock::now() >= until) break;
    wake_.clear();
    auto ended = unblock();
    if (!ended && waker_ && !waker_->is_broken()) break;  // not allowed to: it waits to its end
    if (!ended) return tl::unexpected(ended.error());
    if (*ended) break;
    // It has not begun to wait yet.
    pollfd none{-1, 0, 0};
    poll(&none, 0, 1);
    wake_.set();
  }
  auto r = connection_->next_reply();
  if (!r) return tl::unexpected(r.error());
  if (r->is_error()) {
    const auto e = error_of(r->text(), connection_->place());
    if (is_transient(e.code)) return tl::unexpected(e);
    for (const auto& c : all) c->is_at_top = false;
    return {};
  }
  for (std::size_t i = 0; i < r->size(); ++i) {
    const auto stream = (*r)[i][0].text();
    const auto entries = (*r)[i][1];
    cursors to;
    for (const auto& c : all) {
      if (c->stream != stream) continue;
      to.push_back(c);
      c->is_at_top = entries.size() < count;
    }
    deliver(to, entries, !group_.empty());
  }
  if (r->size() == 0) {
    for (const auto& c : all) note_missing(*c);
  }
  return {};
}

result<bool> read_lane::unblock() {
  if (!waker_ || waker_->is_broken()) {
    auto c = connection::open(options_.server, options_.consumer + "-wake");
    if (!c) return tl::unexpected(c.error());
    waker_ = std::move(*c);
  }
  auto r = waker_->command({"CLIENT", "UNBLOCK", std::to_string(connection_->id())});
  if (!r) return tl::unexpected(r.error());
  return r->integer() == 1;
}

void read_lane::deliver(const cursors& to, reply_view entries, bool by_group) {
  struct arrived {
    entry_id id;
    reply_view fields;
    std::size_t bytes;
    found_entry found;
  };
  std::vector<arrived> all;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = parse_entry_id(entries[i][0].text());
    const auto wants = [&](const cursor_ptr& c) {
      return *id > c->read && !c->is_missing && !c->open_hole;
    };
    if (!id || std::ranges::none_of(to, wants)) continue;
    const auto fields = entries[i][1];
    std::size_t bytes = 0;
    for (std::size_t f = 0; f < fields.size(); ++f) bytes += fields[f].text().size();
    sum += bytes;
    all.push_back({*id, fields, bytes, {}});
  }
  const auto read = [&](std::size_t i) {
    all[i].found = read_entry(to.front()->kind, all[i].id, all[i].fields);
  };
  if (sum < worth_sharing) {
    for (std::size_t i = 0; i < all.size(); ++i) read(i);
  } else {
    crew_->share(all.size(), read);
  }
  for (const auto& [id, fields, bytes, found] : all) {
    for (const auto& c : to) {
      if (id <= c->read || c->is_missing || c->open_hole) continue;
      // Another consumer of this name has got what comes before it.
      const bool misses =
          by_group && found.f &&
          (is_dense(c->kind) ? found.f->seq > c->reached.seq + 1 : *found.f > c->reached);
      if (misses) {
        c->is_missing = true;
        c->is_prepared = c->is_at_top = false;
        continue;
      }
      deliver(*c, id, found, bytes);
    }
  }
  call_ready(to);
}

void read_lane::call_ready(const cursors& to) {
  std::vector<std::function<void()>> woken;
  for (const auto& c : to) {
    const std::lock_guard lock(c->mutex);
    if (c->ready && !c->blocks.empty()) woken.push_back(std::exchange(c->ready, nullptr));
  }
  for (const auto& fn : woken) fn();
}

void read_lane::deliver(cursor& to, entry_id id, const found_entry& e, std::size_t bytes) {
  const auto before = to.reached;
  if (e.f && before != record::position{} && to.kind != numbering::live) {
    // What lies between was taken out of the stream before it was read.
    const auto upto = is_dense(to.kind) ? record::position{e.f->epoch, e.f->seq - 1} : *e.f;
    const bool missing = is_dense(to.kind) ? upto.seq > before.seq : upto > before;
    if (missing && to.kind == numbering::ticks && options_.refill_wait != 0 && !to.open_hole) {
      to.open_hole = cursor::hole{upto, {}, clock::now(), clock::now(), {}};
      return;  // this entry is read again behind it
    }
    if (missing) {
      const auto first = upto.epoch == before.epoch || is_dense(to.kind)
                             ? record::position{upto.epoch, before.seq + 1}
                             : upto;
      const bool has_time = e.block && to.kind == numbering::ticks;
      lose(to, first, upto, has_time ? first_time(*e.block) : to.time);
    }
  }
  to.read = std::max(to.read, id);
  to.entry_bytes = std::max<std::uint64_t>((to.entry_bytes + bytes) / 2, 1);
  if (e.what != found_entry::state::good) refuse(to, id, e.why);
  if (e.what == found_entry::state::foreign) return;

  const auto& b = e.block;
  if (!b) {
    push(to, in_place_of(to, e));
    return;
  }
  // A seq of another epoch says nothing but of positions that hold no records.
  const auto cut = before.epoch == b->epoch ? before.seq : std::min(before.seq, e.records_from - 1);
  push(to, behind(b, cut));
  if (to.kind == numbering::ticks) to.time = last_time(*b);
}

void read_lane::lose(cursor& c, record::position first, record::position upto,
                     market::timestamp to) {
  metrics_
      .counter("artham_redis_missing_entries_total",
               "Times that a reader found entries missing from a stream.", {{"stream", c.stream}})
      .add();
  runtime::log().error("stream {} in Redis: positions {} to {} are not there any more", c.stream,
                       id_text(first), id_text(upto));
  push(c, damaged_block(c, first, upto, c.time, to));
}

/// For the positions of an entry that cannot be read.
record::block_ptr read_lane::in_place_of(const cursor& to, const found_entry& e) {
  auto first = e.last.seq;
  if (is_dense(to.kind) && e.f) {
    first = std::min(first, std::max<std::uint64_t>(e.f->seq, 1));
  } else if (to.reached.epoch == e.last.epoch) {
    first = std::min(first, to.reached.seq + 1);
  }
  if (to.reached.epoch == e.last.epoch) first = std::max(first, to.reached.seq + 1);
  return damaged_block(to, {e.last.epoch, first}, e.last, to.time, to.time);
}

void read_lane::push(cursor& to, record::block_ptr b) {
  to.reached = b->last();
  const std::lock_guard lock(to.mutex);
  to.top = std::max(to.top, b->last());
  to.bytes += b->payload.size() + sizeof *b;
  to.blocks.push_back(std::move(b));
}

void read_lane::unreadable(cursor& c, const error& e) {
  std::function<void()> ready;
  {
    const std::lock_guard lock(c.mutex);
    c.failure = e;
    ready = std::exchange(c.ready, nullptr);
  }
  if (ready) ready();
}

void read_lane::refuse(const cursor& c, entry_id id, const std::string& why) {
  metrics_
      .counter("artham_redis_refused_entries_total", "Entries of a stream that cannot be read.",
               {{"stream", c.stream}})
      .add();
  runtime::log().error(
      "stream {} in Redis, entry {}: {}; it is left out (XRANGE {} {} {} shows it)", c.stream,
      id.text(), why, c.stream, id.text(), id.text());
}

}  // namespace artham::bridge::redis

#include "bridge/common/fork.hpp"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "bridge/common/shard_view.hpp"

namespace artham::bridge {
namespace {

constexpr std::uint64_t behind_epoch = std::numeric_limits<std::uint64_t>::max() - 1;

/// The first block behind `after`; waits for it.
result<record::block_ptr> first_block(bridge& b, std::string_view stream, record::position after,
                                      market::duration limit) {
  auto r = b.open_reader(stream, after, top::appended, {});
  if (!r) return tl::unexpected(r.error());
  struct signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool ready = false;
  };
  const auto s = std::make_shared<signal>();
  for (;;) {
    auto blocks = (*r)->pull(1);
    if (!blocks) return tl::unexpected(blocks.error());
    if (!blocks->empty()) return blocks->front();
    (*r)->when_ready([s] {
      const std::lock_guard lock(s->mutex);
      s->ready = true;
      s->changed.notify_all();
    });
    std::unique_lock lock(s->mutex);
    if (!s->changed.wait_for(lock, std::chrono::nanoseconds(limit), [&] { return s->ready; })) {
      return fail(errc::unavailable, "stream " + std::string(stream) + " gives nothing behind " +
                                         std::to_string(after.epoch) + ":" +
                                         std::to_string(after.seq));
    }
    s->ready = false;
  }
}

/// Of an epoch's first block: what comes before its first record is another epoch's.
record::position begin_of(const record::block& b) {
  auto begin = b.first();
  bool found = false;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
    if (h.kind != record::kind::elsewhere && !std::exchange(found, true)) begin.seq = seq;
  });
  return begin;
}

}  // namespace

result<bool> has_position(bridge& b, std::string_view stream, record::position at) {
  const auto tops = b.stream_tops(stream);
  if (!tops) return tl::unexpected(tops.error());
  if (at.seq == 0 || at > tops->appended) return false;
  auto r = b.open_reader(stream, {at.epoch, at.seq - 1}, top::appended, {});
  if (!r) return tl::unexpected(r.error());
  const auto blocks = (*r)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  return !blocks->empty() && blocks->front()->epoch == at.epoch &&
         blocks->front()->first_seq <= at.seq;
}

result<std::vector<record::position>> epochs_of(bridge& b, std::string_view stream,
                                                record::position top, market::duration limit) {
  std::vector<record::position> begins;
  record::position after;
  while (after.epoch < top.epoch) {
    const auto first = first_block(b, stream, after, limit);
    if (!first) return tl::unexpected(first.error());
    begins.push_back(begin_of(**first));
    after = {(*first)->epoch, behind_epoch};
  }
  return begins;
}

std::uint32_t epoch_list::epoch_at(std::uint64_t seq) const {
  if (seq > top.seq) return 0;
  const auto it = std::ranges::upper_bound(begins, seq, {}, &record::position::seq);
  return it == begins.begin() ? 0 : std::prev(it)->epoch;
}

std::uint64_t common_end(const epoch_list& own, const epoch_list& other) {
  for (std::size_t i = 0; i < other.begins.size(); ++i) {
    const auto epoch = other.begins[i].epoch;
    const bool is_last = i + 1 == other.begins.size();
    const auto end = is_last ? other.top.seq : other.begins[i + 1].seq - 1;
    const auto known_from = own.begins.empty() ? 0 : own.begins.front().seq;
    if (end < known_from) continue;
    const auto begin = std::max(other.begins[i].seq, known_from);
    // The epoch began elsewhere here, or never.
    if (own.epoch_at(begin) != epoch) return std::min(begin - 1, own.top.seq);
    if (own.epoch_at(end) == epoch) continue;
    // It ended earlier.
    const auto next = std::ranges::find_if(own.begins, [&](auto at) { return at.epoch > epoch; });
    return next == own.begins.end() ? own.top.seq : next->seq - 1;
  }
  return other.top.seq;
}

result<std::optional<record::position>> find_fork(bridge& own, bridge& other, std::uint32_t shards,
                                                  market::duration limit) {
  const auto name = record::ticks_stream();
  std::optional<epoch_list> ours;
  std::optional<std::uint64_t> end;
  for (std::uint32_t i = 0; i < shards; ++i) {
    const auto stream = stream_in_shard(name, i, shards);
    const auto tops = other.stream_tops(stream);
    if (!tops) return tl::unexpected(tops.error());
    const auto last = tops->appended;
    if (last == record::position{}) continue;
    const auto known = has_position(own, name, last);
    if (!known) return tl::unexpected(known.error());
    if (*known) continue;
    if (!ours) {
      const auto own_tops = own.stream_tops(name);
      if (!own_tops) return tl::unexpected(own_tops.error());
      auto begins = epochs_of(own, name, own_tops->appended, limit);
      if (!begins) return tl::unexpected(begins.error());
      ours = epoch_list{std::move(*begins), own_tops->appended};
    }
    auto begins = epochs_of(other, stream, last, limit);
    if (!begins) return tl::unexpected(begins.error());
    const auto common = common_end(*ours, {std::move(*begins), last});
    end = std::min(end.value_or(common), common);
  }
  if (!end) return std::nullopt;
  return record::position{ours->epoch_at(*end), *end};
}

}  // namespace artham::bridge

#include "actors/session/stream_set.hpp"

#include <algorithm>
#include <utility>

#include "bridge/common/shard_view.hpp"
#include "messages/caf_compat.hpp"
#include "messages/record/feature_codec.hpp"

namespace artham::actors {

using messages::value_or_throw;

namespace {

/// The cause of the record at `at`, in a stream whose positions do not tell it.
market::cause cause_at(bridge::bridge& from, const std::string& stream, record::position at) {
  market::cause found;
  if (at.seq == 0 || from.reads_ahead()) return found;
  const auto r = from.open_reader(stream, {at.epoch, at.seq - 1}, bridge::top::appended, {});
  if (!r) return found;
  const auto blocks = (*r)->pull(1);
  if (!blocks || blocks->empty() || blocks->front()->by_cause) return found;
  const auto& b = *blocks->front();
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
    if (record::position{b.epoch, seq} == at) found = record::cause_of(h);
  });
  return found;
}

}  // namespace

stream_list::stream_list(const std::vector<market::timeframe>& timeframes, bool features,
                         std::uint32_t shards)
    : shards_(shards) {
  const auto add = [&](what of, std::uint32_t timeframe, const std::string& stream) {
    for (std::uint32_t shard = 0; shard < shards; ++shard)
      all_.push_back({of, timeframe, shard, bridge::stream_in_shard(stream, shard, shards)});
  };
  add(what::ticks, 0, record::ticks_stream());
  for (std::uint32_t i = 0; i < timeframes.size(); ++i)
    add(what::bars, i, record::final_bars_stream(market::to_string(timeframes[i])));
  if (features) add(what::features, 0, record::features_stream());
}

stream_set::stream_set(bridge::bridge& from, const stream_list& list, std::uint64_t features_back) {
  for (const auto& e : list.all()) {
    const auto tops = from.stream_tops(e.name);
    auto after = tops ? tops->appended : record::position{};
    if (e.of == stream_list::what::features) after.seq -= std::min(after.seq, features_back);
    if (after.seq == 0) after.epoch = 0;
    const bool derived = e.of != stream_list::what::ticks;
    cursors_.push_back({&e,
                        value_or_throw(from.open_reader(e.name, after, bridge::top::appended, {})),
                        after, derived ? cause_at(from, e.name, after) : market::cause{}});
  }
}

void stream_set::pull(
    std::uint64_t max_records,
    const std::function<void(const stream_list::entry&, const record::block&)>& fn) {
  for (auto& c : cursors_) {
    for (;;) {
      const auto blocks = value_or_throw(c.reader->pull(max_records));
      if (blocks.empty()) break;
      for (const auto& b : blocks) {
        note(c, *b);
        fn(*c.stream, *b);
      }
    }
  }
}

void stream_set::note(cursor& c, const record::block& b) {
  c.at = std::max(c.at, b.last());
  at_ = nullptr;
  if (!b.marks.empty()) time_ = std::max(time_, b.marks.back().time);
  if (c.stream->of == stream_list::what::ticks || b.by_cause) return;
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view) {
    c.cause = record::cause_of(h);
  });
}

void stream_set::when_ready(const std::function<void()>& fn) {
  for (const auto& c : cursors_) c.reader->when_ready(fn);
}

const messages::resume_point_ptr& stream_set::at() {
  if (!at_) {
    messages::resume_point point;
    point.at.reserve(cursors_.size());
    point.causes.reserve(cursors_.size());
    for (const auto& c : cursors_) {
      point.at.push_back(c.at);
      point.causes.push_back(c.cause);
    }
    point.time = time_;
    at_ = std::make_shared<const messages::resume_point>(std::move(point));
  }
  return at_;
}

std::uint64_t stream_set::lag() const {
  std::uint64_t largest = 0;
  for (const auto& c : cursors_)
    if (c.stream->of == stream_list::what::ticks) largest = std::max(largest, c.reader->lag());
  return largest;
}

}  // namespace artham::actors

#include "actors/live/live_publisher.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "actors/bars/bar_reader.hpp"
#include "actors/features/feature_reader.hpp"
#include "messages/caf_compat.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::live_publisher_actor;

namespace {

constexpr std::chrono::milliseconds pause{100};
constexpr std::chrono::seconds retry{1};
/// Everything that is watched is said again in so many pauses.
constexpr std::size_t round = 100;

/// Of a writer that begins now: above those of writers before, whose entries Redis may have lost.
std::uint32_t epoch_behind(record::position top) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return std::max(static_cast<std::uint32_t>(now.count()), top.epoch);
}

result<std::unique_ptr<bridge::writer>> open_writer(bridge::bridge& out,
                                                    const std::string& stream) {
  const auto tops = out.stream_tops(stream);
  if (!tops && tops.error().code != errc::not_found) return tl::unexpected(tops.error());
  return out.open_writer(stream, epoch_behind(tops ? tops->appended : record::position{}));
}

/// The first `n` keys behind `last`, from the beginning again after the end.
template <class Map, class Key, class Fn>
void next_of(const Map& map, Key& last, std::size_t n, Fn&& fn) {
  n = std::min(n, map.size());
  auto it = map.upper_bound(last);
  for (std::size_t i = 0; i < n; ++i, ++it) {
    if (it == map.end()) it = map.begin();
    last = it->first;
    fn(*it);
  }
}

}  // namespace

void live_pace::published(clock::time_point now, std::uint64_t bytes) {
  const auto room =
      std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(most_bytes_));
  due_ = now + std::max(interval_, std::chrono::ceil<std::chrono::nanoseconds>(room));
}

live_publisher_actor::behavior_type live_publisher_state::start(live_publisher_actor::pointer self,
                                                                live_publisher_config config) {
  self_ = self;
  config_ = std::move(config);
  bars_pace_ = chains_pace_ = {config_.interval, config_.most_bytes};
  auto& m = *config_.metrics;
  published_ =
      &m.counter("artham_live_published_total", "Unfinished values published to gateways.");
  dropped_ = &m.counter("artham_live_dropped_total",
                        "Batches of unfinished values that could not be written.");
  bar_reader_ = {config_.names, std::string(bar_reader_name)};
  feature_reader_ = {config_.names, std::string(feature_reader_name)};
  subscription_ =
      config_.watched([me = live_publisher_actor{self}](const std::vector<messages::watched>& all) {
        caf::anon_send(me, std::make_shared<const std::vector<messages::watched>>(all));
      });
  caf::anon_send(live_publisher_actor{self}, messages::timeout_atom_v);
  return {
      [this](const messages::live_batch_ptr& batch) { on_bars(*batch); },
      [this](const messages::live_chains_ptr& chains) { on_chains(*chains); },
      [this](const messages::watched_set_ptr& all) { watch(*all); },
      [this](messages::timeout_atom) { look(); },
  };
}

void live_publisher_state::look() {
  const auto now = clock::now();
  if (now >= woken_at_) woken_at_ = clock::time_point::max();
  if (now >= next_look_) {
    next_look_ = now + pause;
    keep_up();
  }
  give_credit();
  wake_at(next_look_);
}

/// One message is always under way for the first of the times asked for.
void live_publisher_state::wake_at(clock::time_point t) {
  if (woken_at_ <= t) return;
  woken_at_ = t;
  self_->delayed_send(live_publisher_actor{self_},
                      std::max(t - clock::now(), clock::duration::zero()),
                      messages::timeout_atom_v);
}

void live_publisher_state::keep_up() {
  if (!config_.can_write()) return;
  if (!is_open_) open();
  if (!is_open_) return;
  greet();
  say_some_again();
}

/// To who has none and may have it.
void live_publisher_state::give_credit() {
  if (!is_open_ || !config_.can_write()) return;
  const auto now = clock::now();
  const auto give = [&](const auto& reader, bool& credited, const live_pace& pace) {
    if (!reader || credited) return;
    if (now < pace.due()) return wake_at(pace.due());
    credited = true;
    self_->send(reader, messages::credit_atom_v);
  };
  if (!bars_.empty()) give(bar_reader_.get(), bars_credited_, bars_pace_);
  if (chains_) give(feature_reader_.get(), chains_credited_, chains_pace_);
}

void live_publisher_state::open() {
  if (clock::now() < open_after_) return;
  for (const auto& tf : config_.timeframes) {
    auto w = open_writer(*config_.output, record::live_bars_stream(market::to_string(tf)));
    if (!w) return close(w.error());
    bars_.push_back(std::move(*w));
  }
  if (config_.features) {
    auto w = open_writer(*config_.output, record::live_features_stream());
    if (!w) return close(w.error());
    chains_ = std::move(*w);
  }
  is_open_ = true;
}

void live_publisher_state::close(const error& why) {
  runtime::log().warn("live values: {}", why.message);
  is_open_ = false;
  bars_.clear();
  chains_.reset();
  open_after_ = clock::now() + retry;
}

void live_publisher_state::greet() {
  const bool again = std::exchange(all_again_, false);
  const auto& bars = bar_reader_.get();
  if (bars && (bars.address() != greeted_bars_ || again)) {
    if (std::exchange(greeted_bars_, bars.address()) != bars.address()) bars_credited_ = false;
    for (const auto& [token, mask] : masks_) say(token, mask);
  }
  const auto& features = feature_reader_.get();
  if (features && (features.address() != greeted_features_ || again)) {
    if (std::exchange(greeted_features_, features.address()) != features.address()) {
      // With the first credit it forgets what others have watched.
      chains_credited_ = true;
      self_->send(features, messages::credit_atom_v);
    }
    for (const auto& entry : groups_) say(entry.first, true);
  }
}

void live_publisher_state::watch(const std::vector<messages::watched>& all) {
  std::map<std::uint32_t, std::uint32_t> masks;
  std::map<std::string, bool> groups;
  for (const auto& w : all) {
    if (!config_.is_ours(w.token)) continue;
    const auto known = (std::uint64_t{1} << config_.timeframes.size()) - 1;
    if (const auto mask = static_cast<std::uint32_t>(w.timeframes & known); mask != 0)
      masks.emplace(w.token, mask);
    if (w.chain && config_.features)
      groups.emplace(config_.features->group_of(w.token)->name, true);
  }
  const auto old_masks = std::exchange(masks_, std::move(masks));
  const auto old_groups = std::exchange(groups_, std::move(groups));
  for (const auto& [token, mask] : old_masks) {
    if (!masks_.contains(token)) say(token, 0);
  }
  for (const auto& [token, mask] : masks_) {
    const auto it = old_masks.find(token);
    if (it == old_masks.end() || it->second != mask) say(token, mask);
  }
  for (const auto& entry : old_groups) {
    if (!groups_.contains(entry.first)) say(entry.first, false);
  }
  for (const auto& entry : groups_) {
    if (!old_groups.contains(entry.first)) say(entry.first, true);
  }
}

void live_publisher_state::say(std::uint32_t token, std::uint32_t mask) {
  const auto& reader = bar_reader_.get();
  if (reader && reader.address() == greeted_bars_)
    self_->send(reader, messages::watch_atom_v, token, mask);
}

void live_publisher_state::say(const std::string& group, bool wanted) {
  const auto& reader = feature_reader_.get();
  if (reader && reader.address() == greeted_features_)
    self_->send(reader, messages::watch_atom_v, group, wanted);
}

void live_publisher_state::say_some_again() {
  const auto due = [](std::size_t n, std::size_t& owed) {
    owed += n;
    const auto now = owed / round;
    owed %= round;
    return now;
  };
  next_of(masks_, said_token_, due(masks_.size(), owed_tokens_),
          [this](const auto& entry) { say(entry.first, entry.second); });
  next_of(groups_, said_group_, due(groups_.size(), owed_groups_),
          [this](const auto& entry) { say(entry.first, true); });
}

void live_publisher_state::on_bars(const messages::live_batch& batch) {
  bars_credited_ = false;
  if (!is_open_) return;
  std::vector<std::string> records(bars_.size());
  std::vector<std::uint64_t> counts(bars_.size());
  std::string body;
  for (const auto& l : batch.bars) {
    if (l.timeframe >= bars_.size()) continue;
    body.clear();
    record::encode(body, l.bar);
    record::append(records[l.timeframe], record::with_cause(record::kind::bar, {batch.at, 0}),
                   body);
    ++counts[l.timeframe];
  }
  std::uint64_t bytes = 0;
  for (std::size_t tf = 0; tf < records.size() && is_open_; ++tf) {
    if (counts[tf] != 0) bytes += append(*bars_[tf], records[tf], counts[tf]);
  }
  bars_pace_.published(clock::now(), bytes);
  give_credit();
}

void live_publisher_state::on_chains(const messages::live_chains& chains) {
  chains_credited_ = false;
  if (!is_open_ || !chains_) return;
  std::string records;
  std::string body;
  for (const auto& c : chains) {
    body.clear();
    record::encode(body, c);
    record::append(records, record::with_cause(record::kind::chain, {}), body);
  }
  if (chains.empty()) return;
  chains_pace_.published(clock::now(), append(*chains_, records, chains.size()));
  give_credit();
}

std::uint64_t live_publisher_state::append(bridge::writer& w, const std::string& records,
                                           std::uint64_t count) {
  const auto at = w.append(records, count, {});
  if (at) {
    published_->add(count);
    return records.size();
  }
  dropped_->add();
  all_again_ = true;
  if (!is_transient(at.error().code)) close(at.error());
  return 0;
}

live_publisher_actor::behavior_type live_publisher(
    live_publisher_actor::stateful_pointer<live_publisher_state> self,
    live_publisher_config config) {
  messages::install_handlers(self, live_publisher_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors

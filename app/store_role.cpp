#include "app/store_role.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "app/opened_store.hpp"
#include "bridge/common/shard_view.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "runtime/clock.hpp"

namespace artham::app {

namespace {

/// Records of md:features: a chain may be a hundred rows.
constexpr std::uint64_t feature_rows_a_transaction = 512;
constexpr std::size_t store_queue = 64;

}  // namespace

store_role::store_role(store_role_options o) : options_(std::move(o)) {
  const auto writers = options_.store->writers().size();
  for (std::size_t i = 0; i < writers; ++i) {
    threads_.push_back(
        std::make_unique<runtime::worker>("store-writer-" + std::to_string(i), store_queue));
  }
}

std::vector<actors::stream_store_config> store_role::actors_of(
    const stored_streams& streams) const {
  const auto& s = *options_.settings;
  const auto writers = options_.store->writers();
  const auto named = [&](std::string_view stream) {
    return bridge::stream_in_shard(stream, streams.shard, streams.shards);
  };
  actors::stream_store_config common;
  common.journal = streams.from;
  common.metrics = options_.metrics;
  common.board = board_;
  common.linger = std::chrono::nanoseconds(s.store.linger);
  common.batch = static_cast<std::uint64_t>(s.store.batch);
  common.writer = writers.front();
  common.writer_thread = threads_.front().get();
  std::vector<actors::stream_store_config> all;

  const bool sharded = s.store.kind == config::store_kind::postgres;
  auto ticks = common;
  ticks.consumer = "tick_store";
  ticks.stream = named(record::ticks_stream());
  // Every shard has every mark: one of them stores the gaps.
  ticks.make_rows =
      actors::tick_rows(*options_.decoder, {s.store.has_tick_table(), sharded, streams.shard == 0});
  const auto& p = s.store.postgres;
  if (sharded && p.tick_layout == config::tick_table_layout::packed)
    ticks.linger = std::max(ticks.linger, std::chrono::nanoseconds(p.pack_interval));
  const auto parts = sharded && s.store.has_tick_table() ? writers.size() : 1;
  for (std::size_t i = 0; i < parts; ++i) {
    auto c = ticks;
    c.writer = writers[i];
    c.writer_thread = threads_[i].get();
    if (parts > 1) c.part = i;
    if (sharded) c.shards = actors::shards_of_part(i, parts);
    all.push_back(std::move(c));
  }
  for (const auto& tf : streams.timeframes) {
    auto c = common;
    c.consumer = "bar_store";
    c.stream = named(record::final_bars_stream(market::to_string(tf)));
    c.make_rows = actors::bar_rows(tf);
    all.push_back(std::move(c));
  }
  auto quarantines = common;
  quarantines.consumer = "quarantine_store";
  quarantines.stream = named(record::dead_letters_stream());
  quarantines.make_rows = actors::quarantine_rows();
  all.push_back(std::move(quarantines));
  if (streams.features) {
    auto features = common;
    features.consumer = "feature_store";
    features.stream = named(record::features_stream());
    features.batch = std::min(features.batch, feature_rows_a_transaction);
    features.make_rows = actors::feature_rows();
    all.push_back(std::move(features));
  }
  return all;
}

nlohmann::json store_role::status() const {
  const auto& s = *options_.settings;
  nlohmann::json j{{"kind", store_kind(s)},
                   {"place", store_place(s, options_.data)},
                   {"ticks", s.store.has_tick_table() ? "table" : "journal"},
                   {"waiting", nlohmann::json::array()},
                   {"refused", nlohmann::json::array()}};
  const auto now = runtime::utc_now();
  for (const auto& [stream, e] : board_->entries()) {
    if (!e.why.empty()) {
      j["waiting"].push_back({{"stream", stream},
                              {"why", e.why},
                              {"since", market::to_rfc3339(e.since, market::india_offset)},
                              {"seconds", (now - e.since) / market::second}});
    }
    if (e.refused != 0)
      j["refused"].push_back({{"stream", stream}, {"rows", e.refused}, {"why", e.refusal}});
  }
  return j;
}

void store_role::stop() {
  for (const auto& t : threads_) t->stop();
}

}  // namespace artham::app

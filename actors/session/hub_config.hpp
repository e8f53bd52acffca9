#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/session/instrument_index.hpp"
#include "actors/session/replay_lines.hpp"
#include "actors/session/resume_board.hpp"
#include "actors/session/resume_token.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/feature/feature_plan.hpp"
#include "market/timeframe.hpp"
#include "messages/directory.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/alerts.hpp"
#include "store/store.hpp"

namespace artham::actors {

struct hub_config {
  bridge::bridge* journal = nullptr;  ///< has the streams of all shards
  std::shared_ptr<const token_codec> tokens;
  const feed::decoder* decoder = nullptr;
  store::reader* store = nullptr;
  runtime::worker* store_thread = nullptr;  ///< reads histories
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<const messages::directory> names;
  std::shared_ptr<const instrument_index> instruments;
  std::vector<market::timeframe> timeframes;
  std::shared_ptr<const market::feature::feature_plan> features;  ///< null: there are none here
  /// Told how far clients have been told. May be null.
  std::shared_ptr<resume_board> board;
  std::size_t tail_bars =
      200'000;  ///< newest finished bars kept, to join histories to what is live
  std::uint64_t batch = 16'384;
  std::chrono::microseconds flush{1'000};  ///< what is new is gathered for so long; 0: not at all
  /// The newest packet of an instrument, of which none came since the hub started, as the exchange
  /// sent it; empty: there is none. Must not block. May be empty: nobody knows.
  std::function<std::string(std::uint32_t token)> packet_before;
  /// Told all instruments that clients' keys need whenever that changes, a few times a second at
  /// most. Empty: nobody asks.
  std::function<void(std::vector<std::uint32_t>)> on_demand;
  /// What the node, or the cluster, tells of itself: gives the members of a JSON object to what it
  /// is called with, once, from any thread. Empty: nobody tells.
  std::function<void(std::function<void(std::string members)>)> ask_system;
  /// Of a replay: whose hub this is. It begins quiet, tells no resume tokens, has histories as of
  /// where the replay is, and takes news from who leads it. Null: live.
  replay_line_ptr replay;
  /// Of a replay: the rules that are evaluated in it.
  std::vector<store::alert_rule> rules;
  /// Told how far clients have been told md:ticks, whenever the streams were read. May be empty.
  std::function<void(record::position)> on_told;
};

}  // namespace artham::actors

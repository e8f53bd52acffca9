#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "market/mark.hpp"
#include "market/time.hpp"

namespace artham::actors {

/// What the key `system` tells: the feed and its gaps, as the marks say them, and what the node or
/// the cluster tells of itself. Knows no actor.
class system_news {
 public:
  using clock = std::chrono::steady_clock;

  void take_mark(const market::mark& m);
  /// `"restarts":0,"store":{…}`: members of a JSON object.
  void take_members(std::string members);
  /// Members have come.
  [[nodiscard]] bool has_members() const { return !members_.empty(); }

  /// Sessions are on now; told together with the feed.
  void set_in_session(bool on) { in_session_ = on; }
  void set_feed_live(bool live) { feed_live_ = live; }

  /// `{"feed":{…},"gaps":{…},…}`
  [[nodiscard]] std::string json() const;
  /// What is to be told now: that which changed, or anything when nothing was told for long. It
  /// counts as told.
  [[nodiscard]] bool is_due(clock::time_point now);

 private:
  std::uint64_t opened_ = 0;
  std::uint64_t closed_ = 0;
  market::gap_cause cause_ = market::gap_cause::none;
  market::timestamp since_ = 0;
  bool is_lost_ = false;  ///< all of the feed
  bool feed_live_ = false;
  bool in_session_ = true;
  std::string members_;
  std::string told_;
  clock::time_point told_at_{};
};

/// The message of the key; `quoted_key` as the client wrote it, `t` of this host.
[[nodiscard]] std::string system_event(std::string_view quoted_key, market::timestamp t,
                                       std::string_view json);

}  // namespace artham::actors

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bridge/bridge.hpp"
#include "market/feature/feature_group.hpp"
#include "market/feature/feature_plan.hpp"
#include "messages/record/feature_codec.hpp"
#include "runtime/metrics.hpp"

namespace artham::actors {

/// Where md:features ends.
struct features_top {
  record::cause cause;
  market::timestamp at = 0;  ///< of the mark that made its last record, market time
};
[[nodiscard]] result<features_top> read_features_top(bridge::bridge& from);

/// The writing end of md:features: gives outputs their ordinals, leaves out what the stream has
/// already, and holds what it has no room for.
class feature_stream {
 public:
  static result<std::unique_ptr<feature_stream>> open(bridge::bridge& out,
                                                      runtime::metrics& metrics);

  /// The last record, what is held included.
  [[nodiscard]] const features_top& top() const { return top_; }
  /// Takes all outputs of some works, in any order; every output of one cause must be in the same
  /// call.
  void add(market::feature::feature_rows& rows);
  /// Appends what is held. False when the stream is full: `room` will be called once it has room.
  result<bool> flush(const std::function<void()>& room);

 private:
  template <class Row>
  void put(record::kind kind, record::cause at, const Row& row);

  std::unique_ptr<bridge::writer> writer_;
  features_top top_;
  std::string held_;
  std::string body_;
  std::uint64_t held_count_ = 0;
  runtime::counter* records_ = nullptr;
  std::array<runtime::counter*, market::option::states> options_{};  ///< by state
};

}  // namespace artham::actors

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "actors/bars/quarantine_book.hpp"
#include "bridge/bridge.hpp"
#include "messages/record/dead_letter_codec.hpp"

namespace artham::actors {

/// Writes md:deadletter, and knows which outputs must wait until a letter is on the disk: those
/// with its cause or a later one.
class quarantine_log {
 public:
  /// `known`: what the stream holds. Of that, what is not durable yet holds back every output.
  [[nodiscard]] static result<std::unique_ptr<quarantine_log>> open(
      bridge::bridge& out, std::span<const placed_letter> known);

  /// Takes a letter to be written; gives it its ordinal.
  void put(record::dead_letter l);
  /// Whether outputs with causes up to here may be appended. False: `again` is called, from any
  /// thread, when it is worth asking anew.
  [[nodiscard]] result<bool> lets_pass(record::position cause, const std::function<void()>& again);

 private:
  struct waiting {
    record::dead_letter letter;
    record::position place;  ///< seq 0: not appended yet
  };

  explicit quarantine_log(bridge::bridge& out) : out_(out) {}
  /// False: there is no room now.
  [[nodiscard]] result<bool> append(const std::function<void()>& again);
  [[nodiscard]] result<void> forget_durable();

  bridge::bridge& out_;
  std::unique_ptr<bridge::writer> writer_;  ///< made for the first letter
  std::unique_ptr<bridge::reader> durable_;
  std::deque<waiting> waiting_;
  std::map<record::position, std::uint32_t> ordinals_;
};

}  // namespace artham::actors

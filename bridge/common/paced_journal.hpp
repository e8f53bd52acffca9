#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// A journal's md:ticks as if it were being written: it goes as far as its owner lets it. Records
/// keep their places. What is derived from it goes to streams of its own, which nobody else sees.
///
/// Those who make derived data work on `work`, which ends where the owner has released md:ticks.
/// Those who tell clients read `shown`, which ends where everything was made when the owner last
/// called show: ticks and what was made of them come together. Thread-safe.
class paced_journal {
 public:
  struct options {
    bridge* from = nullptr;  ///< outlives it
    record::position after;  ///< it begins behind this record
    record::block_ptr
        preamble;  ///< stands in front, in the place of what comes right before; may be null
    std::uint32_t epoch = 1;  ///< of the derived streams
    /// Makes the bridge for the derived streams; called once for each life of them.
    std::function<std::shared_ptr<bridge>()> make_outputs;
  };
  explicit paced_journal(options o);
  ~paced_journal();
  paced_journal(const paced_journal&) = delete;
  paced_journal& operator=(const paced_journal&) = delete;

  /// Live as long as this object, and through all rewinds; their stop does nothing.
  [[nodiscard]] bridge& work();
  [[nodiscard]] bridge& shown();

  /// md:ticks goes up to here now, which is the end of a record.
  void release(record::position upto);
  [[nodiscard]] record::position released() const;
  /// Everything that was released has been made into what there is: both can be read.
  void show();
  /// Nothing is released, nothing was made. Nobody may have a cursor of the derived streams any
  /// more that he wants to use.
  void rewind();
  /// Those of the present life.
  [[nodiscard]] std::shared_ptr<bridge> outputs() const;

 private:
  struct state;
  class view;
  std::shared_ptr<state> state_;
  std::unique_ptr<view> work_;
  std::unique_ptr<view> shown_;
};

}  // namespace artham::bridge

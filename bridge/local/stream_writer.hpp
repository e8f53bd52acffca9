#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "bridge/common/record_walk.hpp"
#include "bridge/local/core.hpp"

namespace artham::bridge::local {

/// Puts records behind those that wait to be written: into the last block where they fit. The
/// stream goes on behind them.
void add_pending(stream& s, const options& settings, record::position first,
                 std::string_view records, std::uint64_t count,
                 std::span<const std::uint32_t> tokens, bool any_token, walked&& w);

class stream_writer final : public writer {
 public:
  /// The stream is marked as having a writer until this is destroyed.
  stream_writer(std::shared_ptr<core> c, stream_ptr s, record::position next);
  ~stream_writer() override;
  result<record::position> append(std::string_view records, std::uint64_t count,
                                  std::span<const std::uint32_t> tokens) override;
  result<record::position> append_urgent(std::string_view records, std::uint64_t count) override;
  [[nodiscard]] bool disk_is_full() const override { return core_->disk_is_full(); }
  void when_room(std::function<void()> fn) override;
  [[nodiscard]] record::position next() const override { return next_; }

 private:
  void put(std::string_view records, std::uint64_t count, std::span<const std::uint32_t> tokens,
           walked&& w);

  std::shared_ptr<core> core_;
  stream_ptr stream_;
  record::position next_;
  std::uint64_t refused_ = 0;  ///< bytes of the last append that found no room
};

}  // namespace artham::bridge::local

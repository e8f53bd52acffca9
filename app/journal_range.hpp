#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"

namespace artham::app {

/// Where a range of md:ticks lies. Both ends are those of records.
struct record_range {
  record::position after;  ///< the range begins behind it
  record::position until;  ///< the last of the range
  /// Stands in front of the range, in the place of what comes right before it; may be null.
  record::block_ptr preamble;
};

/// A range of another bridge's md:ticks as if nothing else had been journaled. Only for reading;
/// the other bridge must outlive it.
class journal_range final : public bridge::bridge {
  using port = artham::bridge::bridge;

 public:
  journal_range(port& journal, record_range range) : journal_(journal), range_(std::move(range)) {}

  result<std::unique_ptr<artham::bridge::writer>> open_writer(std::string_view stream,
                                                              std::uint32_t epoch) override;
  result<std::unique_ptr<artham::bridge::reader>> open_reader(
      std::string_view stream, record::position after, artham::bridge::top until,
      std::span<const std::uint32_t> tokens) override;
  [[nodiscard]] result<artham::bridge::tops> stream_tops(std::string_view stream) const override;
  [[nodiscard]] std::vector<std::string> streams() const override;
  [[nodiscard]] std::uint32_t last_epoch() const override { return range_.until.epoch; }
  result<market::content_hash> put_object(std::string_view content) override;
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return journal_.get_object(hash);
  }
  void stop() override {}

 private:
  port& journal_;
  record_range range_;
};

}  // namespace artham::app

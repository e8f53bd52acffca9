#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "actors/session/replay_lines.hpp"
#include "actors/session/tick_source.hpp"

namespace artham::actors {

/// In front of a replay's id, where Kite clients are let into it.
inline constexpr std::string_view replay_ticks_path = "/kite/replay/";

/// The ticks of replays: `/kite/replay/9f2c1a04d3b86e75`, with or without a slash at its end.
class replay_ticks final : public tick_sources {
 public:
  explicit replay_ticks(std::shared_ptr<const replay_lines> lines) : lines_(std::move(lines)) {}
  [[nodiscard]] result<tick_source> find(std::string_view path) const override;

 private:
  std::shared_ptr<const replay_lines> lines_;
};

}  // namespace artham::actors

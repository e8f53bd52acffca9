#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "actors/session/instrument_index.hpp"
#include "actors/session/replay_lines.hpp"
#include "market/error.hpp"
#include "messages/directory.hpp"

namespace artham::actors {

/// Whose ticks a Kite client gets.
struct tick_source {
  /// Has the hub (hub_name) and the supervisor under which sessions live (sessions_name): when that
  /// one ends, its clients are closed.
  std::shared_ptr<const messages::directory> names;
  std::shared_ptr<const instrument_index> instruments;
  /// The replay that these are of: it waits while a client does not read. Null: they are live.
  replay_line_ptr replay = nullptr;
};

/// Finds the source that a path means.
class tick_sources {
 public:
  virtual ~tick_sources() = default;
  /// `path` is percent-decoded, such as `/kite/replay/7/ws`. errc::not_found names what is not
  /// there. Called from the web server's threads; must not block.
  [[nodiscard]] virtual result<tick_source> find(std::string_view path) const = 0;
};

/// One source for every path.
class one_tick_source final : public tick_sources {
 public:
  explicit one_tick_source(tick_source s) : source_(std::move(s)) {}
  [[nodiscard]] result<tick_source> find(std::string_view) const override { return source_; }

 private:
  tick_source source_;
};

}  // namespace artham::actors

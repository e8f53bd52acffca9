#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// How long a pull waits for what the stream is known to have.
inline constexpr std::chrono::seconds read_patience{10};

/// A cursor over what a stream has now: its pull waits until there is something, and is empty only
/// behind the last record that was there at the opening. For a bridge that is read over a network,
/// where nothing to pull may mean nothing yet. errc::unavailable when that does not come.
[[nodiscard]] result<std::unique_ptr<reader>> open_to_end(
    bridge& from, std::string_view stream, record::position after, top until = top::appended,
    std::span<const std::uint32_t> tokens = {});

}  // namespace artham::bridge

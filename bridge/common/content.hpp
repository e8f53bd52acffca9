#pragma once

#include <string>
#include <string_view>

#include "bridge/bridge.hpp"

namespace artham::bridge {

/// SHA-256.
[[nodiscard]] market::content_hash content_hash_of(std::string_view content);
/// 64 lower-case hexadecimal digits.
[[nodiscard]] std::string hex(const market::content_hash& hash);
/// The error of get_object for a hash that nothing was put under.
[[nodiscard]] tl::unexpected<error> no_object(const market::content_hash& hash);

}  // namespace artham::bridge

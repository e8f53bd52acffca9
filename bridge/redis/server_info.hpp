#pragma once

#include <cstdint>
#include <string_view>

#include "bridge/redis/connection.hpp"

namespace artham::bridge::redis {

/// The value of `name` in what INFO says; empty when it is not there.
[[nodiscard]] std::string_view value_in(std::string_view info, std::string_view name);
[[nodiscard]] std::uint64_t number_in(std::string_view info, std::string_view name);
/// errc::refused for a server that we do not trust: one before 7.0, or that evicts. One that writes
/// no file is warned of.
[[nodiscard]] result<void> check_server(connection& c);

}  // namespace artham::bridge::redis

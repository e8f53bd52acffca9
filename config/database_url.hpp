#pragma once

#include <string>
#include <string_view>

namespace artham::config {

/// `postgresql://…` or `postgres://…`, as libpq reads them; or empty.
[[nodiscard]] bool is_database_url(std::string_view url);
/// Behind the user's name, as a parameter, or where it looks as if it were meant as one.
[[nodiscard]] bool has_password(std::string_view url);
/// User, host, port and database, for people to read.
[[nodiscard]] std::string_view without_parameters(std::string_view url);

}  // namespace artham::config

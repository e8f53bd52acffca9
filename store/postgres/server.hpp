#pragma once

#include <string>
#include <string_view>

#include "store/postgres/database.hpp"

namespace artham::store::postgres {

/// `postgresql://host:port/database as user`, for messages: names the place and no secret.
[[nodiscard]] std::string place_of(const server& s);

/// For libpq and libpqxx, with the password in it: not for messages. errc::usage for what is no
/// URL of PostgreSQL, and for one with a password in it: that would be seen where settings and
/// command lines are seen.
[[nodiscard]] result<std::string> conninfo(const server& s, std::string_view application);

}  // namespace artham::store::postgres

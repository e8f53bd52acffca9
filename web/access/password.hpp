#pragma once

#include <string>

#include "market/error.hpp"
#include "runtime/secret.hpp"

namespace artham::web {

inline constexpr std::size_t shortest_password = 8;
inline constexpr std::size_t longest_password = 256;

/// argon2id with 64 MiB and a salt of its own; takes about 0.1 s. errc::bad_input for one that is
/// too short or too long, errc::full without that memory.
[[nodiscard]] result<std::string> hash_password(const runtime::secret& password);
/// Takes as long as hash_password.
[[nodiscard]] bool is_password(const std::string& hash, const runtime::secret& password);

}  // namespace artham::web

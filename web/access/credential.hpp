#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/secret.hpp"

/// The texts that say who somebody is.
namespace artham::web {

/// 256 random bits, 43 characters of base64url.
[[nodiscard]] std::string random_text();
/// SHA-256, hexadecimal. Enough for what is random; passwords have hash_password.
[[nodiscard]] std::string hash_of(std::string_view text);
/// Takes as long wherever they differ.
[[nodiscard]] bool is_same(std::string_view a, std::string_view b);

/// `artham_<id>_<secret>`
[[nodiscard]] runtime::secret key_text(std::int64_t id, std::string_view secret);
struct key_parts {
  std::int64_t id = 0;
  std::string_view secret;  ///< a part of the text
};
[[nodiscard]] std::optional<key_parts> parse_key(std::string_view text);

/// `arthamt_<user>.<expires>.<renewals>.<random>.<signature>`
struct ticket {
  std::int64_t user = 0;     ///< its id
  std::int64_t expires = 0;  ///< wall clock, ns
  int renewals = 0;
  std::string id;  ///< random
};
[[nodiscard]] std::string sign_ticket(const ticket& t, const runtime::secret& secret);
/// Nothing when it was not signed with this secret. Whether it has expired is not looked at.
[[nodiscard]] std::optional<ticket> parse_ticket(std::string_view text,
                                                 const runtime::secret& secret);

/// A text that begins as keys and tickets do.
[[nodiscard]] bool looks_like_credential(std::string_view text);

}  // namespace artham::web

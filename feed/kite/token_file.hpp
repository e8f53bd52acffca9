#pragma once

#include <cstdint>
#include <filesystem>

#include "feed/kite/rest.hpp"
#include "market/error.hpp"
#include "market/time.hpp"

namespace artham::feed::kite {

/// The login kept between starts: JSON {api_key, access_token, user_id, login_time}, mode 0600.
/// Replaces the file in one step; a crash leaves the old one or the new one.
result<void> write_token_file(const std::filesystem::path& file, const session& s);

/// Refuses a file that others than its owner can touch, and one that is not what `write_token_file`
/// wrote. errc::not_found when there is none.
[[nodiscard]] result<session> read_token_file(const std::filesystem::path& file);

/// Kite's access tokens die at 06:00 IST; this is the first one after the login.
[[nodiscard]] market::timestamp expires_at(market::timestamp login_time);

enum class token_validity : std::uint8_t { valid, token_expired, missing };

/// An error when there is a file that cannot be used.
[[nodiscard]] result<token_validity> token_state(const std::filesystem::path& file,
                                                 market::timestamp now);

}  // namespace artham::feed::kite

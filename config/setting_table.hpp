#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace artham::config {

/// A value as written, before its setting has looked at it.
struct written_value {
  enum class form : std::uint8_t {
    plain,  ///< from a variable or --set: any type, as text
    text,
    integer,
    number,
    boolean,
    list,
    other,
  };
  form written = form::plain;
  std::string text;                ///< a list's items joined by commas
  std::vector<std::string> items;  ///< of a list
};

enum class setting_kind : std::uint8_t {
  ordinary,
  decides_data,  ///< derived data depends on it
  secret,
};

struct setting {
  std::string_view key;
  setting_kind kind;
  /// The error's message says what is accepted, without the key.
  std::function<result<void>(settings&, const written_value&)> set;
  /// The value as TOML; of a secret only whether it is set.
  std::function<std::string(const settings&)> print;
};

/// Every setting in the order of default.toml.
[[nodiscard]] std::span<const setting> all_settings();
/// Null when there is none of that name.
[[nodiscard]] const setting* find_setting(std::string_view key);
/// The known key with the smallest edit distance, empty when none is similar.
[[nodiscard]] std::string_view nearest_key(std::string_view key);

}  // namespace artham::config

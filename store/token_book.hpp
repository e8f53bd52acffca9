#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/store.hpp"

namespace artham::store {

/// Which token an instrument had when, for rows that name it by its id.
class token_book {
 public:
  token_book() = default;
  /// `versions` in order of date.
  explicit token_book(const std::vector<stored_instrument>& versions);

  /// An instrument of this id ever had this token.
  [[nodiscard]] bool had(std::int64_t id, std::uint32_t token) const;
  /// The token of a tick that is a row of the instrument: the one that its packet says, if the
  /// instrument ever had it, else the one of the day. 0: there is no such instrument.
  [[nodiscard]] std::uint32_t token_of(std::int64_t id, market::timestamp receive,
                                       std::string_view packet) const;

 private:
  struct version {
    std::int32_t from;
    std::uint32_t token;
  };
  std::unordered_map<std::int64_t, std::vector<version>> by_id_;
};

}  // namespace artham::store

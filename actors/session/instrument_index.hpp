#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "market/calendar.hpp"
#include "market/instrument.hpp"

namespace artham::actors {

/// Which token a key such as `NSE:INFY` means, and by which calendar a token trades. Immutable,
/// shared.
class instrument_index {
 public:
  instrument_index(std::span<const market::instrument> list,
                   std::map<std::string, market::calendar_ptr, std::less<>> calendars);
  instrument_index(const instrument_index&) = delete;
  instrument_index& operator=(const instrument_index&) = delete;

  /// `TOKEN:408065` names any instrument of the list by its number.
  [[nodiscard]] std::optional<std::uint32_t> token(std::string_view key) const;
  /// The list has an instrument with this token.
  [[nodiscard]] bool has(std::uint32_t token) const {
    return keys_.contains(token) || calendar_by_token_.contains(token);
  }
  /// As clients write it, `NSE:INFY`; empty for a token that the list does not have.
  [[nodiscard]] std::string_view key_of(std::uint32_t token) const;
  /// Calls fn(key, token) for all of a segment, `NSE`, in order of their keys, until it returns
  /// false.
  void for_each_of(std::string_view segment,
                   const std::function<bool(const std::string&, std::uint32_t)>& fn) const;
  /// Null only when no calendar is known at all.
  [[nodiscard]] market::calendar_ptr calendar_of(std::uint32_t token) const;
  /// By any of the calendars; true where none is known.
  [[nodiscard]] bool in_session(market::timestamp t) const;

 private:
  std::map<std::string, std::uint32_t, std::less<>> tokens_;
  std::unordered_map<std::uint32_t, const std::string*> keys_;  ///< those of tokens_
  std::map<std::uint32_t, market::calendar_ptr> calendar_by_token_;
  std::map<std::string, market::calendar_ptr, std::less<>> calendars_;
};

/// The calendar of an instrument that no dump names, by the segment in its token.
[[nodiscard]] std::string_view calendar_by_segment(std::uint32_t token);

}  // namespace artham::actors

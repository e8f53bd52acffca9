#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/price.hpp"
#include "market/time.hpp"

namespace artham::market {

/// One row of Kite's instrument dump.
struct instrument {
  std::uint32_t token = 0;
  std::uint32_t exchange_token = 0;
  std::string exchange;  ///< NSE, NFO, BSE, BFO, CDS, BCD, MCX, NCO, ...
  std::string symbol;    ///< tradingsymbol
  std::string name;
  date expiry;  ///< days == 0: none
  price strike;
  price tick_size;
  std::int64_t lot_size = 0;
  std::string type;     ///< EQ FUT CE PE
  std::string segment;  ///< NSE, INDICES, NFO-FUT, NFO-OPT, ...
  friend bool operator==(const instrument&, const instrument&) = default;
};

/// `NSE:INFY`, as used in keys and queries.
[[nodiscard]] std::string display_key(const instrument& i);
/// Stands in for an instrument that no dump names: exchange `TOKEN`, symbol the number.
[[nodiscard]] instrument unknown_instrument(std::uint32_t token);
/// The exchange of instruments that formulas make. They trade by the calendar of another exchange,
/// which stands as their name.
inline constexpr std::string_view synthetic_exchange = "SYN";
/// The exchange by whose calendar an instrument trades.
[[nodiscard]] std::string_view trading_exchange(const instrument& i);
/// The calendar that an exchange code trades by: NSE, NFO (also BFO), BSE, CDS (also BCD), MCX
/// (also NCO); others NSE.
[[nodiscard]] std::string_view calendar_of(std::string_view exchange);

/// Reads Kite's instrument CSV: by header name, quoted fields per RFC 4180, all twelve columns
/// required. The error names line and column.
[[nodiscard]] result<std::vector<instrument>> parse_instruments(std::string_view csv);
/// The same twelve columns, with last_price 0; parse(write(x)) == x.
[[nodiscard]] std::string write_instruments(const std::vector<instrument>& list);

/// price = raw / divisor, by the segment in the token's low byte (Kite Connect v3): CDS 10,000,000,
/// BCD and NCO 10,000, all others 100.
[[nodiscard]] constexpr std::int64_t price_divisor(std::uint32_t token) {
  switch (token & 0xff) {
    case 3:
      return 10'000'000;
    case 6:
    case 12:
      return 10'000;
    default:
      return 100;
  }
}

}  // namespace artham::market

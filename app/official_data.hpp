#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "actors/session/instrument_index.hpp"
#include "config/settings.hpp"
#include "store/store.hpp"

namespace artham::app {

/// The store of a data directory, for commands that put the exchange's candles into it. They may
/// run beside the program that writes the same store: they touch only the candles, in short
/// transactions.
struct official_data {
  std::unique_ptr<store::database> store;
  std::vector<store::stored_instrument> instruments;
  std::shared_ptr<const actors::instrument_index> index;

  /// `NSE:INFY`
  [[nodiscard]] std::string name_of(std::uint32_t token) const;
};

/// errc::unavailable when there is no store in the data directory of the settings.
[[nodiscard]] result<official_data> open_official_data(const config::settings& s);

}  // namespace artham::app

#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "app/journal_command.hpp"
#include "market/error.hpp"
#include "market/instrument.hpp"
#include "market/mark.hpp"

namespace artham::app {

/// A selection, understood.
struct record_filter {
  market::timestamp from = 0;            ///< inclusive
  market::timestamp to = market::never;  ///< exclusive
  std::set<std::uint32_t> tokens;        ///< empty: all

  [[nodiscard]] bool has(std::uint32_t token) const {
    return tokens.empty() || tokens.contains(token);
  }
  /// A mark that names instruments must name one of these.
  [[nodiscard]] bool has(const market::mark& m) const;
};

/// `instruments`: those that the journal knows, by token. errc::usage names option and text.
[[nodiscard]] result<record_filter> parse_selection(
    const journal_selection& s, const std::map<std::uint32_t, market::instrument>& instruments);

}  // namespace artham::app

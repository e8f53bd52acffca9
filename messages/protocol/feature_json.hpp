#pragma once

#include <string>

#include "market/feature/instrument_features.hpp"
#include "market/feature/rows.hpp"

/// Features as clients see them: prices are decimal text, times and ages integer microseconds,
/// analytics numbers of nine significant digits; what is not known is left out. docs/protocol.md.
namespace artham::protocol {

/// `final` says whether a clock mark made it.
void append_chain(std::string& out, const market::feature::chain_row& c, bool final);
void append_option(std::string& out, const market::feature::option_row& o);
/// An option with the instant, the expiry and the forward of its chain.
void append_greeks(std::string& out, const market::feature::chain_row& c,
                   const market::feature::option_row& o, bool final);
void append_instrument_feature(std::string& out, const market::feature::instrument_row& r);

}  // namespace artham::protocol

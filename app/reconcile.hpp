#pragma once

#include <string>

#include "app/run.hpp"

namespace artham::app {

struct reconcile_options {
  settings_options settings;
  std::string kite;                 ///< file with the JSON of Kite's historical data
  std::string url;                  ///< or the REST base to fetch it from
  std::string instrument;           ///< `NSE:INFY`, or a token
  std::string interval = "minute";  ///< Kite's name or ours
  std::string from;                 ///< bar start; empty: of the candles, or of the own bars
  std::string to;                   ///< exclusive
  bool json = false;
};

/// Compares own final bars with the exchange's candles, which are stored beside them, and says why
/// each differs; returns the exit code. Each difference is a line on stdout.
int reconcile(const reconcile_options& options);

}  // namespace artham::app

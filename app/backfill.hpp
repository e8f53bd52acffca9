#pragma once

#include <string>

#include "app/run.hpp"

namespace artham::app {

struct backfill_options {
  settings_options settings;
  std::string url;                  ///< REST base; empty: feed.rest_url, else Kite's
  std::string interval = "minute";  ///< Kite's name or ours
  bool json = false;
};

/// Fetches the exchange's candles for the gaps of a data directory and stores them beside the own
/// bars; returns the exit code. Doing it again changes nothing but what the exchange corrected.
int backfill(const backfill_options& options);

}  // namespace artham::app

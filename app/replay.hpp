#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "market/error.hpp"

namespace artham::app {

struct replay_options {
  std::string ticks;      ///< tick CSV; exactly one of these four is set
  std::string recording;  ///< Kite frames or a tick CSV that they can carry
  std::string journal;    ///< directory of a journal, or a data directory
  std::string bundle;     ///< directory of a bundle
  std::filesystem::path out;
  std::string from;         ///< market time in the journal or bundle; empty: its beginning
  std::string to;           ///< exclusive; empty: its end
  std::string timeframes;   ///< empty: those of the settings, or of the journal's
  std::string calendar;     ///< empty: by each instrument's exchange
  bool features = false;    ///< chains, Greeks and features of instruments too
  bool alerts = false;      ///< those that the rules of the journal's store make
  std::string instruments;  ///< an instrument dump for `ticks` or `recording`; may be empty
  bool sizes = false;       ///< `--volume sizes`
  int quantity_scale = 0;
  std::vector<std::string> sets;
  bool json = false;
};

/// Rebuilds bars, and features if wanted, and writes bars_{tf}.csv, chains.csv, greeks.csv and
/// features.csv, alerts.csv and a digest; returns the exit code. Results go to
/// stdout, progress to stderr.
int replay(const replay_options& options);

}  // namespace artham::app

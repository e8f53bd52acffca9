#pragma once

#include <filesystem>
#include <string>

namespace artham::app {

struct verify_options {
  std::filesystem::path data;
  std::string postgres;  ///< URL of the database; empty: the store of the settings
  bool in_file = false;  ///< the store is artham.db, whatever the settings say
  std::string day;       ///< yyyy-mm-dd; empty: all
  bool repair = false;   ///< first ends the quarantines of builders whose bars can be made now
  bool json = false;
};

/// Makes all bars of a data directory again from its journal and compares them with the stored
/// ones; returns the exit code. Each difference is a line on stdout.
int verify(const verify_options& options);

}  // namespace artham::app

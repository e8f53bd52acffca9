#pragma once

#include <filesystem>
#include <string>

namespace artham::app {

struct migrate_options {
  std::filesystem::path data;
  std::string postgres;  ///< URL of the database
  bool ticks = false;    ///< the tick table as well
};

/// Copies the store in artham.db into an empty database, compares both row by row, then both with
/// the journal; returns the exit code. What broke off goes on when it is run again.
int migrate(const migrate_options& options);

}  // namespace artham::app

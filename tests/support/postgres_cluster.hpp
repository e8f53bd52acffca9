#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace artham::test {

/// The programs of one PostgreSQL, and what its servers are configured with besides the usual.
struct postgres_flavour {
  std::filesystem::path bin;
  std::string settings;
  std::string wal_segment_mb = "1";  ///< small ones are quick to make and to copy
};

/// The arguments that run a program in `dir` as the user that PostgreSQL runs as.
[[nodiscard]] std::vector<std::string> as_server_user(const std::filesystem::path& dir,
                                                      std::vector<std::string> args);
/// Gives a directory or file to that user.
void give_to_server_user(const std::filesystem::path& path);

/// A fresh data directory at `data`, which must not exist: a copy of one that initdb made once in
/// this process. Superuser artham with `password`.
void make_cluster(const postgres_flavour& flavour, const std::filesystem::path& data,
                  const std::string& password);

/// Runs to the end; throws what it said on stderr if that is not well.
finished run_or_throw(std::vector<std::string> args);

}  // namespace artham::test

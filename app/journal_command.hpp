#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace artham::app {

/// Which part of a journal; empty is all of it.
struct journal_selection {
  std::string from;                      ///< RFC 3339, or integer ns; inclusive
  std::string to;                        ///< likewise, exclusive
  std::vector<std::string> instruments;  ///< `NSE:INFY`, or tokens
};

struct journal_cat_options {
  std::filesystem::path dir;
  std::string stream = "md:ticks";
  journal_selection select;
  std::uint64_t limit = 0;  ///< lines; 0: all
  bool json = false;
};
/// Prints a stream, a line per tick, mark, bar or dead letter; returns the exit code.
int journal_cat(const journal_cat_options& options);

struct journal_verify_options {
  std::filesystem::path dir;
  bool json = false;
};
/// Checks every block and object; says what each stream holds and what is damaged. Changes nothing.
int journal_verify(const journal_verify_options& options);

struct journal_export_options {
  std::filesystem::path dir;
  std::filesystem::path out;
  journal_selection select;
};
/// Writes the ticks as a tick CSV.
int journal_export(const journal_export_options& options);

struct journal_slice_options {
  std::filesystem::path dir;
  std::filesystem::path out;
  bool bundle = false;
  journal_selection select;
};
/// Writes a part of md:ticks as a journal of its own, or as a bundle.
int journal_slice(const journal_slice_options& options);

}  // namespace artham::app

#pragma once

#include <filesystem>
#include <set>
#include <vector>

#include "actors/bars/quarantine_book.hpp"
#include "app/journal_range.hpp"
#include "app/token_slice.hpp"

namespace artham::app {

/// The dead letters of a journal that a slice of it needs, with the positions that the slice has.
class slice_letters {
 public:
  /// What concerns `range`, and of it `tokens` (empty: all).
  slice_letters(const std::vector<actors::placed_letter>& all, const record_range& range,
                const std::set<std::uint32_t>& tokens);

  /// Positions that the letters name, for token_slice::watch.
  [[nodiscard]] std::set<record::position> positions() const;
  /// After all records were taken: gives the letters the positions of the slice, whose last record
  /// is `last`.
  void move(const token_slice& moved, record::position last);
  /// Writes md:deadletter, unless there is no letter.
  [[nodiscard]] result<void> write(const std::filesystem::path& journal) const;

 private:
  std::vector<record::dead_letter> letters_;
};

}  // namespace artham::app

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace artham::store {

/// Rows of several instruments as one list in the order of `key`: its first `limit`, or its last.
template <class T, class Key>
void merge_rows(std::vector<T>& rows, std::size_t limit, bool newest_first, Key key) {
  std::ranges::stable_sort(rows, {}, key);
  if (rows.size() <= limit) return;
  const auto surplus = static_cast<std::ptrdiff_t>(rows.size() - limit);
  if (newest_first) {
    rows.erase(rows.begin(), rows.begin() + surplus);
  } else {
    rows.erase(rows.end() - surplus, rows.end());
  }
}

}  // namespace artham::store

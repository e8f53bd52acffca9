#pragma once

#include <cstdint>
#include <vector>

namespace artham::actors {

/// Gives each instrument token a small dense number, in order of appearance. Open addressing: a
/// lookup is one or two cache lines, as it is done for every tick.
class token_slots {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  token_slots() : table_(1U << 10U, entry{0, none}) {}

  /// The token's slot, a new one if it has none.
  std::uint32_t slot(std::uint32_t token) {
    for (std::size_t i = place(token);; i = (i + 1) & (table_.size() - 1)) {
      if (table_[i].slot == none) return add(token);
      if (table_[i].token == token) return table_[i].slot;
    }
  }

  /// `none` when the token has no slot.
  [[nodiscard]] std::uint32_t find(std::uint32_t token) const {
    for (std::size_t i = place(token);; i = (i + 1) & (table_.size() - 1)) {
      if (table_[i].slot == none || table_[i].token == token) return table_[i].slot;
    }
  }

  [[nodiscard]] std::uint32_t size() const { return count_; }

 private:
  struct entry {
    std::uint32_t token;
    std::uint32_t slot;
  };

  [[nodiscard]] std::size_t place(std::uint32_t token) const {
    return (token * 0x9E3779B1U >> 8U) & (table_.size() - 1);
  }

  std::uint32_t add(std::uint32_t token) {
    if ((count_ + 1) * 2 > table_.size()) {
      std::vector<entry> old(table_.size() * 2, entry{0, none});
      old.swap(table_);
      for (const entry& e : old) {
        if (e.slot != none) insert(e);
      }
    }
    insert({token, count_});
    return count_++;
  }

  void insert(entry e) {
    std::size_t i = place(e.token);
    while (table_[i].slot != none) i = (i + 1) & (table_.size() - 1);
    table_[i] = e;
  }

  std::vector<entry> table_;
  std::uint32_t count_ = 0;
};

}  // namespace artham::actors

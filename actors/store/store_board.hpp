#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "market/time.hpp"

namespace artham::actors {

/// What the actors of the store say of themselves, for `artham status`. Thread-safe.
class store_board {
 public:
  struct entry {
    std::string why;              ///< it waits for the store; empty: it does not
    market::timestamp since = 0;  ///< it waits, by this computer's clock
    std::uint64_t refused = 0;    ///< rows that the store would not take
    std::string refusal;          ///< why, the last time
  };

  /// `since` stays what it was while the actor waits. True: nobody else has given that reason.
  bool waits(const std::string& who, const std::string& why);
  /// True: it had waited, as the last.
  bool goes_on(const std::string& who);
  void refused(const std::string& who, std::uint64_t rows, const std::string& why);
  /// Those that wait or had rows refused.
  [[nodiscard]] std::map<std::string, entry> entries() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, entry> entries_;
};

}  // namespace artham::actors

#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "market/instrument.hpp"
#include "store/store.hpp"

namespace artham::web {

/// The instruments in force, searchable. Read from the store at most once per `max_age`, since a
/// full dump has some hundred thousand rows. Thread-safe; calls block.
class instrument_catalog {
 public:
  explicit instrument_catalog(store::reader& reader,
                              std::chrono::milliseconds max_age = std::chrono::seconds(5))
      : reader_(reader), max_age_(max_age) {}

  struct found {
    std::vector<market::instrument> page;  ///< the best `limit`
    std::size_t total = 0;
  };
  /// Every word of `query` must occur in key or name, whatever the case. Best first: the symbol
  /// itself, symbols that begin with the query, then the others; indices before the rest, then by
  /// key.
  [[nodiscard]] result<found> search(std::string_view query, std::string_view exchange,
                                     std::size_t limit);

  /// All of an exchange; of every exchange when it is empty.
  [[nodiscard]] result<std::vector<market::instrument>> of_exchange(std::string_view exchange);
  /// Codes of the exchanges that instruments are of.
  [[nodiscard]] result<std::set<std::string>> exchanges();

 private:
  struct entry {
    market::instrument instrument;
    std::string key;     ///< upper case
    std::string symbol;  ///< upper case
    std::string name;    ///< upper case
  };
  using list = std::shared_ptr<const std::vector<entry>>;
  result<list> entries();

  store::reader& reader_;
  const std::chrono::milliseconds max_age_;
  std::mutex mutex_;
  list list_;
  std::chrono::steady_clock::time_point read_at_{};
};

}  // namespace artham::web

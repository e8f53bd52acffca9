#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/store.hpp"

namespace artham::store {

/// The point-in-time instrument table in memory: which instrument_id a token means on a date, and
/// what a dump changes in the table. An instrument is (exchange, tradingsymbol, expiry); it keeps
/// its id for ever, and has a version for each time that its other properties changed.
class instrument_versions {
 public:
  /// A row of the table; in the order of valid_from.
  void add(const stored_instrument& row);
  void clear();

  /// What makes a dump's day begin: rows to write (one with that id and valid_from is replaced) and
  /// rows that end on that day.
  struct changes {
    std::vector<stored_instrument> written;
    std::vector<std::pair<std::int64_t, market::date>> ended;  ///< id, valid_from
    [[nodiscard]] bool empty() const { return written.empty() && ended.empty(); }
  };
  /// New instruments and new versions of changed ones are written, vanished ones end. The same dump
  /// twice changes nothing, nor does one that is older than what is known.
  [[nodiscard]] changes compare(std::span<const market::instrument> list,
                                market::date valid_from) const;

  /// The id in force at `t`, else that of the newest version: a tick is never without an owner.
  /// None for a token that no row has.
  [[nodiscard]] std::optional<std::int64_t> id(std::uint32_t token, market::timestamp t);
  /// The row of a token that no dump names, with the next free id. It is not added.
  [[nodiscard]] stored_instrument made_up(std::uint32_t token) const;

 private:
  using identity = std::tuple<std::string, std::string, std::int32_t>;
  struct version {
    std::int64_t id;
    std::int32_t from;
    std::int32_t to;  ///< exclusive; INT32_MAX: in force
  };
  struct newest_version {
    version v;
    market::instrument instrument;
  };
  struct cached {
    std::int32_t day;
    std::int64_t id;
  };
  [[nodiscard]] static identity identity_of(const market::instrument& i);

  std::map<identity, newest_version> newest_;
  std::unordered_map<std::uint32_t, std::vector<version>> by_token_;
  std::unordered_map<std::uint32_t, cached> cache_;
  std::int64_t next_id_ = 1;
};

}  // namespace artham::store

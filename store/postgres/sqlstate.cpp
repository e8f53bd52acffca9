#include "store/postgres/sqlstate.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace artham::store::postgres {

namespace {

struct meaning {
  std::string_view state;  ///< or a class of states: its first two characters
  errc code;
  std::string_view way_out;
};

// States before their classes.
constexpr std::array meanings{
    meaning{"28P01", errc::refused,
            "give the right one as store.postgres.password, PGPASSWORD or in ~/.pgpass"},
    meaning{"28", errc::refused,
            "check the user in store.postgres.url and the server's pg_hba.conf"},
    meaning{"3D000", errc::refused, "create it (createdb), or name another in store.postgres.url"},
    meaning{"42501", errc::refused,
            "the user needs CREATE on the database, and what it made; let its owner GRANT that"},
    meaning{"53100", errc::full, "make room on the server's disk"},
    meaning{"53300", errc::unavailable, "raise the server's max_connections"},
    meaning{"53", errc::unavailable, ""},
    meaning{"25006", errc::unavailable, "the server is read-only"},
    meaning{"08", errc::unavailable, ""},
    meaning{"40", errc::unavailable, ""},  // serialization failure, deadlock
    meaning{"55", errc::unavailable, ""},  // lock not available
    meaning{"57", errc::unavailable, ""},  // shut down, cancelled, not yet up
    meaning{"58", errc::unavailable, ""},  // the server's disk fails it
    meaning{"22", errc::bad_input, ""},
    meaning{"23", errc::bad_input, ""},
    meaning{"42", errc::conflict, "has somebody changed the schema artham?"},
    meaning{"XX", errc::unavailable, ""},
};

const meaning* find(std::string_view sqlstate) {
  const auto it = std::ranges::find_if(
      meanings, [&](const meaning& m) { return sqlstate.starts_with(m.state); });
  return it == meanings.end() ? nullptr : &*it;
}

}  // namespace

errc code_of(std::string_view sqlstate) {
  if (sqlstate.empty()) return errc::unavailable;
  const auto* m = find(sqlstate);
  return m == nullptr ? errc::unavailable : m->code;
}

bool is_about_data(std::string_view sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23");
}

error error_of(std::string_view place, std::string_view sqlstate, std::string_view message) {
  std::string text(message);
  for (const auto* severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "}) {
    if (text.starts_with(severity)) text.erase(0, 8);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  std::string whole = std::string(place) + ": " + text;
  const auto* m = sqlstate.empty() ? nullptr : find(sqlstate);
  if (m != nullptr && !m->way_out.empty()) whole += "; " + std::string(m->way_out);
  return {code_of(sqlstate), std::move(whole)};
}

}  // namespace artham::store::postgres

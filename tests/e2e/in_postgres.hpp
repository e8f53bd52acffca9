#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/recorded.hpp"
#include "tests/support/postgres_server.hpp"

namespace artham::test {

inline std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// A database of a server, and how ticks lie in it.
struct database {
  const postgres_server* server = nullptr;
  std::string name = "artham";
  std::string layout = "packed";

  [[nodiscard]] std::string url() const { return server->url(name); }
  [[nodiscard]] std::vector<std::string> settings() const {
    return {"--set", "store.kind=postgres",
            "--set", "store.postgres.url=" + url(),
            "--set", "store.postgres.tick_layout=" + layout,
            "--set", "store.postgres.pack_interval=100ms",
            "--set", "store.postgres.timeout=2s"};
  }
  [[nodiscard]] std::string ticks_query() const {
    return layout == "rows" ? "(SELECT count(*) FROM artham.ticks)"
                            : "(SELECT coalesce(sum(ticks), 0) FROM artham.tick_packs)";
  }
};

/// Of ticks, and of final bars by timeframe, each once.
struct tally {
  std::uint64_t ticks = 0;
  std::map<std::string, std::uint64_t> bars;
  friend bool operator==(const tally&, const tally&) = default;
};

/// What `artham replay` makes of a journal.
inline tally journaled(const std::string& data, const std::vector<std::string>& timeframes) {
  const scratch out;
  const auto f = artham({"replay", "--journal", data, "--out", out / "bars"});
  REQUIRE_MESSAGE(f.code == 0, f.err);
  const auto behind = [&](const std::string& name) {
    const auto at = f.out.find(name);
    REQUIRE_MESSAGE(at != std::string::npos, f.out);
    return std::stoull(f.out.substr(at + name.size()));
  };
  tally t;
  t.ticks = behind("ticks ");
  for (const auto& tf : timeframes) t.bars[tf] = behind("bars_" + tf + ".csv ");
  return t;
}

inline tally stored(const database& db, const std::vector<std::string>& timeframes) {
  auto query = "SELECT " + db.ticks_query();
  for (const auto& tf : timeframes)
    query += ", (SELECT count(*) FROM artham.bars_" + tf + " WHERE revision = 0)";
  std::istringstream counts(db.server->sql(query, db.name));
  tally t;
  counts >> t.ticks;
  char bar = 0;
  for (const auto& tf : timeframes) counts >> bar >> t.bars[tf];
  return t;
}

inline bool store_waits(const nlohmann::json& status) {
  return !status["store"]["waiting"].empty();
}

/// Has what a journal holds and a stopped node had not stored yet be stored, without a feed; then
/// nothing is missing in the database, twice there, or other than the journal says.
inline void prove(const std::string& data, const database& db,
                  const std::vector<std::string>& timeframes, std::vector<std::string> options) {
  const auto expected = journaled(data, timeframes);
  bool all = false;
  {
    options.insert(options.end(), {"--set", "feed.url=ws://127.0.0.1:1"});
    node n(data, options);
    all = n.wait_for([&](const auto&) {
      try {
        return stored(db, timeframes) == expected;
      } catch (const std::runtime_error&) {
        return false;  // a node that was killed early has made no tables
      }
    });
    CHECK_MESSAGE(all, n.process().errors());
    CHECK(n.stop() == 0);
  }
  CHECK(expected.ticks > 0);
  CHECK(stored(db, timeframes) == expected);
  CHECK(db.server->sql("SELECT count(*) FROM artham.dead_letters", db.name) == "0\n");
  const auto verified = artham({"verify", "--data", data, "--postgres", db.url()});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  CHECK(verified.out.find("\ndifferences 0\n") != std::string::npos);
  CHECK(verified.out.find("\nticks " + std::to_string(expected.ticks) + "\n") != std::string::npos);
  // Such as it is, further trials would only take time.
  REQUIRE(all);
}

}  // namespace artham::test

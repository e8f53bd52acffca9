#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/node.hpp"
#include "tests/support/places.hpp"

namespace artham::test {

inline const std::string recording =
    artham::test::source_dir() + "/tests/data/synthetic/market_8.hex";

/// Plays the recording into a new data directory until everything is stored, and stops.
inline void play_recording(const std::string& data, std::vector<std::string> more = {},
                           const std::string& speed = "max") {
  std::vector<std::string> options{"--recording", recording, "--speed",
                                   speed,         "--set",   "bars.timeframes=10s 1m 5m 1D"};
  for (auto& m : more) options.push_back(std::move(m));
  node n(data, options);
  REQUIRE_MESSAGE(n.wait_for(settled), n.get("/v1/status").dump(1));
  CHECK(n.stop() == 0);
}

/// Runs the synthetic market until `ticks` more have come in; stopped or killed by `signal`.
inline void run_synthetic(const std::string& data, std::uint64_t ticks, int signal,
                          std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--speed", "60", "--set", "exchange.instruments=40"});
  node n(data, std::move(more));
  REQUIRE(n.wait_for(
      [&](const nlohmann::json& s) { return s["ticks_received"].get<std::uint64_t>() >= ticks; }));
  n.stop(signal);
}

inline finished artham(std::vector<std::string> args) {
  if (args.size() > 2 && args[0] == "verify" && args[1] == "--data") {
    if (const auto url = node_cluster::database_of(args[2]))
      args.insert(args.end(), {"--postgres", *url});
  }
  args.insert(args.begin(), artham::test::program());
  return run_to_end(std::move(args));
}

/// In the database of the node that has this directory.
inline std::string sql(const std::string& data, const std::string& query) {
  if (const auto url = node_cluster::database_of(data)) {
    const auto f = run_to_end({"/usr/bin/env", "PGOPTIONS=-c search_path=artham", "/usr/bin/psql",
                               "-AtXq", "-v", "ON_ERROR_STOP=1", "-d", *url, "-c", query});
    REQUIRE_MESSAGE(f.code == 0, f.err);
    return f.out;
  }
  const auto f = run_to_end({"/usr/bin/sqlite3", data + "/artham.db", query});
  REQUIRE_MESSAGE(f.code == 0, f.err);
  return f.out;
}

/// `digest sha256:…` of what a command printed.
inline std::string digest_of(const finished& f) {
  const auto at = f.out.find("digest sha256:");
  REQUIRE_MESSAGE(at != std::string::npos, f.err);
  return f.out.substr(at, f.out.find('\n', at) - at);
}

/// The segments of a stream, by position.
inline std::vector<std::filesystem::path> segments(const std::string& data,
                                                   const std::string& stream) {
  std::vector<std::filesystem::path> found;
  for (const auto& e : std::filesystem::directory_iterator(data + "/journal/" + stream)) {
    if (e.path().extension() == ".seg") found.push_back(e.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline void flip_byte(const std::filesystem::path& file, std::uint64_t offset) {
  std::fstream f(file, std::ios::binary | std::ios::in | std::ios::out);
  f.seekg(static_cast<std::streamoff>(offset));
  const auto byte = static_cast<char>(f.get() ^ 0x20);
  f.seekp(static_cast<std::streamoff>(offset));
  f.put(byte);
}

}  // namespace artham::test

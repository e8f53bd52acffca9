#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/secret.hpp"
#include "store/store.hpp"

namespace artham::store::postgres {

/// Where the server is and how long to wait for it.
struct server {
  /// `postgresql://user@host:port/database?sslmode=…`, as libpq reads it. Without a password: that
  /// comes from `password`, PGPASSWORD or ~/.pgpass.
  std::string url;
  runtime::secret password;
  /// A call that the server does not answer for so long gives up; its connection is closed.
  std::chrono::milliseconds timeout{30'000};
};

/// How ticks lie in the tables; reading finds both.
enum class tick_layout : std::uint8_t { packed, rows };

struct open_options {
  tick_layout layout = tick_layout::packed;
  std::size_t writers = 1;  ///< connections that write, 1 to store::tick_shards
  /// A server that cannot be reached is not an error: calls answer errc::unavailable until it can,
  /// then the schema is brought up to date. What the server refuses is an error all the same.
  bool may_be_away = false;
  /// TimescaleDB compresses what is older, where its licence offers that; 0: never.
  market::duration compress_after = 0;
};

/// Connects, brings the schema `artham` up to date (safe when several nodes start at once) and
/// creates the tables of the timeframes, with TimescaleDB as hypertables. errc::usage (URL),
/// unavailable (no server), refused (password, database, privilege, version), conflict (newer
/// schema, or one that is not ours). Messages name server, database and user, never a password.
[[nodiscard]] result<std::unique_ptr<database>> open(const server& s, const options& o,
                                                     const open_options& how);

}  // namespace artham::store::postgres

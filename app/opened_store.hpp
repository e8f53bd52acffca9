#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "store/audit.hpp"
#include "store/postgres/database.hpp"
#include "store/record_source.hpp"
#include "store/store.hpp"

namespace artham::app {

struct store_opening {
  std::vector<market::timeframe> timeframes;
  std::size_t writers = 1;  ///< that are of use; an embedded store has one
  /// A server that does not answer is waited for by its users, not by the opening.
  bool may_be_away = false;
};

/// The store of the settings: artham.db in the data directory, or the database of store.postgres.
[[nodiscard]] result<std::unique_ptr<store::database>> open_store(const config::settings& s,
                                                                  const std::filesystem::path& data,
                                                                  const store_opening& how);

/// All that the store of the settings holds. errc::unavailable when there is none.
[[nodiscard]] result<std::unique_ptr<store::audit>> open_store_audit(
    const config::settings& s, const std::filesystem::path& data);

/// What the store of the settings has of the streams, for clients that go on where they were.
[[nodiscard]] std::unique_ptr<store::record_source> open_store_records(
    const config::settings& s, const std::filesystem::path& data);

/// The store is the database at `url`, whatever the settings say: an option of a command line,
/// which others see in the list of processes. errc::usage for one with a password in it.
[[nodiscard]] result<void> use_postgres(config::settings& s, const std::string& url);

/// Of an embedded store.
[[nodiscard]] std::filesystem::path database_file(const std::filesystem::path& data);
/// Of store.postgres.
[[nodiscard]] store::postgres::server postgres_server_of(const config::settings& s);

/// `sqlite`, `postgres`
[[nodiscard]] std::string store_kind(const config::settings& s);
/// The file, or the server and its database; without secrets.
[[nodiscard]] std::string store_place(const config::settings& s, const std::filesystem::path& data);

}  // namespace artham::app

#include "app/opened_store.hpp"

#include "config/database_url.hpp"
#include "store/postgres/audit.hpp"
#include "store/postgres/database.hpp"
#include "store/postgres/record_source.hpp"
#include "store/sqlite/audit.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/record_source.hpp"

namespace artham::app {

namespace {

bool in_postgres(const config::settings& s) {
  return s.store.kind == config::store_kind::postgres;
}

}  // namespace

std::filesystem::path database_file(const std::filesystem::path& data) {
  return data / "artham.db";
}

store::postgres::server postgres_server_of(const config::settings& s) {
  const auto& p = s.store.postgres;
  store::postgres::server server;
  server.url = p.url;
  server.password = p.password;
  server.timeout = std::chrono::milliseconds(p.timeout / market::millisecond);
  return server;
}

result<std::unique_ptr<store::database>> open_store(const config::settings& s,
                                                    const std::filesystem::path& data,
                                                    const store_opening& how) {
  const store::options o{s.store.has_tick_table(), how.timeframes};
  if (!in_postgres(s)) return store::sqlite::open(database_file(data), o);
  const auto& p = s.store.postgres;
  store::postgres::open_options open;
  open.layout = p.tick_layout == config::tick_table_layout::rows
                    ? store::postgres::tick_layout::rows
                    : store::postgres::tick_layout::packed;
  open.writers = how.writers;
  open.may_be_away = how.may_be_away;
  open.compress_after = p.compress_after;
  return store::postgres::open(postgres_server_of(s), o, open);
}

result<std::unique_ptr<store::audit>> open_store_audit(const config::settings& s,
                                                       const std::filesystem::path& data) {
  if (in_postgres(s)) return store::postgres::open_audit(postgres_server_of(s));
  const auto file = database_file(data);
  if (!std::filesystem::exists(file)) {
    return fail(errc::unavailable,
                "there is no " + file.string() +
                    ": give the data directory of artham run, where its store is");
  }
  return store::sqlite::open_audit(file);
}

std::unique_ptr<store::record_source> open_store_records(const config::settings& s,
                                                         const std::filesystem::path& data) {
  if (in_postgres(s)) return store::postgres::open_records(postgres_server_of(s));
  return store::sqlite::open_records(database_file(data));
}

result<void> use_postgres(config::settings& s, const std::string& url) {
  if (!config::is_database_url(url)) {
    return fail(errc::usage,
                "--postgres '" + std::string(config::without_parameters(url)) +
                    "' is no URL of a database; it must be like postgresql://user@host/database");
  }
  if (config::has_password(url)) {
    return fail(errc::usage,
                "--postgres holds a password, and everybody sees it in the list of processes; take "
                "it out and give it as PGPASSWORD, in ~/.pgpass or as store.postgres.password");
  }
  s.store.kind = config::store_kind::postgres;
  s.store.postgres.url = url;
  return {};
}

std::string store_kind(const config::settings& s) {
  return in_postgres(s) ? "postgres" : "sqlite";
}

std::string store_place(const config::settings& s, const std::filesystem::path& data) {
  return in_postgres(s) ? std::string(config::without_parameters(s.store.postgres.url))
                        : database_file(data).string();
}

}  // namespace artham::app

#include "app/opened_store.hpp"

#include "config/database_url.hpp"
#include "store/postgres/database.hpp"
#include "store/sqlite/database.hpp"

namespace artham::app {

namespace {

std::filesystem::path database_file(const std::filesystem::path& data) {
  return data / "artham.db";
}

bool in_postgres(const config::settings& s) {
  return s.store.kind == config::store_kind::postgres;
}

}  // namespace

result<std::unique_ptr<store::database>> open_store(const config::settings& s,
                                                    const std::filesystem::path& data,
                                                    const store_opening& how) {
  const store::options o{s.store.has_tick_table(), how.timeframes};
  if (!in_postgres(s)) return store::sqlite::open(database_file(data), o);
  const auto& p = s.store.postgres;
  store::postgres::server server;
  server.url = p.url;
  server.password = p.password;
  server.timeout = std::chrono::milliseconds(p.timeout / market::millisecond);
  store::postgres::open_options open;
  open.layout = p.tick_layout == config::tick_table_layout::rows
                    ? store::postgres::tick_layout::rows
                    : store::postgres::tick_layout::packed;
  open.writers = how.writers;
  open.may_be_away = how.may_be_away;
  open.compress_after = p.compress_after;
  return store::postgres::open(server, o, open);
}

std::string store_kind(const config::settings& s) {
  return in_postgres(s) ? "postgres" : "sqlite";
}

std::string store_place(const config::settings& s, const std::filesystem::path& data) {
  return in_postgres(s) ? std::string(config::without_parameters(s.store.postgres.url))
                        : database_file(data).string();
}

}  // namespace artham::app

#include "store/postgres/backend.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "runtime/log.hpp"
#include "store/postgres/bar_rows.hpp"
#include "store/postgres/feature_rows.hpp"
#include "store/postgres/retention.hpp"
#include "store/postgres/server.hpp"
#include "store/postgres/sqlstate.hpp"
#include "store/postgres/time_tables.hpp"

namespace artham::store::postgres {

backend::backend(const server& s, options o, market::duration compress_after)
    : place_(place_of(s)),
      timeout_(s.timeout),
      options_(std::move(o)),
      compress_after_(compress_after) {}

result<std::shared_ptr<backend>> backend::make(const server& s, options o,
                                               market::duration compress_after) {
  auto info = conninfo(s, "artham");
  if (!info) return tl::unexpected(info.error());
  std::shared_ptr<backend> b(new backend(s, std::move(o), compress_after));
  b->conninfo_ = std::move(*info);
  return b;
}

error backend::error_of(const failure& f) const {
  return postgres::error_of(place_, f.sqlstate, f.message);
}

result<std::unique_ptr<connection>> backend::connect() {
  auto c = connection::open(conninfo_, timeout_);
  if (!c) return tl::unexpected(error_of(c.error()));
  auto set = (*c)->run(
      "SET lock_timeout = " + std::to_string(std::min<std::int64_t>(10'000, timeout_.count() / 2)) +
      "; SET statement_timeout = " + std::to_string(timeout_.count()) +
      "; SET idle_in_transaction_session_timeout = '60s'; SET TimeZone = 'UTC'; "
      "SET DateStyle = 'ISO'; SET client_encoding = 'UTF8'");
  if (!set) return tl::unexpected(error_of(set.error()));
  {
    const std::lock_guard lock(mutex_);
    if (!schema_) {
      if (auto ready = prepare(**c); !ready) return tl::unexpected(ready.error());
    }
    if (dump_) {
      if (auto put = instruments_.put(**c, dump_->list, dump_->valid_from); !put)
        return tl::unexpected(error_of(put.error()));
      dump_.reset();
    }
  }
  auto staging = (*c)->run(make_new_bars + "; " + make_new_features);
  if (!staging) return tl::unexpected(error_of(staging.error()));
  return std::move(*c);
}

void backend::put_when_connected(std::vector<market::instrument> list, market::date valid_from) {
  const std::lock_guard lock(mutex_);
  dump_ = dump{std::move(list), valid_from};
}

result<void> backend::prepare(connection& c) {
  auto made = migrate(c, place_);
  if (!made) return tl::unexpected(made.error());
  for (const auto tf : options_.timeframes) {
    if (auto table = make_bar_table(c, *made, tf); !table)
      return tl::unexpected(error_of(table.error()));
  }
  if (compress_after_ != 0 && made->compresses) {
    if (auto set = compress_after(c, *made, compress_after_); !set)
      return tl::unexpected(error_of(set.error()));
  } else if (compress_after_ != 0) {
    runtime::log().warn(
        "store: {}: store.postgres.compress_after does nothing here: only TimescaleDB under its "
        "own "
        "licence compresses",
        place_);
  }
  if (auto read = instruments_.load(c); !read) return tl::unexpected(error_of(read.error()));
  schema_ = std::move(*made);
  return {};
}

}  // namespace artham::store::postgres

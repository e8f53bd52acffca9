#include "store/postgres/reconnecting.hpp"

#include "store/postgres/migrations.hpp"
#include "store/postgres/sqlstate.hpp"

namespace artham::store::postgres {

result<connection*> reconnecting::open() {
  if (connection_ && !connection_->lost()) return connection_.get();
  connection_.reset();
  auto c = connection::open(conninfo_, timeout_);
  if (!c) return tl::unexpected(error_of(place_, c.error().sqlstate, c.error().message));
  auto set = (*c)->run("SET statement_timeout = " + std::to_string(timeout_.count()) +
                       "; SET client_encoding = 'UTF8'");
  if (!set) return tl::unexpected(error_of(place_, set.error().sqlstate, set.error().message));
  if (auto made = migrate(**c, place_); !made) return tl::unexpected(made.error());
  connection_ = std::move(*c);
  return connection_.get();
}

void reconnecting::roll_back() {
  if (connection_ && !connection_->lost()) static_cast<void>(connection_->run("ROLLBACK"));
}

error reconnecting::failed(const failure& f) {
  roll_back();
  return error_of(place_, f.sqlstate, f.message);
}

result<std::vector<answer>> reconnecting::ask(const std::string& sql) {
  auto c = open();
  if (!c) return tl::unexpected(c.error());
  auto a = (*c)->run(sql);
  if (!a) return tl::unexpected(failed(a.error()));
  return std::move(*a);
}

result<answer> reconnecting::ask(const std::string& sql, std::span<const parameter> values) {
  auto c = open();
  if (!c) return tl::unexpected(c.error());
  auto a = (*c)->run(sql, values);
  if (!a) return tl::unexpected(failed(a.error()));
  return std::move(*a);
}

}  // namespace artham::store::postgres

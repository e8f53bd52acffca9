#pragma once

#include <string>

#include "store/postgres/access.hpp"
#include "store/postgres/alerts.hpp"
#include "store/postgres/audit.hpp"
#include "store/postgres/database.hpp"
#include "store/postgres/record_source.hpp"
#include "tests/store/any_store.hpp"
#include "tests/support/postgres_server.hpp"

namespace artham::test {

/// The server of this test program, plain or with TimescaleDB.
[[nodiscard]] postgres_server& the_server();

/// What a database of it needs before anything else.
void prepare_database(const std::string& name);

/// A database of the server.
class postgres_store final : public any_store {
 public:
  explicit postgres_store(
      store::postgres::tick_layout layout = store::postgres::tick_layout::packed)
      : layout_(layout) {
    static int made = 0;
    name_ = "store_" + std::to_string(++made);
    server_.url = the_server().create_database(name_);
    prepare_database(name_);
  }
  ~postgres_store() override { the_server().sql("DROP DATABASE " + name_ + " WITH (FORCE)"); }

  result<std::unique_ptr<store::database>> open(const store::options& o) override {
    return store::postgres::open(server_, o, {layout_, 1, false});
  }
  result<std::unique_ptr<store::audit>> audit() override {
    return store::postgres::open_audit(server_);
  }
  result<std::unique_ptr<store::access>> access() override {
    return store::postgres::open_access(server_);
  }
  result<std::unique_ptr<store::alert_book>> alerts() override {
    return store::postgres::open_alerts(server_);
  }
  std::unique_ptr<store::record_source> records() override {
    return store::postgres::open_records(server_);
  }
  void sql(const std::string& statements) override { static_cast<void>(ask(statements)); }

  std::string ask(const std::string& statements) const {
    return the_server().sql("SET search_path = artham; " + statements, name_);
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const store::postgres::server& server() const { return server_; }

 private:
  store::postgres::tick_layout layout_;
  std::string name_;
  store::postgres::server server_;
};

}  // namespace artham::test

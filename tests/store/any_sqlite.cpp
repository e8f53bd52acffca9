#include <doctest/doctest.h>

#include "store/sqlite/access.hpp"
#include "store/sqlite/alerts.hpp"
#include "store/sqlite/audit.hpp"
#include "store/sqlite/database.hpp"
#include "store/sqlite/record_source.hpp"
#include "tests/store/any_store.hpp"
#include "tests/support/process.hpp"

namespace artham::test {

namespace {

class sqlite_store final : public any_store {
 public:
  result<std::unique_ptr<store::database>> open(const store::options& o) override {
    return store::sqlite::open(dir_ / "artham.db", o);
  }
  result<std::unique_ptr<store::audit>> audit() override {
    return store::sqlite::open_audit(dir_ / "artham.db");
  }
  result<std::unique_ptr<store::access>> access() override {
    return store::sqlite::open_access(dir_ / "artham.db");
  }
  result<std::unique_ptr<store::alert_book>> alerts() override {
    return store::sqlite::open_alerts(dir_ / "artham.db");
  }
  std::unique_ptr<store::record_source> records() override {
    return store::sqlite::open_records(dir_ / "artham.db");
  }
  void sql(const std::string& statements) override {
    REQUIRE(run_to_end({"/usr/bin/sqlite3", dir_ / "artham.db", statements}).code == 0);
  }

 private:
  scratch dir_;
};

}  // namespace

std::unique_ptr<any_store> make_store() {
  return std::make_unique<sqlite_store>();
}

}  // namespace artham::test

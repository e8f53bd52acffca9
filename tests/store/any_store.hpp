#pragma once

#include <memory>
#include <string>

#include "store/access.hpp"
#include "store/alerts.hpp"
#include "store/audit.hpp"
#include "store/record_source.hpp"
#include "store/store.hpp"

namespace artham::test {

/// An empty store of the kind that the test program is about; gone with the object.
class any_store {
 public:
  virtual ~any_store() = default;
  [[nodiscard]] virtual result<std::unique_ptr<store::database>> open(const store::options& o) = 0;
  [[nodiscard]] virtual result<std::unique_ptr<store::audit>> audit() = 0;
  [[nodiscard]] virtual result<std::unique_ptr<store::access>> access() = 0;
  [[nodiscard]] virtual result<std::unique_ptr<store::alert_book>> alerts() = 0;
  [[nodiscard]] virtual std::unique_ptr<store::record_source> records() = 0;
  /// Changes what is stored behind the program's back. Tables without their schema.
  virtual void sql(const std::string& statements) = 0;
};

[[nodiscard]] std::unique_ptr<any_store> make_store();

}  // namespace artham::test

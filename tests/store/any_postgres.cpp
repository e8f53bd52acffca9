#include "tests/store/postgres_store.hpp"

namespace artham::test {

postgres_server& the_server() {
  static auto server = postgres_server::plain();
  return server;
}

void prepare_database(const std::string&) {}

std::unique_ptr<any_store> make_store() {
  return std::make_unique<postgres_store>();
}

}  // namespace artham::test

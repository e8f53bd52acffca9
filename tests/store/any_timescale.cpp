#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <optional>

#include "tests/store/postgres_store.hpp"

namespace artham::test {

namespace {

std::optional<postgres_server> server;

}  // namespace

postgres_server& the_server() {
  return *server;
}

void prepare_database(const std::string& name) {
  server->sql("CREATE EXTENSION IF NOT EXISTS timescaledb", name);
}

std::unique_ptr<any_store> make_store() {
  return std::make_unique<postgres_store>();
}

}  // namespace artham::test

int main(int argc, char** argv) {
  constexpr int skipped = 77;
  artham::test::server = artham::test::timescale_or_say_why();
  if (!artham::test::server) return skipped;
  const int code = doctest::Context(argc, argv).run();
  artham::test::server.reset();
  return code;
}

#include <doctest/doctest.h>

#include <string>

#include "tests/bridge/redis_support.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

// The user that deploy/redis/make-users makes may all that the bridge does, and this needs it.
namespace artham::test {
namespace {

constexpr auto password = "sixteen letters, or more";

/// Its line alone: the default user stays, for the test.
std::string user_line() {
  const auto script = source_dir() + "/deploy/redis/make-users";
  const auto made = run_to_end(
      {"/bin/bash", "-c", "printf '%s\n' '" + std::string(password) + "' | '" + script + "'"});
  REQUIRE(made.code == 0);
  const auto begin = made.out.find("user artham");
  REQUIRE(begin != std::string::npos);
  return made.out.substr(begin, made.out.find('\n', begin) + 1 - begin);
}

}  // namespace

TEST_CASE("the bridge works as the user artham of deploy/, and Redis notes no refusal") {
  redis_server::options with;
  with.config = user_line();
  const redis_server server(with);
  auto o = options_for(server);
  o.server.user = "artham";
  o.server.password = runtime::secret(password);
  o.upkeep = 20 * market::millisecond;
  runtime::metrics metrics;
  o.metrics = &metrics;
  o.encoding = bridge::redis::encoding::fields;  // an entry each
  o.max_bytes = 1;                               // so that it trims by force
  auto b = open_or_fail(o);
  const auto lease = bridge::redis::lease_of("md:features");
  mint(server, lease, 1);
  b->hold(lease, 1);

  auto writer = b->open_writer("md:features", 1);
  REQUIRE(writer);
  for (std::uint64_t i = 1; i <= 50; ++i)
    REQUIRE((*writer)->append(derived_record({1, i}, 0, "x"), 1, {}));
  auto reader = b->open_reader("md:features", {}, bridge::top::appended, {});
  REQUIRE(reader);
  auto consumer = b->open_consumer("md:features", {}, "store");
  REQUIRE(consumer);
  CHECK(!pull_to(**consumer, 1).empty());
  b->passed("md:features", "store", {1, 1});
  b->passed("md:features", "elsewhere", {1, 1});
  const auto hash = b->put_object("settings");
  REQUIRE(hash);
  CHECK(b->get_object(*hash).value_or("") == "settings");
  CHECK(!b->streams().empty());
  CHECK(b->stream_tops("md:features"));
  const auto& forced = metrics.counter("artham_redis_forced_trims_total", "");
  CHECK(eventually([&] { return forced.value() > 0; }, std::chrono::seconds(20)));
  b->stop();
  CHECK(server.cli({"ACL", "LOG"}).empty());
}

TEST_CASE("what the user artham may not is refused, and noted") {
  redis_server::options with;
  with.config = user_line();
  const redis_server server(with);
  auto o = options_for(server);
  o.server.user = "artham";
  o.server.password = runtime::secret("not the password");
  const auto b = bridge::redis::open(o);
  REQUIRE(!b);
  CHECK(b.error().code == errc::refused);
  CHECK(!server.cli({"ACL", "LOG"}).empty());
}

}  // namespace artham::test

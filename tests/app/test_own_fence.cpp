#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "app/cluster/own_fence.hpp"
#include "tests/support/process.hpp"

namespace artham::test {
namespace {

using app::cluster::own_fence;

}  // namespace

TEST_CASE("epochs that may begin without Redis are those of the last own fence") {
  const scratch dir;
  own_fence own(dir.path());
  CHECK_FALSE(own.get());
  CHECK_FALSE(own.next_epoch(0));
  REQUIRE(own.set(3));
  CHECK(own_fence(dir.path()).get() == 3);
  CHECK(own.next_epoch(0) == 768);    // it had not begun any
  CHECK(own.next_epoch(700) == 768);  // of an earlier fence
  CHECK(own.next_epoch(768) == 769);
  CHECK(own.next_epoch(1022) == 1023);
  CHECK_FALSE(own.next_epoch(1023));  // all are used
  CHECK_FALSE(own.next_epoch(1024));  // another node's, whom this one followed
  REQUIRE(own.set(4));
  CHECK(own.next_epoch(1023) == 1024);
  REQUIRE(own.forget());
  CHECK_FALSE(own.next_epoch(1023));
  CHECK(own.forget());
}

TEST_CASE("a file that is none is nothing") {
  const scratch dir;
  const own_fence own(dir.path());
  for (const auto* text : {"", "0", "x", "3x", "-3", "99999999999999999999999"}) {
    CAPTURE(text);
    std::ofstream(dir.path() / "ingest-fence") << text;
    CHECK_FALSE(own.get());
  }
}

}  // namespace artham::test

#include <doctest/doctest.h>

#include <string>

#include "app/position_at.hpp"
#include "bridge/memory/memory.hpp"
#include "messages/record/mark_codec.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

void clock(bridge::writer& out, market::timestamp t, int times = 1) {
  std::string bytes;
  market::mark m;
  m.time = t;
  for (int i = 0; i < times; ++i)
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t), record::encode(m));
  REQUIRE(out.append(bytes, static_cast<std::uint64_t>(times), {}));
}

}  // namespace

TEST_CASE("a point in market time is found in the journal, whatever its blocks and epochs") {
  for (const std::uint64_t block : {1U, 7U, 1000U}) {
    const auto journal = bridge::memory::make({.max_block_records = block});
    CHECK(*app::position_at(*journal, market::never) == record::position{});
    for (const std::uint32_t epoch : {1U, 2U, 5U}) {
      auto writer = journal->open_writer(record::ticks_stream(), epoch);
      REQUIRE(writer);
      // Three records at 1000, 1010, ... of each epoch.
      for (int i = 0; i < 20; ++i) clock(**writer, epoch * 1000 + i * 10, 3);
    }
    CHECK(*app::position_at(*journal, 999) == record::position{});
    CHECK(*app::position_at(*journal, 1000) == record::position{1, 3});
    CHECK(*app::position_at(*journal, 1009) == record::position{1, 3});
    CHECK(*app::position_at(*journal, 1010) == record::position{1, 6});
    CHECK(*app::position_at(*journal, 1500) == record::position{1, 60});
    CHECK(*app::position_at(*journal, 2095) == record::position{2, 90});
    CHECK(*app::position_at(*journal, 5190) == record::position{5, 180});
    CHECK(*app::position_at(*journal, market::never) == record::position{5, 180});
  }
}

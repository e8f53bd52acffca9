#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/record/bar_codec.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

// docs/examples/read_streams.py against what our own bridge writes.
namespace artham::test {
namespace {

using bridge::redis::encoding;
using bridge::redis::redis_bridge;

constexpr std::uint32_t infy = 408065;
constexpr std::uint32_t usdinr = 412675;  // of the currency segment: seven decimals

std::string bar_text(std::uint32_t token, market::timestamp start, std::uint64_t cause_seq,
                     std::uint32_t ordinal = 0) {
  market::bar b;
  b.token = token;
  b.start = start;
  b.end = start + market::minute;
  b.open = market::price{1'500'050'000'000};
  b.high = market::price{1'501'000'000'000};
  b.low = market::price{1'499'950'000'000};
  b.close = market::price{1'500'000'000'000};
  b.volume = 1234;
  b.fields = market::bar::volume_known;
  b.ticks = 7;
  std::string body;
  std::string out;
  record::encode(body, b);
  record::append(out, record::with_cause(record::kind::bar, {{1, cause_seq}, ordinal}), body);
  return out;
}

/// Two minutes of a market in shard 1 of it.
void fill(redis_bridge& b) {
  auto ticks = std::make_shared<record::block>();
  ticks->epoch = 1;
  ticks->first_seq = 1;
  ticks->count = 4;
  ticks->payload = clock_record(open_time) + frame_record({infy, usdinr}, 150'000) +
                   clock_record(open_time + market::second);
  REQUIRE(b.put_block("md:ticks:1", ticks, {1, 1}));
  REQUIRE(b.flush(10 * market::second));
  auto writer = b.open_writer("md:bars:final.1m:1", 1);
  REQUIRE(writer);
  REQUIRE((*writer)->append(bar_text(infy, open_time, 5), 1, {}));
  // So large that it is compressed where that is done.
  std::string many;
  for (std::uint32_t i = 0; i < 20; ++i) many += bar_text(infy, open_time + market::minute, 9, i);
  REQUIRE((*writer)->append(many, 20, {}));
}

std::unique_ptr<redis_bridge> open_shard(const redis_server& server, encoding how, bool compress) {
  auto o = options_for(server);
  o.encoding = how;
  o.compress = compress;
  auto b = open_or_fail(o);
  for (const auto* stream : {"md:ticks:1", "md:bars:final.1m:1"}) {
    const auto lease = bridge::redis::lease_of(stream);
    mint(server, lease, 1);
    b->hold(lease, 1);
  }
  return b;
}

constexpr auto first_bar = "bar 408065 2026-11-23T03:45Z 1500.05 1501 1499.95 1500 1234";

std::vector<std::string> script_for(const redis_server& server) {
  return {"/usr/bin/python3", source_dir() + "/docs/examples/read_streams.py",
          "redis://127.0.0.1:" + std::to_string(server.port()) + "/0"};
}

}  // namespace

TEST_CASE("the example in Python reads what the bridge wrote, in every form") {
  struct way {
    encoding how;
    bool compress;
    std::string form;  // field c
  };
  const std::vector<way> ways{{encoding::packed, false, "raw"},
                              {encoding::packed, true, "zstd"},
                              {encoding::fields, false, "fields"}};
  for (const auto& w : ways) {
    CAPTURE(w.form);
    const redis_server server;
    auto b = open_shard(server, w.how, w.compress);
    fill(*b);
    b->stop();
    // The last entry has the form that is meant.
    const auto last = server.cli({"XREVRANGE", "md:bars:final.1m:1", "+", "-", "COUNT", "1"});
    CHECK(last.find("\nc\n" + w.form + "\n") != std::string::npos);
    auto args = script_for(server);
    args.emplace_back("all");
    process script(args);
    std::vector<std::string> ticks;
    std::vector<std::string> bars;
    while (ticks.size() + bars.size() < 23) {
      const auto line = script.line(std::chrono::seconds(30));
      if (!line) FAIL(script.errors());
      (line->starts_with("tick") ? ticks : bars).push_back(*line);
    }
    CHECK(ticks == std::vector<std::string>{"tick 408065 1500", "tick 412675 0.015"});
    REQUIRE(bars.size() == 21);
    CHECK(bars[0] == first_bar);
    for (std::size_t i = 1; i < bars.size(); ++i)
      CHECK(bars[i] == "bar 408065 2026-11-23T03:46Z 1500.05 1501 1499.95 1500 1234");
  }
}

TEST_CASE("the example in Python reads full packets that lie by columns") {
  const redis_server server;
  auto b = open_shard(server, encoding::packed, true);
  const auto big_endian = [](std::uint32_t v, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(v >> (8 * i)));
    return out;
  };
  constexpr std::uint16_t packets = 40;
  auto body = big_endian(packets, 2);
  for (std::uint16_t i = 0; i < packets; ++i) {
    body += big_endian(184, 2) + big_endian(i % 2 == 0 ? infy : usdinr, 4) +
            big_endian(150'000 + 5 * i, 4) + std::string(176, '\0');
  }
  auto block = std::make_shared<record::block>();
  block->epoch = 1;
  block->first_seq = 1;
  block->count = packets;
  record::append(block->payload,
                 record::with_times(record::kind::kite_frame, packets, open_time, open_time), body);
  REQUIRE(b->put_block("md:ticks:1", block, {1, 1}));
  REQUIRE(b->flush(10 * market::second));
  b->stop();
  CHECK(server.cli({"XRANGE", "md:ticks:1", "-", "+"}).find("\nc\ncolumns\n") != std::string::npos);
  auto args = script_for(server);
  args.emplace_back("all");
  process script(args);
  std::vector<std::string> ticks;
  while (ticks.size() < packets) {
    const auto line = script.line(std::chrono::seconds(30));
    if (!line) FAIL(script.errors());
    ticks.push_back(*line);
  }
  CHECK(ticks[0] == "tick 408065 1500");
  CHECK(ticks[1] == "tick 412675 0.0150005");
  CHECK(ticks[38] == "tick 408065 1501.9");
  CHECK(ticks[39] == "tick 412675 0.0150195");
}

TEST_CASE("without `all` the example prints only what comes from then on") {
  const redis_server server;
  auto b = open_shard(server, encoding::packed, true);
  fill(*b);
  process script(script_for(server));
  auto writer = b->open_writer("md:bars:final.1m:1", 1);
  REQUIRE(writer);
  // What is written before it listens is not seen: so it is written until something is.
  std::optional<std::string> line;
  for (std::uint64_t cause = 100; cause < 160 && !line; ++cause) {
    REQUIRE((*writer)->append(bar_text(infy, open_time + market::hour, cause), 1, {}));
    line = script.line(std::chrono::seconds(1));
  }
  if (!line) FAIL(script.errors());
  CHECK(*line == "bar 408065 2026-11-23T04:45Z 1500.05 1501 1499.95 1500 1234");
  b->stop();
}

}  // namespace artham::test

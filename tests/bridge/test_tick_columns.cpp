#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "bridge/redis/tick_columns.hpp"
#include "tests/bridge/redis_support.hpp"
#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

// Full packets by columns: every byte comes back, and what is no such thing is refused.
namespace artham::test {
namespace {

namespace redis = bridge::redis;
constexpr std::size_t most = 64U << 20U;
constexpr std::size_t full = 184;

std::string big_endian(std::uint64_t v, std::size_t bytes) {
  std::string out;
  for (auto i = bytes; i != 0; --i) out.push_back(static_cast<char>(v >> (8 * (i - 1))));
  return out;
}

/// Packets of a few instruments whose numbers wander, leap, or stay.
class market_of {
 public:
  market_of(std::uint32_t seed, std::size_t instruments) : random_(seed) {
    for (std::size_t i = 0; i < instruments; ++i) {
      std::string p;
      for (std::size_t w = 0; w < full / 4; ++w) p += big_endian(extreme(), 4);
      packets_.push_back(big_endian(pick(4) == 0 ? number() : 256 * i + 1, 4) + p.substr(4));
    }
  }
  std::uint32_t pick(std::uint32_t n) { return number() % n; }

  std::string packet() {
    // Mostly in turn.
    at_ = (pick(20) == 0 ? pick(1000) : at_ + 1) % packets_.size();
    auto& p = packets_[at_];
    for (std::size_t w = 1; w < full / 4; ++w) {
      std::uint32_t v = 0;
      for (std::size_t i = 0; i < 4; ++i) v = v << 8U | static_cast<unsigned char>(p[4 * w + i]);
      switch (pick(8)) {
        case 0:
          v = extreme();
          break;
        case 1:
        case 2:
          v += pick(7) - 3;
          break;
        default:
          break;
      }
      p.replace(4 * w, 4, big_endian(v, 4));
    }
    return p;
  }
  /// A frame, often with packets of other lengths, cut off or with something behind.
  std::string frame() {
    std::string f;
    const auto packets = pick(12);
    for (std::uint32_t i = 0; i < packets; ++i) {
      constexpr std::size_t lengths[] = {0, 7, 8, 28, 32, 44, 183, 185};
      const auto body = pick(8) == 0 ? std::string(lengths[pick(8)], 'x') : packet();
      f += big_endian(body.size(), 2) + body;
    }
    f = big_endian(pick(10) == 0 ? pick(65'536) : packets, 2) + f;
    if (pick(10) == 0) f.resize(pick(static_cast<std::uint32_t>(f.size() + 1)));
    if (pick(10) == 0) f += std::string(pick(300), '\xb8');
    return f;
  }
  std::string records(std::size_t n) {
    std::string all;
    for (std::size_t i = 0; i < n; ++i) {
      record::header h;
      h.kind = pick(6) == 0 ? record::kind::mark : record::kind::kite_frame;
      h.count = static_cast<std::uint16_t>(pick(65'536));
      h.flags = static_cast<std::uint8_t>(pick(4));
      h.a = pick(10) == 0 ? std::uint64_t{number()} << 32U | number() : time_ += pick(1'000'000);
      h.b = pick(10) == 0 ? std::uint64_t{number()} << 32U | number() : h.a + pick(1000);
      record::append(all, h, frame());
    }
    return all;
  }

 private:
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }
  std::uint32_t extreme() {
    constexpr std::uint32_t some[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 255, 256, 65'536};
    return pick(2) == 0 ? some[pick(8)] : number();
  }
  std::mt19937 random_;
  std::vector<std::string> packets_;
  std::size_t at_ = 0;
  std::uint64_t time_ = 1'795'405'500'000'000'000;
};

/// Nothing but one frame of so many packets.
std::string one_frame(market_of& m, std::uint16_t packets) {
  auto f = big_endian(packets, 2);
  for (std::uint16_t i = 0; i < packets; ++i) f += big_endian(full, 2) + m.packet();
  std::string out;
  record::append(out, record::with_times(record::kind::kite_frame, packets, open_time, open_time),
                 f);
  return out;
}

}  // namespace

TEST_CASE("random records come back byte for byte") {
  std::size_t by_columns = 0;
  for (std::uint32_t seed = 1; seed <= 1500; ++seed) {
    CAPTURE(seed);
    market_of m(seed, 1 + seed % 40);
    const auto records = m.records(seed % 60);
    const auto c = redis::to_columns(records);
    if (!c) continue;
    ++by_columns;
    const auto back = redis::from_columns(c->rest, c->packets, most);
    REQUIRE_MESSAGE(back, back.error().message);
    REQUIRE((*back == records));
  }
  CHECK(by_columns > 1200);
}

TEST_CASE("many packets: whole and broken chunks of rows") {
  for (const std::size_t instruments : {1U, 5U, 700U, 3000U}) {
    for (const std::uint16_t packets :
         std::initializer_list<std::uint16_t>{255, 256, 257, 512, 5000}) {
      CAPTURE(instruments);
      CAPTURE(packets);
      market_of m(7, instruments);
      const auto records = one_frame(m, packets) + clock_record(open_time) + one_frame(m, 300);
      const auto c = redis::to_columns(records);
      REQUIRE(c);
      const auto back = redis::from_columns(c->rest, c->packets, most);
      REQUIRE(back);
      CHECK((*back == records));
    }
  }
}

TEST_CASE("too few full packets, or no records: nothing") {
  market_of m(3, 20);
  CHECK_FALSE(redis::to_columns(""));
  CHECK_FALSE(redis::to_columns(one_frame(m, 7)));
  CHECK(redis::to_columns(one_frame(m, 8)));
  const auto good = one_frame(m, 100);
  CHECK_FALSE(redis::to_columns(good.substr(0, good.size() - 1)));
  CHECK_FALSE(redis::to_columns(good + "xyz"));
}

TEST_CASE("a market that changes little takes few bytes") {
  market_of m(5, 1);
  auto f = big_endian(1000, 2);
  const auto p = m.packet();
  for (int i = 0; i < 1000; ++i) f += big_endian(full, 2) + p;
  std::string records;
  record::append(records, record::with_times(record::kind::kite_frame, 1000, open_time, open_time),
                 f);
  const auto c = redis::to_columns(records);
  REQUIRE(c);
  // What is known of the first packet; of the others a byte a column and chunk of 256.
  CHECK(c->rest.size() == 4 + 24);
  CHECK(c->packets.size() < 300 + 4 * 46 + 4);
}

TEST_CASE("what is cut or changed is refused or makes something; it is never larger than asked") {
  std::size_t refused = 0;
  std::mt19937 random(11);
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    market_of m(seed, 1 + seed % 9);
    const auto c = redis::to_columns(m.records(25));
    REQUIRE(c);
    const std::string_view rest = c->rest;
    const std::string_view packets = c->packets;
    for (std::size_t size = 0; size < rest.size(); size += 1 + size / 16)
      CHECK_FALSE(redis::from_columns(rest.substr(0, size), packets, most));
    for (std::size_t size = 0; size < packets.size(); size += 1 + size / 16)
      CHECK_FALSE(redis::from_columns(rest, packets.substr(0, size), most));
    CHECK_FALSE(redis::from_columns(c->rest + '\0', packets, most));
    CHECK_FALSE(redis::from_columns(rest, c->packets + '\0', most));
    for (int i = 0; i < 400; ++i) {
      auto bad = *c;
      auto& part = i % 4 == 0 ? bad.rest : bad.packets;
      for (auto changes = 1 + random() % 3; changes != 0; --changes) {
        const auto at = random() % 3 == 0 ? random() % 64 : random();
        part[at % part.size()] = static_cast<char>(random() % 3 == 0 ? 255 : random());
      }
      const auto back = redis::from_columns(bad.rest, bad.packets, 1U << 20U);
      if (!back) {
        CHECK(back.error().code == errc::corrupt);
        ++refused;
      } else {
        CHECK(back->size() <= 1U << 20U);
      }
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("records that would be larger than asked are refused") {
  market_of m(23, 5);
  const auto records = m.records(40);
  const auto c = redis::to_columns(records);
  REQUIRE(c);
  CHECK(redis::from_columns(c->rest, c->packets, records.size()));
  for (const auto less : {records.size() - 1, records.size() / 2, std::size_t{10}, std::size_t{0}})
    CHECK_FALSE(redis::from_columns(c->rest, c->packets, less));
}

TEST_CASE("as many packets as the frames have places, and widths of numbers") {
  const auto little_endian = [](std::uint32_t v) {
    return std::string(reinterpret_cast<const char*>(&v), sizeof v);
  };
  constexpr std::uint8_t only_full = 0x80;
  const std::string zeros(45, '\0');
  // A frame of one packet, of zeros but for its token.
  const auto rest = [&](std::uint8_t kind, std::uint32_t size) {
    record::header h;
    h.kind = static_cast<record::kind>(kind);
    h.size = size;
    return little_endian(24 + size) + std::string(reinterpret_cast<const char*>(&h), sizeof h);
  };
  constexpr auto frame = static_cast<std::uint8_t>(record::kind::kite_frame);
  const auto full_rest = rest(frame | only_full, 4 + full);
  const auto one = redis::from_columns(full_rest, "\x02\x02" + zeros, most);
  REQUIRE(one);
  CHECK(one->substr(24) ==
        big_endian(1, 2) + big_endian(full, 2) + big_endian(1, 4) + std::string(full - 4, '\0'));
  CHECK(
      (*one == *redis::from_columns(rest(frame, 4 + full) + big_endian(1, 2) + big_endian(full, 2),
                                    "\x02\x02" + zeros, most)));
  // Shifted by one; kept aside for the most part; both.
  using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
  for (const auto& token : {"\x41\x01\x01"s, "\x80\x01\x02\x00\x02"s, "\xc0\x01\x01\x01\x00\x01"s,
                            "\x20\x02\x00\x00\x00"s, "\x41\x01\xff"s}) {
    const auto same = redis::from_columns(full_rest, token + zeros, most);
    REQUIRE(same);
    CHECK((*same == *one));
  }
  // Too wide, shifted out, places that are not there, no bits above.
  for (const auto& token : {"\x21\0\0\0\0\0"s, "\x3f\0\0\0\0\0\0\0\0"s, "\x60\x01\0\0\0\0"s,
                            "\x40\x20"s, "\x80\x01\x02\x01\x02"s, "\x80\x01\x00\x00"s,
                            "\x81\x01\x20\x00\0\0\0\0\0"s, "\x80\x01\x21\x00\0\0\0\0\0"s}) {
    CHECK_FALSE(redis::from_columns(full_rest, token + zeros, most));
  }
  CHECK_FALSE(redis::from_columns(rest(frame | only_full, 5 + full), "\x02\x02" + zeros, most));
  CHECK_FALSE(redis::from_columns(rest(frame | only_full, 2), "\x02\x02" + zeros, most));
  CHECK_FALSE(redis::from_columns(rest(static_cast<std::uint8_t>(record::kind::mark), 4 + full) +
                                      big_endian(1, 2) + big_endian(full, 2),
                                  "\x02\x02" + zeros, most));
}

TEST_CASE("noise is refused") {
  std::mt19937 random(13);
  for (int i = 0; i < 20'000; ++i) {
    std::string noise(random() % 300, '\0');
    for (auto& c : noise) c = static_cast<char>(random() % 4 == 0 ? random() : random() % 3);
    const auto cut = noise.empty() ? 0 : random() % noise.size();
    const auto back = redis::from_columns(noise.substr(0, cut), noise.substr(cut), 1U << 16U);
    if (back) CHECK(back->size() <= 1U << 16U);
  }
}

TEST_CASE("the example in Python makes the same of the bytes") {
  const scratch dir;
  std::vector<std::string> command{"/usr/bin/python3", "-B", "-c",
                                   "import sys\n"
                                   "sys.path.insert(0, sys.argv[1])\n"
                                   "import tick_columns\n"
                                   "for name in sys.argv[2:]:\n"
                                   "    rest = open(name + '.rest', 'rb').read()\n"
                                   "    packets = open(name + '.packets', 'rb').read()\n"
                                   "    made = tick_columns.records(rest, packets)\n"
                                   "    open(name, 'wb').write(made)\n",
                                   source_dir() + "/docs/examples"};
  std::vector<std::string> expected;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    market_of m(seed, 1 + seed % 40);
    expected.push_back(seed == 60 ? one_frame(m, 3000) : m.records(10 + seed % 30));
    const auto c = redis::to_columns(expected.back());
    REQUIRE(c);
    command.push_back((dir.path() / std::to_string(seed)).string());
    std::ofstream(command.back() + ".rest", std::ios::binary) << c->rest;
    std::ofstream(command.back() + ".packets", std::ios::binary) << c->packets;
  }
  const auto done = run_to_end(command);
  REQUIRE_MESSAGE(done.code == 0, done.err);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK((read_file(dir.path() / std::to_string(i + 1)) == expected[i]));
  }
}

TEST_CASE("an entry of full packets lies in Redis by columns, and is read as it was") {
  const redis_server server;
  auto b = open_with_leases(server, options_for(server));
  market_of m(17, 900);
  auto block = std::make_shared<record::block>();
  block->epoch = 1;
  block->first_seq = 1;
  block->payload = one_frame(m, 2000) + clock_record(open_time) + one_frame(m, 500);
  block->count = 2501;
  REQUIRE(b->put_block("md:ticks", block, {1, 1}));
  REQUIRE(b->flush(30 * market::second));
  const auto entry = server.cli({"XREVRANGE", "md:ticks", "+", "-", "COUNT", "1"});
  CHECK(entry.find("\nc\ncolumns\n") != std::string::npos);
  auto r = *b->open_reader("md:ticks", {}, bridge::top::durable, {});
  const auto blocks = pull_to(*r, 2501);
  REQUIRE(blocks.size() == 1);
  CHECK((blocks[0]->payload == block->payload));
  REQUIRE(blocks[0]->marks.size() == 1);
  CHECK(blocks[0]->marks[0].position == record::position{1, 2001});
}

TEST_CASE("without compression an entry lies as it is") {
  const redis_server server;
  auto o = options_for(server);
  o.compress = false;
  auto b = open_with_leases(server, o);
  market_of m(19, 30);
  auto block = std::make_shared<record::block>();
  block->epoch = 1;
  block->first_seq = 1;
  block->payload = one_frame(m, 200);
  block->count = 200;
  REQUIRE(b->put_block("md:ticks", block, {1, 1}));
  REQUIRE(b->flush(30 * market::second));
  const auto entry = server.cli({"XREVRANGE", "md:ticks", "+", "-", "COUNT", "1"});
  CHECK(entry.find("\nc\nraw\n") != std::string::npos);
}

}  // namespace artham::test

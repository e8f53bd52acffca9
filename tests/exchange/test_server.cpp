#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <doctest/doctest.h>
#include <stdlib.h>
#include <zlib.h>

#include "exchange/recording_source.hpp"
#include "exchange/server.hpp"
#include "feed/kite/codec.hpp"
#include "tests/exchange/fixtures.hpp"
#include "tests/exchange/kite_client.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using namespace artham::exchange;
using namespace artham::exchange::test;
using feed::kite::load_u32;
using market::minute;
using market::second;
using market::timestamp;
using std::chrono::milliseconds;

namespace {

const std::string stored_hex = artham::test::source_dir() + "/tests/data/synthetic/market_8.hex";
const std::string stored_csv = artham::test::source_dir() + "/tests/data/synthetic/market_8.csv";

options synthetic(feed::synthetic::options market, market::duration length) {
  options o;
  o.source = synthetic_source_options{market, open_of(friday), open_of(friday) + length};
  o.speed.reset();
  o.start = start_when::subscribe;
  o.calendars = calendars();
  return o;
}

options recording(const std::string& file) {
  options o;
  o.source = recording_source_options{file, 0};
  o.speed.reset();
  o.start = start_when::subscribe;
  o.calendars = calendars();
  return o;
}

std::unique_ptr<server> run(options o) {
  auto started = start(std::move(o));
  REQUIRE_MESSAGE(started, (started ? "" : started.error().message));
  return std::move(*started);
}

std::vector<std::uint32_t> tokens_of(const server& s) {
  std::vector<std::uint32_t> tokens;
  for (const auto& i : s.instruments()) {
    tokens.push_back(i.token);
  }
  return tokens;
}

/// Everything up to the clock message of `end`.
std::vector<received> read_until(kite_client& c, timestamp end) {
  std::vector<received> out;
  while (auto m = c.read()) {
    out.push_back(*m);
    if (m->clock() == end) {
      return out;
    }
  }
  FAIL("the exchange ended too early, after " << out.size() << " messages");
  return out;
}

std::vector<std::string> packets_in(const std::vector<received>& messages) {
  std::vector<std::string> out;
  for (const auto& m : messages) {
    if (m.is_frame()) {
      for (auto& p : packets_of(m.bytes)) {
        out.push_back(std::move(p));
      }
    }
  }
  return out;
}

std::vector<std::string> full_packets(feed::synthetic::options market, market::duration length) {
  auto g = generator(market);
  g.seek(open_of(friday));
  std::vector<feed::synthetic::event> events;
  g.step(open_of(friday) + length, events);
  std::vector<std::string> out;
  for (const auto& e : events) {
    REQUIRE(feed::kite::encode_packet(out.emplace_back(), e.tick));
  }
  return out;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", c);
    out += two;
  }
  return out;
}

class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "artham-exchange-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~temporary_folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

constexpr timestamp end_of_friday_offset = (6 * 60 + 25) * minute + 4 * second;

}  // namespace

TEST_CASE("a subscriber in full mode gets the synthetic market's every byte, at full speed") {
  const feed::synthetic::options market{5, 30};
  const auto s = run(synthetic(market, minute));
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  const auto messages = read_until(c, open_of(friday) + minute);
  CHECK(packets_in(messages) == full_packets(market, minute));
  CHECK(eventually([&] { return s->finished(); }));
  CHECK(s->market_time() == open_of(friday) + minute);
}

TEST_CASE("market time comes first, then at every interval, in order with the frames") {
  const auto s = run(synthetic({5, 30}, minute));
  kite_client c(s->port());
  const auto first = c.read();
  REQUIRE(first);
  CHECK(first->clock() == open_of(friday));
  const auto second_message = c.read();
  REQUIRE(second_message);
  CHECK(second_message->bytes.find(R"("type":"instruments_meta")") != std::string::npos);

  c.set_mode("full", tokens_of(*s));
  auto clock = open_of(friday);
  for (const auto& m : read_until(c, open_of(friday) + minute)) {
    if (const auto told = m.clock()) {
      CHECK(*told == clock + 250 * market::millisecond);
      clock = *told;
    } else if (m.is_frame()) {
      CHECK(feed::kite::newest_exchange_time(m.bytes) <= clock + 250 * market::millisecond);
      CHECK(feed::kite::newest_exchange_time(m.bytes) > clock - second);
    }
  }
  CHECK(clock == open_of(friday) + minute);
}

TEST_CASE("each client sees its own modes, and only what is news in them") {
  const feed::synthetic::options market{9, 12};
  const auto s = run(synthetic(market, minute));
  const auto tokens = tokens_of(*s);
  kite_client modes(s->port());
  kite_client quotes(s->port());
  const std::set<std::uint32_t> ltp{tokens[0], tokens[1], tokens[2]};
  const std::set<std::uint32_t> full{tokens[3], tokens[4]};
  modes.subscribe(tokens);
  modes.set_mode("ltp", {ltp.begin(), ltp.end()});
  modes.set_mode("full", {full.begin(), full.end()});
  modes.unsubscribe({tokens[5]});
  quotes.subscribe(tokens);

  std::vector<std::string> wanted;
  std::vector<std::string> wanted_quotes;
  std::map<std::uint32_t, std::string> before;
  std::map<std::uint32_t, std::string> quote_before;
  for (const auto& packet : full_packets(market, minute)) {
    const auto token = load_u32(packet.data());
    const auto quote = packet.substr(0, packet.size() == 32 ? 28 : 44);
    const auto cut = ltp.contains(token)    ? packet.substr(0, 8)
                     : full.contains(token) ? packet
                                            : quote;
    if (std::exchange(before[token], cut) != cut && token != tokens[5]) {
      wanted.push_back(cut);
    }
    if (std::exchange(quote_before[token], quote) != quote) {
      wanted_quotes.push_back(quote);
    }
  }
  CHECK(packets_in(read_until(modes, open_of(friday) + minute)) == wanted);
  CHECK(packets_in(read_until(quotes, open_of(friday) + minute)) == wanted_quotes);
}

TEST_CASE("the first tick after a subscription is the instrument's latest") {
  auto o = synthetic({4, 40}, 2 * market::hour);
  const auto start_at = open_of(friday) + market::hour;
  std::get<synthetic_source_options>(o.source).start = start_at;
  o.quiet = market::minute;  // nothing is played while this test looks
  const auto s = run(std::move(o));
  auto g = generator({4, 40});
  g.seek(start_at);
  const auto latest = [&](std::uint32_t token) {
    std::string packet;
    REQUIRE(feed::kite::encode_packet(packet, *g.last(token)));
    return packet;
  };
  const auto tokens = tokens_of(*s);
  kite_client c(s->port());
  c.subscribe({tokens[1], 999'999, tokens[0]});
  auto frame = c.read_frame();
  REQUIRE(frame);
  CHECK(packets_of(frame->bytes) ==
        std::vector<std::string>{latest(tokens[1]).substr(0, 44), latest(tokens[0]).substr(0, 28)});
  c.set_mode("full", {tokens[1]});
  frame = c.read_frame();
  REQUIRE(frame);
  CHECK(packets_of(frame->bytes) == std::vector<std::string>{latest(tokens[1])});
}

TEST_CASE("a recording of frames is played verbatim, then its day ends") {
  const auto s = run(recording(stored_hex));
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  const auto messages = read_until(c, open_of(friday) + end_of_friday_offset);
  std::vector<std::string> frames;
  for (const auto& m : messages) {
    if (m.is_frame()) {
      frames.push_back(hex(m.bytes));
    }
  }
  CHECK(frames == lines_of(stored_hex));
  CHECK(eventually([&] { return s->finished(); }));
  CHECK(s->frames_played() == frames.size());
  kite_client late(s->port());
  const auto first = late.read();
  REQUIRE(first);
  CHECK(first->clock() == open_of(friday) + end_of_friday_offset);
}

TEST_CASE("a tick CSV gives the same packets as the frames that it was recorded with") {
  std::vector<std::string> played[2];
  for (const auto n : {0, 1}) {
    const auto s = run(recording(n == 0 ? stored_hex : stored_csv));
    kite_client c(s->port());
    c.set_mode("full", tokens_of(*s));
    played[n] = packets_in(read_until(c, open_of(friday) + end_of_friday_offset));
  }
  CHECK(played[0].size() > 100);
  CHECK(played[0] == played[1]);
}

TEST_CASE("a recording goes on behind the frames that are skipped") {
  const auto info = inspect_recording(stored_hex);
  REQUIRE(info);
  const auto lines = lines_of(stored_hex);
  CHECK(info->frames == lines.size());
  CHECK(info->tokens.size() == 8);
  for (const auto skipped : {lines.size() - 3, lines.size()}) {
    auto o = recording(stored_hex);
    std::get<recording_source_options>(o.source).skip_frames = skipped;
    const auto s = run(std::move(o));
    kite_client c(s->port());
    c.set_mode("full", tokens_of(*s));
    std::vector<std::string> frames;
    for (const auto& m : read_until(c, open_of(friday) + end_of_friday_offset)) {
      if (m.is_frame()) {
        frames.push_back(hex(m.bytes));
      }
    }
    CHECK(frames == std::vector(lines.begin() + static_cast<std::ptrdiff_t>(skipped), lines.end()));
  }
}

TEST_CASE("at full speed the exchange waits for a slow subscriber and loses nothing") {
  const feed::synthetic::options market{5, 500, feed::synthetic::activity::every_second};
  const auto s = run(synthetic(market, 2 * minute));
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  // Not a byte is read until the exchange has stopped for us.
  std::uint64_t played = 0;
  CHECK(eventually([&] {
    std::this_thread::sleep_for(milliseconds(100));
    return std::exchange(played, s->frames_played()) == s->frames_played() && played != 0;
  }));
  CHECK_FALSE(s->finished());
  CHECK(packets_in(read_until(c, open_of(friday) + 2 * minute)) ==
        full_packets(market, 2 * minute));
}

TEST_CASE("at full speed the exchange waits while it has no subscriber") {
  const feed::synthetic::options market{5, 500, feed::synthetic::activity::every_second};
  const auto s = run(synthetic(market, 2 * minute));
  {
    kite_client c(s->port());
    c.set_mode("full", tokens_of(*s));
    REQUIRE(c.read_frame());
  }
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  read_until(c, open_of(friday) + 2 * minute);
}

TEST_CASE("at a finite speed a client that does not read is dropped, the others get on") {
  auto o = synthetic({5, 500, feed::synthetic::activity::every_second}, 4 * minute);
  o.speed = 200;
  o.queue_bytes = 1 << 20;
  const auto s = run(std::move(o));
  kite_client slow(s->port());
  kite_client other(s->port());
  slow.set_mode("full", tokens_of(*s));
  other.subscribe({tokens_of(*s)[0]});
  read_until(other, open_of(friday) + 4 * minute);
  while (slow.read()) {
  }
  CHECK(slow.closed());
}

TEST_CASE("at a finite speed frames come when they are due") {
  auto o = recording(stored_hex);
  o.speed = 40;  // the forty seconds take one
  const auto s = run(std::move(o));
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  REQUIRE(c.read_frame());
  const auto start_at = std::chrono::steady_clock::now();
  read_until(c, open_of(friday) + end_of_friday_offset);
  const auto took = std::chrono::steady_clock::now() - start_at;
  CHECK(took > milliseconds(900));
}

TEST_CASE("an idle connection gets heartbeats") {
  auto o = recording(stored_hex);
  o.heartbeat = 10 * market::millisecond;
  const auto s = run(std::move(o));
  kite_client c(s->port());
  int beats = 0;
  while (beats < 3) {
    const auto m = c.read();
    REQUIRE(m);
    beats += m->is_heartbeat();
  }
}

TEST_CASE("what is no request earns Kite's error and the connection goes on") {
  const auto s = run(recording(stored_hex));
  kite_client c(s->port());
  REQUIRE(c.read());
  REQUIRE(c.read());
  for (const auto* bad : {R"({"a":"subscribe","v":["408065"]})", "garbage", ""}) {
    c.send(bad);
    auto answer = c.read();
    while (answer && answer->is_heartbeat()) {
      answer = c.read();
    }
    REQUIRE(answer);
    CHECK(answer->bytes == R"({"type":"error","id":"","data":"error parsing request"})");
  }
  c.send_binary("\x01\x02");
  REQUIRE(c.read());
  c.set_mode("full", tokens_of(*s));
  CHECK(c.read_frame());
}

TEST_CASE("a client that floods disturbs only itself") {
  const auto s = run(recording(stored_hex));
  kite_client flood(s->port());
  kite_client other(s->port());
  flood.send(std::string(std::size_t{5} << 20, '['));
  while (flood.read()) {
  }
  CHECK(flood.closed());
  other.set_mode("full", tokens_of(*s));
  CHECK(other.read_frame());
}

TEST_CASE("it misbehaves on request") {
  auto o = synthetic({5, 30}, market::hour);
  o.speed = 50;
  o.control = true;
  o.heartbeat = 10 * market::millisecond;
  const auto s = run(std::move(o));
  const auto control = [&](const std::string& what) {
    return http(s->port(), "POST", "/control", what).status;
  };
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  REQUIRE(c.read_frame());

  SUBCASE("drop") {
    CHECK(control(R"({"do":"drop"})") == 200);
    while (c.read()) {
    }
    CHECK(c.closed());
    CHECK(kite_client(s->port()).status() == 101);
  }
  SUBCASE("mute") {
    kite_client other(s->port());
    // What was on its way comes; then heartbeats and the time, but no tick.
    const auto goes_mute = [](kite_client& who) {
      bool beats = false;
      bool time = false;
      for (int quiet = 0; quiet < 50;) {
        const auto m = who.read();
        REQUIRE(m);
        quiet = m->is_frame() ? 0 : quiet + 1;
        beats = quiet != 0 && (beats || m->is_heartbeat());
        time = quiet != 0 && (time || m->clock());
      }
      CHECK(beats);
      CHECK(time);
    };
    CHECK(control(R"({"do":"mute","client":0})") == 200);
    goes_mute(c);
    other.set_mode("full", tokens_of(*s));
    CHECK(other.read_frame());
    CHECK(control(R"({"do":"mute"})") == 200);
    goes_mute(other);
    kite_client anew(s->port());
    anew.set_mode("full", tokens_of(*s));
    CHECK(anew.read_frame());
  }
  SUBCASE("silent") {
    CHECK(control(R"({"do":"silent","seconds":0.5})") == 200);
    const auto start_at = std::chrono::steady_clock::now();
    auto last = start_at;
    auto longest = start_at - start_at;
    while (std::chrono::steady_clock::now() < start_at + milliseconds(1000)) {
      REQUIRE(c.read());
      const auto now = std::chrono::steady_clock::now();
      longest = std::max(longest, now - last);
      last = now;
    }
    CHECK(longest > milliseconds(300));
  }
  SUBCASE("garbage") {
    for (const auto* what : {"junk", "truncated", "huge", "text"}) {
      CHECK(control(std::string(R"({"do":"send","what":")") + what + "\"}") == 200);
    }
    std::set<std::size_t> sizes;
    std::set<std::string> texts;
    while (!texts.contains("no JSON at all")) {
      const auto m = c.read();
      REQUIRE(m);
      (m->text ? texts.insert(m->bytes).second : sizes.insert(m->bytes.size()).second);
    }
    CHECK(sizes.contains(333));
    CHECK(sizes.contains(16));
    CHECK(sizes.contains(std::size_t{20} << 20));
    CHECK(c.read_frame());
  }
  SUBCASE("reject") {
    CHECK(control(R"({"do":"reject","status":429})") == 200);
    CHECK(kite_client(s->port()).status() == 429);
    CHECK(control(R"({"do":"reject","status":0})") == 200);
    CHECK(kite_client(s->port()).status() == 101);
  }
  SUBCASE("nonsense") {
    CHECK(control(R"({"do":"dance"})") == 400);
    CHECK(http(s->port(), "GET", "/control").status == 405);
  }
}

TEST_CASE("it misbehaves as planned, and not from outside unless allowed") {
  auto o = recording(stored_hex);
  o.misbehaviours = {{mischief::drop, 0, 0, 5}};
  const auto s = run(std::move(o));
  CHECK(http(s->port(), "POST", "/control", R"({"do":"drop"})").status == 404);
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  while (c.read()) {
  }
  CHECK(c.closed());
  CHECK(s->frames_played() == 5);
}

TEST_CASE("handshakes are refused for wrong credentials, wrong paths and on request") {
  auto o = recording(stored_hex);
  o.credentials = {{"key", "secret", "request", "access"}};
  const auto s = run(std::move(o));
  CHECK(kite_client(s->port(), "/?api_key=key&access_token=access").status() == 101);
  CHECK(kite_client(s->port(), "/?api_key=key&access_token=old").status() == 403);
  CHECK(kite_client(s->port(), "/elsewhere").status() == 404);
  auto refusing = recording(stored_hex);
  refusing.reject_status = 403;
  const auto r = run(std::move(refusing));
  CHECK(kite_client(r->port()).status() == 403);
}

TEST_CASE("the instrument dump is served, by exchange and compressed if asked") {
  const auto s = run(synthetic({5, 30}, minute));
  const auto all = http(s->port(), "GET", "/instruments");
  CHECK(all.status == 200);
  CHECK(all.content_type == "text/csv");
  const auto parsed = market::parse_instruments(all.body);
  REQUIRE(parsed);
  CHECK(*parsed == s->instruments());
  const auto futures = market::parse_instruments(http(s->port(), "GET", "/instruments/NFO").body);
  REQUIRE(futures);
  CHECK(futures->size() == 1);

  const auto packed =
      http(s->port(), "GET", "/instruments", "", {{"Accept-Encoding", "gzip, deflate"}});
  CHECK(packed.content_encoding == "gzip");
  std::string plain(all.body.size() + 1, '\0');
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.body.data()));
  z.avail_in = static_cast<uInt>(packed.body.size());
  z.next_out = reinterpret_cast<Bytef*>(plain.data());
  z.avail_out = static_cast<uInt>(plain.size());
  CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
  plain.resize(z.total_out);
  inflateEnd(&z);
  CHECK(plain == all.body);
}

TEST_CASE("what cannot be played is refused, naming it") {
  const temporary_folder folder;
  const auto refusal = [](options o) {
    const auto started = start(std::move(o));
    REQUIRE_FALSE(started);
    return started.error();
  };
  const auto has = [](const error& e, std::string_view text) {
    return e.message.find(text) != std::string::npos;
  };
  const auto missing = refusal(recording("/nowhere/ticks.csv"));
  CHECK(missing.code == errc::not_found);
  CHECK(has(missing, "/nowhere/ticks.csv"));

  const auto bad_hex = folder.write("bad.hex", lines_of(stored_hex)[0] + "\n00zz\n");
  const auto malformed = refusal(recording(bad_hex));
  CHECK(has(malformed, bad_hex));
  CHECK(has(malformed, "2"));

  const auto fraction = folder.write("fraction.csv",
                                     "exchange_timestamp,instrument_token,last_price\n"
                                     "2026-11-20T10:00:00+05:30,408065,1500\n"
                                     "2026-11-20T10:00:00.5+05:30,408065,1500\n");
  const auto sub_second = refusal(recording(fraction));
  CHECK(has(sub_second, fraction));
  CHECK(has(sub_second, "3"));
  CHECK(has(sub_second, "exchange_timestamp"));

  CHECK(has(refusal(recording(folder.write("empty.hex", "00\n"))), "no tick"));
  CHECK(has(refusal(recording(folder.write("ltp.hex", "00010008000639010002bf20\n"))),
            "exchange time"));

  auto no_calendar = recording(stored_hex);
  no_calendar.calendars.erase("NFO");
  CHECK(has(refusal(std::move(no_calendar)), "NFO"));
  auto no_speed = recording(stored_hex);
  no_speed.speed = 0;
  CHECK(refusal(std::move(no_speed)).code == errc::usage);
  auto no_instruments = synthetic({1, 0}, minute);
  CHECK(refusal(std::move(no_instruments)).code == errc::bad_input);
}

TEST_CASE("a port in use is refused, naming it") {
  const auto first = run(recording(stored_hex));
  auto o = recording(stored_hex);
  o.port = first->port();
  const auto second_one = start(std::move(o));
  REQUIRE_FALSE(second_one);
  CHECK(second_one.error().code == errc::conflict);
  CHECK(second_one.error().message.find(std::to_string(first->port())) != std::string::npos);
}

TEST_CASE("the end is told once, and stopping with clients connected is clean") {
  auto o = recording(stored_hex);
  std::atomic<int> told = 0;
  o.on_finished = [&] { ++told; };
  const auto s = run(std::move(o));
  kite_client c(s->port());
  c.set_mode("full", tokens_of(*s));
  CHECK(eventually([&] { return told == 1; }));
  s->stop();
  while (c.read()) {
  }
  CHECK(c.closed());
  CHECK(told == 1);
}

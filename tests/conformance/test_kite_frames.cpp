// Frames as Kite sends them, next to what the official client makes of them.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "feed/kite/codec.hpp"
#include "feed/recording/hex_frames.hpp"
#include "tests/support/places.hpp"

using namespace artham;
using nlohmann::json;
namespace kite = artham::feed::kite;

namespace {

const std::filesystem::path own_data = artham::test::source_dir() + "/tests/data/kite";
const std::filesystem::path shared_data = artham::test::source_dir() + "/../shared/data/kite";

/// Says so when the shared data is not there.
bool has_shared_data() {
  if (std::filesystem::exists(shared_data)) {
    return true;
  }
  std::cout << "../shared/data/kite is not there: only the frames in tests/data/kite are checked\n";
  return false;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in, path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<json> json_lines(const std::filesystem::path& path) {
  std::ifstream in(path);
  REQUIRE_MESSAGE(in, path.string());
  std::vector<json> out;
  for (std::string line; std::getline(in, line);) {
    out.push_back(json::parse(line));
  }
  return out;
}

std::vector<std::string> hex_frames(const std::filesystem::path& path) {
  auto reader = feed::recording::hex_reader::open(path.string());
  REQUIRE(reader);
  std::vector<std::string> out;
  for (;;) {
    auto frame = reader->next();
    REQUIRE(frame);
    if (!*frame) {
      return out;
    }
    out.push_back((*frame)->bytes);
  }
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) {
      continue;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held);
    }
  }
  return out;
}

std::string framed(const std::string& packet) {
  kite::frame_builder builder;
  REQUIRE(builder.add_packet(packet));
  return builder.finish();
}

double number(market::price p) {
  return static_cast<double>(p.units) / 1e9;
}

json time_json(market::timestamp t) {
  if (t == 0) {
    return nullptr;
  }
  auto text = market::to_rfc3339(t, 0);
  text.insert(text.size() - 1, ".000");
  return text;
}

json levels_json(const std::array<market::depth_level, 5>& levels) {
  json out = json::array();
  for (const auto& l : levels) {
    out.push_back({{"quantity", l.quantity}, {"price", number(l.px)}, {"orders", l.orders}});
  }
  return out;
}

/// A tick as the official client shows it.
json json_of(const market::tick& t) {
  using market::tick_mode;
  const bool is_index = t.mode == tick_mode::index_quote || t.mode == tick_mode::index_full;
  json out{{"tradable", (t.token & 0xff) != 9},
           {"instrument_token", t.token},
           {"last_price", number(t.last)}};
  out["mode"] = t.mode == tick_mode::ltp                                         ? "ltp"
                : t.mode == tick_mode::quote || t.mode == tick_mode::index_quote ? "quote"
                                                                                 : "full";
  if (t.mode == tick_mode::ltp) {
    return out;
  }
  out["ohlc"] = {{"open", number(t.open)},
                 {"high", number(t.high)},
                 {"low", number(t.low)},
                 {"close", number(t.close)}};
  out["change"] = t.close.units == 0 ? 0.0
                                     : static_cast<double>(t.last.units - t.close.units) * 100 /
                                           static_cast<double>(t.close.units);
  if (t.mode == tick_mode::full || t.mode == tick_mode::index_full) {
    out["exchange_timestamp"] = time_json(t.exchange_time);
  }
  if (is_index) {
    return out;
  }
  out["last_traded_quantity"] = t.last_quantity;
  out["average_traded_price"] = number(t.average);
  out["volume_traded"] = t.volume;
  out["total_buy_quantity"] = t.buy_quantity;
  out["total_sell_quantity"] = t.sell_quantity;
  if (t.mode == tick_mode::full) {
    out["last_trade_time"] = time_json(t.last_trade_time);
    out["oi"] = t.oi;
    out["oi_day_high"] = t.oi_day_high;
    out["oi_day_low"] = t.oi_day_low;
    out["depth"] = {{"buy", levels_json(t.bids)}, {"sell", levels_json(t.offers)}};
  }
  return out;
}

/// The percentage is computed in doubles in another order by every client: nearly equal is equal.
void check_tick(json got, json want) {
  if (want.contains("change")) {
    REQUIRE(got.contains("change"));
    CHECK(std::abs(got["change"].get<double>() - want["change"].get<double>()) < 1e-9);
    got.erase("change");
    want.erase("change");
  }
  CHECK_MESSAGE(got == want, got.dump() << "\n  expected " << want.dump());
}

void check_decoding(const std::string& frame, const json& expected) {
  std::vector<json> got;
  const auto walked = kite::for_each_packet(frame, [&got](std::string_view packet) {
    if (const auto t = kite::decode_packet(packet)) {
      got.push_back(json_of(*t));
    }
  });
  CHECK_FALSE(walked.truncated);
  const json want = expected.is_null() ? json::array() : expected;
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    check_tick(got[i], want[i]);
  }
}

/// The frame with the padding of its depth levels zeroed.
std::string without_padding(std::string frame) {
  std::vector<std::size_t> fulls;
  kite::for_each_packet(frame, [&](std::string_view packet) {
    if (packet.size() == kite::full_size) {
      fulls.push_back(static_cast<std::size_t>(packet.data() - frame.data()));
    }
  });
  for (const std::size_t at : fulls) {
    for (std::size_t level = 0; level < 10; ++level) {
      frame.replace(at + 64 + 12 * level + 10, 2, 2, '\0');
    }
  }
  return frame;
}

void check_reencoding(const std::string& frame) {
  if (frame.size() < 2) {
    return;  // a heartbeat has no encoding but itself
  }
  kite::frame_builder builder;
  kite::for_each_packet(frame, [&builder](std::string_view packet) {
    const auto t = kite::decode_packet(packet);
    const auto added = t ? builder.add(*t) : builder.add_packet(packet);
    REQUIRE_MESSAGE(added, (added ? "" : added.error().message));
  });
  CHECK(builder.finish() == without_padding(frame));
}

void check_frame(const std::string& frame, const json& expected) {
  check_decoding(frame, expected);
  check_reencoding(frame);
}

void check_frame_files(const std::filesystem::path& directory, const std::string& binary,
                       const std::string& expected) {
  CAPTURE(binary);
  check_frame(content_of(directory / binary), json::parse(content_of(directory / expected)));
}

void check_frame_lines(const std::filesystem::path& hex, const std::filesystem::path& expected,
                       std::size_t count) {
  const auto frames = hex_frames(hex);
  const auto wanted = json_lines(expected);
  REQUIRE(frames.size() == count);
  REQUIRE(wanted.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(i + 1);
    check_frame(frames[i], wanted[i]);
  }
}

}  // namespace

TEST_CASE("the JavaScript client's frames decode as it decodes them") {
  for (const std::string mode : {"ltp", "quote", "full"}) {
    check_frame_files(own_data, mode + "Mode_binary.packet", mode + "Mode_binary.expected.json");
  }
}

TEST_CASE("the C++ client's frame decodes to two full ticks") {
  check_frame_files(own_data, "websocket_ticks.bin", "websocket_ticks.expected.json");
}

TEST_CASE("the shared copies of the clients' frames decode alike") {
  if (has_shared_data()) {
    for (const std::string mode : {"ltp", "quote", "full"}) {
      check_frame_files(shared_data / "jsclient", mode + "Mode_binary.packet",
                        mode + "Mode_binary.expected.json");
    }
    check_frame_files(shared_data / "cppclient", "websocket_ticks.bin",
                      "websocket_ticks.expected.json");
  }
}

TEST_CASE("the official mocks' packets decode as the official client decodes them") {
  if (has_shared_data()) {
    for (const std::string mode : {"quote", "full"}) {
      CAPTURE(mode);
      const auto packet =
          from_base64(content_of(shared_data / "mocks" / ("ticker_" + mode + ".packet")));
      check_frame(framed(packet), json::parse(content_of(shared_data / "mocks" /
                                                         ("ticker_" + mode + ".expected.json"))));
    }
  }
}

TEST_CASE("printed and constructed frames, edge cases among them, decode as expected") {
  if (has_shared_data()) {
    check_frame_lines(shared_data / "constructed/named_frames.hex",
                      shared_data / "constructed/named_frames.expected.jsonl", 24);
  }
}

TEST_CASE("recorded NIFTY future ticks decode as the official client decodes them") {
  if (has_shared_data()) {
    check_frame_lines(shared_data / "recorded/nifty25decfut_ticks_0717_0719utc.hex",
                      shared_data / "recorded/nifty25decfut_ticks_0717_0719utc.expected.jsonl",
                      165);
  }
}

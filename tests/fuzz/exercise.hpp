#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "feed/recording/hex_frames.hpp"
#include "feed/recording/tick_csv.hpp"
#include "market/instrument.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/fuzz/require.hpp"

/// What must hold for any bytes at all; used by the seeded test and by the libFuzzer harnesses.
namespace artham::fuzz {

inline void exercise_frame(std::string_view frame) {
  namespace kite = feed::kite;
  const kite::frame_decoder decoder;
  constexpr market::position first{1, 1'000};
  std::size_t known = 0;
  std::size_t bytes = 2;
  const auto walked = kite::for_each_packet(frame, [&](std::string_view packet) {
    bytes += 2 + packet.size();
    const auto t = kite::decode_packet(packet);
    require(t.has_value() == kite::mode_of(packet.size()).has_value(), "the length says the kind");
    if (!t) {
      return;
    }
    ++known;
    std::string again;
    if (kite::encode_packet(again, *t)) {
      require(again.size() == packet.size(), "encoding keeps the length");
      require(kite::decode_packet(again) == *t, "decoding an encoded tick gives the tick");
    } else {
      const auto change =
          (t->last.units - t->close.units) * market::price_divisor(t->token) / market::price_scale;
      require(change != static_cast<std::int32_t>(change), "only a change out of range is refused");
    }
  });
  require(walked.packets == 0 || bytes <= frame.size(), "packets lie inside the frame");
  require(decoder.packets(frame) == walked.packets, "every whole packet counts");

  std::vector<market::bar_input> inputs;
  decoder.bar_inputs(frame, 0, first, inputs);
  require(inputs.size() == known, "one bar input per known packet");
  std::vector<std::uint32_t> tokens;
  decoder.tokens(frame, tokens);
  require(tokens.size() == known, "one token per known packet");
  std::size_t i = 0;
  decoder.packet_views(frame, first, [&](market::position at, std::string_view packet) {
    require(at == inputs[i].position() && at.seq < first.seq + walked.packets,
            "positions agree and are inside the frame's");
    const auto t = decoder.decode(packet);
    require(t.token == inputs[i].token && t.token == tokens[i] &&
                decoder.token(packet) == t.token && t.last == inputs[i].last,
            "both ways of reading agree");
    ++i;
  });
  require(i == known, "one view per known packet");
}

inline void exercise_records(std::string_view payload) {
  record::block b;
  b.first_seq = 1;
  b.payload = payload;
  for (b.count = 0; b.count < 16 && !record::check_payload(payload, b.count); ++b.count) {
  }
  if (b.count == 16) {
    return;
  }
  record::for_each(b, [](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (const auto m = record::decode_mark(h, {1, seq}, body)) {
      const auto again = record::decode_mark(h, {1, seq}, record::encode(*m));
      require(again && *again == *m, "an encoded mark is the mark");
    }
    if (const auto r = record::decode_bar(h, body)) {
      std::string again;
      record::encode(again, r->bar);
      require(again == body, "an encoded bar is the bar");
    }
    std::vector<market::bar_input> ticks;
    if (!record::decode_ticks({1, seq}, body, ticks)) {
      require(ticks.empty(), "refused packed ticks leave nothing behind");
    }
  });
}

/// One error is one line; a reader ends.
inline void exercise_csv(const std::string& path) {
  namespace recording = feed::recording;
  auto reader = recording::tick_csv_reader::open(path);
  const auto is_line = [&path](const error& e) {
    require(e.message.find('\n') == std::string::npos, "an error is one line");
    require(e.message.find(path) != std::string::npos, "an error names the file");
  };
  if (!reader) {
    return is_line(reader.error());
  }
  for (;;) {
    const auto row = reader->next();
    if (!row) {
      return is_line(row.error());
    }
    if (!*row) {
      return;
    }
    (void)recording::to_bar_input(**row, recording::volume_use::cumulative);
    if (const auto t = recording::to_kite(**row, path)) {
      std::string packet;
      require(feed::kite::encode_packet(packet, *t).has_value(), "an accepted row can be sent");
    } else {
      is_line(t.error());
    }
  }
}

inline void exercise_hex(const std::string& path) {
  auto reader = feed::recording::hex_reader::open(path);
  if (!reader) {
    return;
  }
  for (;;) {
    const auto frame = reader->next();
    if (!frame || !*frame) {
      return;
    }
    exercise_frame((*frame)->bytes);
  }
}

}  // namespace artham::fuzz

// Seeded mutations of good input: the same on every machine, as many as ARTHAM_FUZZ_COUNT says.
#include <doctest/doctest.h>

#include <random>

#include "tests/feed/codec_samples.hpp"
#include "tests/feed/scratch_file.hpp"
#include "tests/fuzz/exercise.hpp"
#include "tests/messages/record_samples.hpp"

using namespace artham;

namespace {

std::size_t fuzz_count() {
  const char* text = std::getenv("ARTHAM_FUZZ_COUNT");
  const auto count = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  return count == 0 ? 50'000 : count;
}

/// One to eight mutations, each also able to copy a stretch of the input over another.
std::string mutate(std::string bytes, std::mt19937_64& random) {
  for (auto n = 1 + random() % 8; n != 0; --n) {
    if (random() % 8 == 0 && bytes.size() > 16) {
      const auto length = 1 + random() % 16;
      const auto from = bytes.substr(random() % (bytes.size() - length), length);
      bytes.replace(random() % bytes.size(), length, from);
    } else if (random() % 4 != 0 && !bytes.empty()) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    } else {
      bytes = test::mutated(std::move(bytes), random);
    }
  }
  return bytes;
}

std::string sample_frame() {
  feed::kite::frame_builder builder;
  for (const auto& t : test::sample_of_every_mode()) {
    REQUIRE(builder.add(t));
  }
  REQUIRE(builder.add_packet("unknown"));
  return builder.finish();
}

std::string sample_records() {
  std::string payload;
  record::append(payload, record::with_times(record::kind::kite_frame, 6, 1, 2), sample_frame());
  std::string ticks;
  record::encode(ticks, test::sample_ticks());
  record::append(payload, record::with_times(record::kind::packed_ticks, 3, 3, 4), ticks);
  record::append(payload, record::with_times(record::kind::mark, 1, 5, 6),
                 record::encode(test::sample_mark()));
  std::string bar;
  record::encode(bar, test::sample_bar());
  record::append(payload, record::with_cause(record::kind::bar, {{1, 2}, 3}), bar);
  return payload;
}

std::string sample_csv() {
  using namespace feed::recording;
  column_set all;
  all.set();
  tick_row row;
  row.tick = test::sample_full();
  row.receive_time = row.tick.exchange_time;
  row.present = all;
  std::string text;
  append_csv_header(text, all);
  for (int i = 0; i < 3; ++i) {
    append_csv_row(text, row, all);
  }
  return text;
}

}  // namespace

TEST_CASE("mutated frames") {
  std::mt19937_64 random(1);
  const auto good = sample_frame();
  fuzz::exercise_frame(good);
  for (std::size_t i = 0; i < fuzz_count(); ++i) {
    fuzz::exercise_frame(mutate(good, random));
  }
}

TEST_CASE("mutated records") {
  std::mt19937_64 random(2);
  const auto good = sample_records();
  REQUIRE(record::check_payload(good, 11));
  for (std::size_t i = 0; i < fuzz_count(); ++i) {
    fuzz::exercise_records(mutate(good, random));
  }
}

TEST_CASE("mutated recordings") {
  std::mt19937_64 random(3);
  const auto csv = sample_csv();
  std::string hex;
  feed::recording::append_hex_line(hex, sample_frame());
  feed::recording::append_hex_line(hex, sample_frame());
  const test::scratch_file file("a.csv", csv);
  const auto write = [&file](const std::string& text) {
    std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << text;
  };
  for (std::size_t i = 0; i < fuzz_count() / 25; ++i) {
    write(mutate(csv, random));
    fuzz::exercise_csv(file.path());
    write(mutate(hex, random));
    fuzz::exercise_hex(file.path());
  }
}

// The Kite codec beside the least that a program can do with the same packets, in the same run:
// medians of interleaved rounds, so that a neighbour's load falls on all alike.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "bench/codec_limit.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"

namespace {

using namespace artham;
namespace kite = artham::feed::kite;

constexpr std::size_t frames_per_set = 64;
constexpr std::size_t packets_per_frame = 500;

/// Frames of one packet length, filled with seeded noise below 2^24 and NFO tokens.
std::vector<std::string> make_frames(std::size_t packet_length) {
  std::mt19937_64 random(3);
  std::vector<std::string> frames;
  for (std::size_t f = 0; f < frames_per_set; ++f) {
    kite::frame_builder frame;
    for (std::size_t i = 0; i < packets_per_frame; ++i) {
      std::string packet(packet_length, '\0');
      for (std::size_t k = 0; k < packet_length; ++k) {
        packet[k] = k % 4 == 0 ? '\0' : static_cast<char>(random());
      }
      packet[3] = 2;
      if (!frame.add_packet(packet)) {
        std::abort();
      }
    }
    frames.push_back(frame.finish());
  }
  return frames;
}

template <class T>
void keep(const T& v) {
  asm volatile("" : : "r,m"(v) : "memory");
}

struct candidate {
  const char* name;
  std::function<void()> pass;  ///< decodes frames_per_set * packets_per_frame packets
  std::vector<double> seconds{};

  [[nodiscard]] double median() const {
    auto sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

void measure(std::vector<candidate>& all, int rounds, int passes) {
  for (auto& c : all) {
    c.pass();
  }
  for (int r = 0; r < rounds; ++r) {
    for (auto& c : all) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < passes; ++i) {
        c.pass();
      }
      c.seconds.push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 15;
  constexpr int passes = 20;
  const auto full = make_frames(kite::full_size);
  const auto quote = make_frames(kite::quote_size);
  const auto ltp = make_frames(kite::ltp_size);
  const kite::frame_decoder decoder;

  std::vector<bench::raw_full> raw(packets_per_frame);
  std::vector<market::tick> ticks(packets_per_frame);
  std::vector<market::bar_input> inputs;
  std::vector<market::tick> encoded(packets_per_frame);
  kite::for_each_packet(full[0], [&, i = std::size_t{0}](std::string_view packet) mutable {
    if (!kite::decode_packet(packet, encoded[i++])) {
      std::abort();
    }
  });

  const auto decode_all = [&ticks](const std::vector<std::string>& frames) {
    for (const auto& frame : frames) {
      auto* out = ticks.data();
      kite::for_each_packet(frame, [&out](std::string_view packet) {
        out += kite::decode_packet(packet, *out) ? 1 : 0;
      });
      keep(ticks[7]);
    }
  };
  const auto bars_of = [&inputs, &decoder](const std::vector<std::string>& frames) {
    for (const auto& frame : frames) {
      inputs.clear();
      decoder.bar_inputs(frame, market::second, {1, 1}, inputs);
      keep(inputs[7]);
    }
  };

  std::vector<candidate> all{
      {"limit: full packet -> raw integers + depth (scalar)",
       [&] {
         for (const auto& frame : full) {
           bench::limit_scalar(reinterpret_cast<const unsigned char*>(frame.data()), frame.size(),
                               raw.data());
           keep(raw[7]);
         }
       }},
      {"codec: full packet -> market::tick + depth", [&] { decode_all(full); }},
      {"codec: quote packet -> market::tick", [&] { decode_all(quote); }},
      {"codec: ltp packet -> market::tick", [&] { decode_all(ltp); }},
      {"decoder: full frame -> bar inputs", [&] { bars_of(full); }},
      {"decoder: quote frame -> bar inputs", [&] { bars_of(quote); }},
      {"decoder: ltp frame -> bar inputs", [&] { bars_of(ltp); }},
      {"codec: market::tick -> full packet",
       [&] {
         for (std::size_t f = 0; f < frames_per_set; ++f) {
           kite::frame_builder frame;
           for (const auto& t : encoded) {
             if (!frame.add(t)) {
               std::abort();
             }
           }
           keep(frame.finish());
         }
       }},
  };
  measure(all, rounds, passes);

  constexpr double packets = static_cast<double>(frames_per_set * packets_per_frame * passes);
  const double limit = all.front().median();
  std::printf("%-54s %10s %10s %10s\n", "", "M/s", "ns each", "of limit");
  for (const auto& c : all) {
    std::printf("%-54s %10.2f %10.2f %9.0f%%\n", c.name, packets / c.median() / 1e6,
                c.median() / packets * 1e9, limit / c.median() * 100);
  }
}

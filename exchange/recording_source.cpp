#include "exchange/recording_source.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "feed/kite/codec.hpp"
#include "feed/recording/hex_frames.hpp"
#include "feed/recording/recording.hpp"
#include "feed/recording/tick_csv.hpp"
#include "runtime/log.hpp"

#include <spdlog/spdlog.h>

namespace artham::exchange {

namespace kite = feed::kite;
namespace recording = feed::recording;
using market::timestamp;

namespace {

struct recorded_frame {
  timestamp exchange_time = 0;  ///< 0: it has none
  std::string bytes;
};

/// Frames of either kind of file, one at a time.
class frame_reader {
 public:
  static result<frame_reader> open(const std::string& file) {
    if (recording::is_hex(file)) {
      return recording::hex_reader::open(file).map(
          [](recording::hex_reader r) { return frame_reader(std::move(r)); });
    }
    return recording::tick_csv_reader::open(file).map(
        [](recording::tick_csv_reader r) { return frame_reader(std::move(r)); });
  }

  result<std::optional<recorded_frame>> next() {
    if (auto* hex = std::get_if<recording::hex_reader>(&reader_)) {
      return hex->next().map([](std::optional<recording::hex_frame> f) {
        return f ? std::optional(recorded_frame{f->exchange_time, std::move(f->bytes)})
                 : std::nullopt;
      });
    }
    return next_of_rows(std::get<recording::tick_csv_reader>(reader_));
  }

 private:
  static constexpr std::size_t rows_per_frame = 1'000;

  explicit frame_reader(recording::hex_reader r) : reader_(std::move(r)) {}
  explicit frame_reader(recording::tick_csv_reader r) : reader_(std::move(r)) {}

  static result<std::optional<market::tick>> next_tick(recording::tick_csv_reader& csv) {
    auto row = csv.next();
    if (!row) {
      return tl::unexpected(row.error());
    }
    if (!*row) {
      return std::nullopt;
    }
    return recording::to_kite(**row, csv.path()).map([](market::tick t) {
      return std::optional(t);
    });
  }

  result<std::optional<recorded_frame>> next_of_rows(recording::tick_csv_reader& csv) {
    kite::frame_builder frame;
    timestamp second = 0;
    while (frame.packets() < rows_per_frame) {
      if (!ahead_) {
        auto tick = next_tick(csv);
        if (!tick) {
          return tl::unexpected(tick.error());
        }
        ahead_ = *tick;
      }
      if (!ahead_ || (!frame.empty() && ahead_->exchange_time != second)) {
        break;
      }
      if (auto added = frame.add(*ahead_); !added) {
        return tl::unexpected(added.error());
      }
      second = ahead_->exchange_time;
      ahead_.reset();
    }
    if (frame.empty()) {
      return std::nullopt;
    }
    return recorded_frame{second, frame.finish()};
  }

  std::variant<recording::hex_reader, recording::tick_csv_reader> reader_;
  std::optional<market::tick> ahead_;  ///< a row that was read and belongs to the next frame
};

class recording_source final : public source {
 public:
  recording_source(std::string file, frame_reader reader, timestamp first,
                   std::vector<market::instrument> instruments)
      : file_(std::move(file)),
        reader_(std::move(reader)),
        at_(first),
        instruments_(std::move(instruments)) {}

  /// Reads the frames before `index`, and that one.
  result<void> go_to(std::uint64_t index) {
    for (std::uint64_t n = 0; n <= index; ++n) {
      if (auto read = read_ahead(); !read) {
        return read;
      }
    }
    start_ = at_;
    return {};
  }

  std::optional<timestamp> next_at() override { return ahead_ ? std::optional(at_) : std::nullopt; }

  std::string next() override {
    auto bytes = std::move(ahead_->bytes);
    if (const auto read = read_ahead(); !read) {
      runtime::log().error("exchange: the recording changed while it was played: {}",
                           read.error().message);
      ahead_.reset();
    }
    return bytes;
  }

  [[nodiscard]] timestamp start() const override { return start_; }
  [[nodiscard]] bool keeps_hours() const override { return false; }
  [[nodiscard]] std::vector<std::string> ticked_before() const override { return {}; }
  [[nodiscard]] std::vector<market::instrument> instruments() const override {
    return instruments_;
  }

 private:
  result<void> read_ahead() {
    auto frame = reader_.next();
    if (!frame) {
      return tl::unexpected(frame.error());
    }
    ahead_ = std::move(*frame);
    if (ahead_) {
      at_ = std::max(at_, ahead_->exchange_time);
    }
    return {};
  }

  std::string file_;
  frame_reader reader_;
  std::optional<recorded_frame> ahead_;
  timestamp at_;  ///< of the frame read ahead
  timestamp start_ = 0;
  std::vector<market::instrument> instruments_;
};

std::string_view exchange_of_segment(std::uint32_t token) {
  switch (token & 0xff) {
    case 2:
      return "NFO";
    case 3:
      return "CDS";
    case 4:
      return "BSE";
    case 5:
      return "BFO";
    case 6:
      return "BCD";
    case 7:
      return "MCX";
    case 12:
      return "NCO";
    default:
      return "NSE";
  }
}

}  // namespace

result<recording_info> inspect_recording(const std::string& file) {
  auto reader = frame_reader::open(file);
  if (!reader) {
    return tl::unexpected(reader.error());
  }
  recording_info info;
  for (;;) {
    auto frame = reader->next();
    if (!frame) {
      return tl::unexpected(frame.error());
    }
    if (!*frame) {
      break;
    }
    ++info.frames;
    info.last = std::max(info.last, (*frame)->exchange_time);
    if (info.first == 0) {
      info.first = info.last;
    }
    kite::for_each_packet((*frame)->bytes, [&](std::string_view packet) {
      if (kite::mode_of(packet.size())) {
        info.tokens.insert(kite::load_u32(packet.data()));
      }
    });
  }
  if (info.tokens.empty()) {
    return fail(errc::bad_input, file + ": no tick in it; record some, or give another file");
  }
  if (info.first == 0) {
    return fail(errc::bad_input,
                file +
                    ": no frame has an exchange time to be played by; record in full mode, "
                    "or use a tick CSV");
  }
  return info;
}

result<std::unique_ptr<source>> make_recording_source(const recording_source_options& o,
                                                      const recording_info& info,
                                                      std::vector<market::instrument> instruments) {
  auto reader = frame_reader::open(o.file.string());
  if (!reader) {
    return tl::unexpected(reader.error());
  }
  auto made = std::make_unique<recording_source>(o.file.string(), std::move(*reader), info.first,
                                                 std::move(instruments));
  if (auto there = made->go_to(std::min(o.skip_frames, info.frames)); !there) {
    return tl::unexpected(there.error());
  }
  return made;
}

result<std::vector<market::calendar_ptr>> calendars_of(
    const std::set<std::uint32_t>& tokens,
    const std::map<std::string, market::calendar_ptr>& calendars) {
  std::set<std::string, std::less<>> names;
  for (const auto token : tokens) {
    names.emplace(market::calendar_of(exchange_of_segment(token)));
  }
  std::vector<market::calendar_ptr> out;
  for (const auto& name : names) {
    const auto found = calendars.find(name);
    if (found == calendars.end()) {
      return fail(errc::usage, "the recording has instruments of " + name +
                                   ", but there is no calendar of that name");
    }
    out.push_back(found->second);
  }
  return out;
}

}  // namespace artham::exchange

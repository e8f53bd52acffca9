#include "exchange/disorder.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "feed/kite/codec.hpp"
#include "feed/synthetic/random.hpp"

namespace artham::exchange {

namespace {

constexpr std::uint32_t per_mille = 1000;

class disordered_source final : public source {
 public:
  disordered_source(std::unique_ptr<source> s, const disorder& d)
      : source_(std::move(s)), disorder_(d), draw_(d.seed) {}

  std::optional<market::timestamp> next_at() override {
    prepare();
    return ready_ ? std::optional(ready_->at) : std::nullopt;
  }

  std::string next() override {
    prepare();
    return std::exchange(ready_, std::nullopt)->bytes;
  }

  [[nodiscard]] market::timestamp start() const override { return source_->start(); }
  [[nodiscard]] bool keeps_hours() const override { return source_->keeps_hours(); }
  [[nodiscard]] std::vector<std::string> ticked_before() const override {
    return source_->ticked_before();
  }
  [[nodiscard]] std::vector<market::instrument> instruments() const override {
    return source_->instruments();
  }

 private:
  struct due_frame {
    market::timestamp at = 0;
    std::string bytes;
  };
  struct late_packet {
    market::timestamp at = 0;
    std::uint64_t number = 0;
    std::string packet;
    bool operator>(const late_packet& o) const {
      return std::pair(at, number) > std::pair(o.at, o.number);
    }
  };

  /// Finds what is due next; a frame all of whose packets are delayed is none.
  void prepare() {
    while (!ready_) {
      const auto punctual = source_->next_at();
      if (!punctual && held_.empty()) return;
      const auto at =
          punctual && (held_.empty() || *punctual <= held_.top().at) ? punctual : std::nullopt;
      ready_ = at ? punctual_frame(*at) : late_frame();
    }
  }
  due_frame late_frame() {
    feed::kite::frame_builder frame;
    add(frame, held_.top().packet);
    const auto at = held_.top().at;
    held_.pop();
    return {at, frame.finish()};
  }
  std::optional<due_frame> punctual_frame(market::timestamp at) {
    const auto bytes = source_->next();
    feed::kite::frame_builder frame;
    const auto walked = feed::kite::for_each_packet(bytes, [&](std::string_view packet) {
      const bool delayed = hit(disorder_.delayed);
      if (delayed || hit(disorder_.duplicated)) hold(at, packet);
      if (!delayed) add(frame, packet);
    });
    if (walked.packets == 0) return due_frame{at, bytes};
    if (frame.empty()) return std::nullopt;
    return due_frame{at, frame.finish()};
  }
  bool hit(std::uint32_t chance) {
    return chance != 0 && draw_.below(per_mille) < static_cast<std::int64_t>(chance);
  }
  void hold(market::timestamp due, std::string_view packet) {
    const auto by = 1 + draw_.below(disorder_.delay / market::millisecond);
    held_.push({due + by * market::millisecond, next_number_++, std::string(packet)});
  }
  /// A packet of a frame is always short enough for another frame.
  static void add(feed::kite::frame_builder& frame, std::string_view packet) {
    static_cast<void>(frame.add_packet(packet));
  }

  std::unique_ptr<source> source_;
  disorder disorder_;
  feed::synthetic::random draw_;
  std::priority_queue<late_packet, std::vector<late_packet>, std::greater<>> held_;
  std::uint64_t next_number_ = 0;
  std::optional<due_frame> ready_;
};

}  // namespace

result<disorder> parse_disorder(std::string_view text) {
  disorder d;
  const auto refuse = [&](std::string_view part, const std::string& why) {
    return fail(errc::usage, "disorder \"" + std::string(text) + "\": " + std::string(part) + ": " +
                                 why + "; such as delayed=20,duplicated=5,delay=30s,seed=7");
  };
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto part = text.substr(at, comma - at);
    at = comma + 1;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return refuse(part, "not name=value");
    const auto name = part.substr(0, equals);
    const auto value = part.substr(equals + 1);
    if (name == "delay") {
      const auto delay = market::parse_duration(value);
      if (!delay) return refuse(part, delay.error().message);
      if (*delay < market::millisecond || *delay > market::hour)
        return refuse(part, "from 1ms to 1h");
      d.delay = *delay;
      continue;
    }
    std::uint64_t number = 0;
    const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (bad != std::errc() || end != value.data() + value.size() || value.empty())
      return refuse(part, "not a whole number");
    if (name == "seed") {
      d.seed = number;
    } else if (name == "delayed" || name == "duplicated") {
      if (number > per_mille) return refuse(part, "per mille, at most 1000");
      (name == "delayed" ? d.delayed : d.duplicated) = static_cast<std::uint32_t>(number);
    } else {
      return refuse(part, "unknown; there are delayed, duplicated, delay and seed");
    }
  }
  return d;
}

std::unique_ptr<source> disordered(std::unique_ptr<source> s, const disorder& d) {
  return std::make_unique<disordered_source>(std::move(s), d);
}

}  // namespace artham::exchange

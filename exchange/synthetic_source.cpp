#include "exchange/synthetic_source.hpp"

#include <utility>

#include "feed/kite/codec.hpp"
#include "runtime/log.hpp"

#include <spdlog/spdlog.h>

namespace artham::exchange {

namespace {

class synthetic_source final : public source {
 public:
  synthetic_source(feed::synthetic::generator generator, market::timestamp start,
                   market::timestamp end, market::date on)
      : generator_(std::move(generator)),
        start_(start),
        end_(end),
        instruments_(generator_.instruments(on)) {
    generator_.seek(start);
  }

  std::optional<market::timestamp> next_at() override {
    const auto at = generator_.next_at();
    return at && *at < end_ ? at : std::nullopt;
  }

  std::string next() override {
    feed::kite::frame_builder frame;
    const auto at = *generator_.next_at();
    for (std::optional<market::timestamp> due = at; due == at && !frame.full();
         due = generator_.next_at()) {
      const auto tick = generator_.next().tick;
      if (const auto added = frame.add(tick); !added) {
        runtime::log().error("synthetic market: {}", added.error().message);
      }
    }
    return frame.finish();
  }

  [[nodiscard]] market::timestamp start() const override { return start_; }
  [[nodiscard]] bool keeps_hours() const override { return true; }

  [[nodiscard]] std::vector<std::string> ticked_before() const override {
    std::vector<std::string> packets;
    for (const auto& i : instruments_) {
      std::string packet;
      if (const auto tick = generator_.last(i.token);
          tick && feed::kite::encode_packet(packet, *tick)) {
        packets.push_back(std::move(packet));
      }
    }
    return packets;
  }

  [[nodiscard]] std::vector<market::instrument> instruments() const override {
    return instruments_;
  }

 private:
  feed::synthetic::generator generator_;
  market::timestamp start_;
  market::timestamp end_;
  std::vector<market::instrument> instruments_;
};

}  // namespace

result<std::unique_ptr<source>> make_synthetic_source(
    const synthetic_source_options& o,
    const std::map<std::string, market::calendar_ptr>& calendars) {
  const auto named = [&](const char* name) {
    const auto found = calendars.find(name);
    return found == calendars.end() ? nullptr : found->second;
  };
  auto nse = named("NSE");
  auto generator = feed::synthetic::generator::make(o.market, nse, named("NFO"));
  if (!generator) {
    return tl::unexpected(generator.error());
  }
  if (o.start <= 0 || o.end <= o.start) {
    return fail(errc::usage,
                "the synthetic market needs a market time to start at, and an end behind it");
  }
  const auto on = nse->local_date(o.start);
  return std::make_unique<synthetic_source>(std::move(*generator), o.start, o.end, on);
}

}  // namespace artham::exchange

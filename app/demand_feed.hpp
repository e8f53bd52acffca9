#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "feed/feed.hpp"
#include "runtime/metrics.hpp"

namespace artham::app {

/// Has `listener` told all instruments that clients want, ascending, at once and whenever that
/// changes, until what it returns is gone; then it is not running any more. From any thread, one
/// call at a time.
using demand_source = std::function<std::shared_ptr<void>(
    std::function<void(const std::vector<std::uint32_t>&)> listener)>;

struct demand_options {
  demand_source source;
  /// Subscribed whether anybody wants them or not.
  std::vector<std::uint32_t> always;
  market::tick_mode mode = market::tick_mode::full;
  std::size_t max_tokens = 3'000;  ///< of all connections together, with those of `always`
  /// Whether the exchange has it; what it has not is left out.
  std::function<bool(std::uint32_t token)> is_known;
  /// For so long what nobody wants any more stays subscribed.
  std::chrono::steady_clock::duration grace = std::chrono::seconds(60);
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  runtime::metrics* metrics = nullptr;
};

/// Metrics: instruments that are subscribed by demand, and those that there was no room for.
inline constexpr std::string_view demanded_metric = "artham_feed_demanded";
inline constexpr std::string_view demand_refused_metric = "artham_feed_demand_refused";

/// A feed that is subscribed to what clients want, as far as its limit allows: who came first
/// stays. Looks after what nobody wants any more whenever market time moves on.
class demand_feed final : public artham::feed::feed, private artham::feed::sink {
 public:
  /// `inner` has `always` asked for already.
  demand_feed(std::unique_ptr<artham::feed::feed> inner, demand_options o);
  ~demand_feed() override;

  void start(artham::feed::sink& s) override;
  void stop() override;
  result<void> subscribe(std::span<const std::uint32_t> tokens, market::tick_mode mode) override;
  void unsubscribe(std::span<const std::uint32_t> tokens) override;
  void resume() override { inner_->resume(); }
  [[nodiscard]] artham::feed::counters counts() const override { return inner_->counts(); }
  [[nodiscard]] artham::feed::state current() const override { return inner_->current(); }
  [[nodiscard]] artham::feed::tick_expectation expectation() const override {
    return inner_->expectation();
  }
  [[nodiscard]] std::vector<artham::feed::connection_status> connections() const override {
    return inner_->connections();
  }

 private:
  using time_point = std::chrono::steady_clock::time_point;

  bool on_frame(std::string frame, market::timestamp market_time, market::timestamp wall) override;
  void on_market_time(market::timestamp market_time, market::timestamp wall) override;
  void on_state(artham::feed::state_change change, market::timestamp market_time,
                market::timestamp wall) override;
  void on_subscription(std::span<const std::uint32_t> tokens, market::tick_mode mode, bool added,
                       market::timestamp market_time, market::timestamp wall) override;
  void on_text(std::string type, std::string json) override;

  void want(const std::vector<std::uint32_t>& tokens);
  /// Under the mutex: takes back what is over, asks for what there is room for.
  void settle();

  std::unique_ptr<artham::feed::feed> inner_;
  demand_options options_;
  artham::feed::sink* sink_ = nullptr;
  const std::set<std::uint32_t> always_;
  std::mutex mutex_;                ///< of the lines below
  std::set<std::uint32_t> wanted_;  ///< but for those of `always`
  /// Asked for by demand, and since when nobody wants it.
  std::map<std::uint32_t, std::optional<time_point>> asked_;
  std::size_t refused_ = 0;
  runtime::gauge* demanded_gauge_ = nullptr;
  runtime::gauge* refused_gauge_ = nullptr;
  std::shared_ptr<void> subscription_;
};

}  // namespace artham::app

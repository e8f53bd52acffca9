#include "actors/ingest/feed_sink.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "runtime/log.hpp"

namespace artham::actors {

feed_sink::feed_sink(std::size_t budget, runtime::metrics& metrics)
    : budget_(budget),
      queue_bytes_(
          metrics.gauge("artham_ingest_queue_bytes", "Bytes between the feed and the ingestor.")),
      pauses_(metrics.counter("artham_feed_pauses_total",
                              "Times that the feed had to wait for the ingestor.")),
      state_(metrics.gauge(feed_state_metric,
                           "Feed: 0 stopped, 1 connecting, 2 live, 3 backing off, 4 rate limited, "
                           "5 token expired; of several connections that of the worst.")),
      live_(metrics.gauge(feed_live_metric, "Connections of the feed that are live.")),
      stalls_(metrics.counter("artham_feed_stalls_total",
                              "Times that a connection was given up because nothing, or no tick, "
                              "came.")),
      texts_(metrics.counter("artham_feed_texts_total", "Text messages of the feed.")) {}

void feed_sink::connect(messages::ingestor_actor target, feed::feed& source) {
  const std::lock_guard lock(mutex_);
  target_ = std::move(target);
  source_ = &source;
  on_the_way_ = 0;
  waiting_ = false;
}

void feed_sink::disconnect() {
  const std::lock_guard lock(mutex_);
  target_ = nullptr;
  source_ = nullptr;
}

bool feed_sink::send(feed_event e) {
  const std::size_t weight = e.weight();
  const std::size_t now = on_the_way_.fetch_add(weight) + weight;
  queue_bytes_.set(static_cast<std::int64_t>(now));
  {
    const std::lock_guard lock(mutex_);
    if (target_)
      caf::anon_send(target_, feed_event_ptr(std::make_shared<feed_event>(std::move(e))));
  }
  if (now < budget_) return true;
  waiting_ = true;
  // The ingestor may have caught up between the two lines above and seen nobody waiting.
  if (on_the_way_.load() < budget_ / 2 && waiting_.exchange(false)) return true;
  pauses_.add();
  return false;
}

void feed_sink::handled(std::size_t weight) {
  const std::size_t now = on_the_way_.fetch_sub(weight) - weight;
  queue_bytes_.set(static_cast<std::int64_t>(now));
  if (now < budget_ / 2 && waiting_.exchange(false)) {
    const std::lock_guard lock(mutex_);
    if (source_ != nullptr) source_->resume();
  }
}

bool feed_sink::on_frame(std::string frame, market::timestamp market_time, market::timestamp wall) {
  return send({market_time, wall, frame_event{std::move(frame)}});
}

void feed_sink::on_market_time(market::timestamp market_time, market::timestamp wall) {
  send({market_time, wall, time_event{}});
}

void feed_sink::on_state(feed::state_change change, market::timestamp market_time,
                         market::timestamp wall) {
  const auto which = change.tokens || change.connection != 0
                         ? "connection " + std::to_string(change.connection + 1) + ": "
                         : std::string();
  runtime::log().info("feed: {}{}{}{}", which, feed::to_string(change.state),
                      change.detail.empty() ? "" : ": ", change.detail);
  if (states_.size() <= change.connection) states_.resize(change.connection + 1);
  states_[change.connection] = change.state;
  const auto badness = [](feed::state s) {
    return s == feed::state::live ? -1 : static_cast<std::int64_t>(s);
  };
  state_.set(static_cast<std::int64_t>(*std::ranges::max_element(states_, {}, badness)));
  live_.set(std::ranges::count(states_, feed::state::live));
  if (change.cause == market::gap_cause::stalled) stalls_.add();
  send({market_time, wall, std::move(change)});
}

void feed_sink::on_subscription(std::span<const std::uint32_t> tokens, market::tick_mode mode,
                                bool added, market::timestamp market_time, market::timestamp wall) {
  send({market_time, wall, subscription_event{{tokens.begin(), tokens.end()}, mode, added}});
}

void feed_sink::on_text(std::string type, std::string json) {
  texts_.add();
  if (type == "error") {
    runtime::log().warn("feed: the exchange reports: {}", json);
  } else {
    runtime::log().debug("feed: {}: {}", type, json);
  }
}

}  // namespace artham::actors

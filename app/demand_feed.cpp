#include "app/demand_feed.hpp"

#include <utility>

#include <spdlog/spdlog.h>

#include "runtime/log.hpp"

namespace artham::app {

demand_feed::demand_feed(std::unique_ptr<artham::feed::feed> inner, demand_options o)
    : inner_(std::move(inner)),
      options_(std::move(o)),
      always_(options_.always.begin(), options_.always.end()) {
  auto& m = *options_.metrics;
  demanded_gauge_ = &m.gauge(demanded_metric, "Instruments subscribed as clients want them.");
  refused_gauge_ = &m.gauge(demand_refused_metric,
                            "Instruments that clients want and no connection has room for.");
}

demand_feed::~demand_feed() {
  stop();
}

void demand_feed::start(artham::feed::sink& s) {
  sink_ = &s;
  inner_->start(*this);
  subscription_ =
      options_.source([this](const std::vector<std::uint32_t>& tokens) { want(tokens); });
}

void demand_feed::stop() {
  subscription_.reset();
  inner_->stop();
}

result<void> demand_feed::subscribe(std::span<const std::uint32_t> tokens, market::tick_mode mode) {
  return inner_->subscribe(tokens, mode);
}

void demand_feed::unsubscribe(std::span<const std::uint32_t> tokens) {
  inner_->unsubscribe(tokens);
}

void demand_feed::want(const std::vector<std::uint32_t>& tokens) {
  const std::lock_guard lock(mutex_);
  wanted_.clear();
  for (const auto token : tokens) {
    if (!always_.contains(token) && options_.is_known(token)) wanted_.insert(token);
  }
  settle();
}

void demand_feed::settle() {
  const auto now = options_.now();
  std::vector<std::uint32_t> over;
  for (auto& [token, unwanted_since] : asked_) {
    if (wanted_.contains(token)) {
      unwanted_since.reset();
    } else if (!unwanted_since) {
      unwanted_since = now;
    } else if (now - *unwanted_since >= options_.grace) {
      over.push_back(token);
    }
  }
  std::vector<std::uint32_t> fresh;
  for (const auto token : wanted_) {
    if (!asked_.contains(token)) fresh.push_back(token);
  }
  // What somebody wants goes before what nobody wants any more.
  const auto room = options_.max_tokens - std::min(options_.max_tokens, always_.size());
  for (auto it = asked_.begin();
       it != asked_.end() && asked_.size() - over.size() + fresh.size() > room; ++it) {
    if (it->second && now - *it->second < options_.grace) over.push_back(it->first);
  }
  for (const auto token : over) asked_.erase(token);
  if (!over.empty()) inner_->unsubscribe(over);
  const auto free = room - std::min(room, asked_.size());
  auto refused = fresh.size() - std::min(fresh.size(), free);
  fresh.resize(fresh.size() - refused);
  if (!fresh.empty()) {
    if (const auto done = inner_->subscribe(fresh, options_.mode); done) {
      for (const auto token : fresh) asked_.emplace(token, std::nullopt);
    } else {
      runtime::log().error("feed: demand: {}", done.error().message);
      refused += fresh.size();
    }
  }
  if (refused > refused_) {
    runtime::log().error(
        "feed: clients want {} instruments more than the {} that the connections may have "
        "(feed.max_tokens_per_socket, feed.sockets, feed.more_keys): they get no ticks of them",
        refused, options_.max_tokens);
  }
  refused_ = refused;
  demanded_gauge_->set(static_cast<std::int64_t>(asked_.size()));
  refused_gauge_->set(static_cast<std::int64_t>(refused));
}

bool demand_feed::on_frame(std::string frame, market::timestamp market_time,
                           market::timestamp wall) {
  return sink_->on_frame(std::move(frame), market_time, wall);
}

void demand_feed::on_market_time(market::timestamp market_time, market::timestamp wall) {
  sink_->on_market_time(market_time, wall);
  const std::lock_guard lock(mutex_);
  settle();
}

void demand_feed::on_state(artham::feed::state_change change, market::timestamp market_time,
                           market::timestamp wall) {
  sink_->on_state(std::move(change), market_time, wall);
}

void demand_feed::on_subscription(std::span<const std::uint32_t> tokens, market::tick_mode mode,
                                  bool added, market::timestamp market_time,
                                  market::timestamp wall) {
  sink_->on_subscription(tokens, mode, added, market_time, wall);
}

void demand_feed::on_text(std::string type, std::string json) {
  sink_->on_text(std::move(type), std::move(json));
}

}  // namespace artham::app

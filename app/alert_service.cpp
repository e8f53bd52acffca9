#include "app/alert_service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/alert_role.hpp"
#include "web/hook/webhook_address.hpp"

namespace artham::app {

namespace {

using market::alert::subject;

constexpr std::size_t queued_at_most = 256;
constexpr std::chrono::milliseconds poll{200};

/// From then on a token may be another instrument's.
market::timestamp end_of(market::date expiry) {
  return (std::int64_t{expiry.days} + 1) * market::day - market::india_offset;
}

struct derivative {
  market::date expiry;
  bool option = false;
};
std::optional<derivative> derivative_of(const feature_setup& features, std::uint32_t token) {
  if (!features.plan) return std::nullopt;
  const auto group = features.plan->group_of(token);
  for (const auto& f : group->futures)
    if (f.token == token) return derivative{f.expiry, false};
  for (const auto& o : group->options)
    if (o.what.token == token) return derivative{o.expiry, true};
  return std::nullopt;
}

result<void> check_webhook(const config::settings::alerts_section& a, const std::string& url) {
  const auto address = web::parse_webhook(url);
  if (!address) return tl::unexpected(address.error());
  if (a.webhook_secret.empty()) {
    return fail(errc::usage,
                "there are no webhooks here: alerts.webhook_secret, which they are signed with, "
                "is not set");
  }
  if (web::is_inside(*address) && !a.webhook_private) {
    return fail(errc::usage, "webhook \"" + url.substr(0, 100) +
                                 "\" goes to this computer or a private network, and "
                                 "alerts.webhook_private is false");
  }
  return {};
}

}  // namespace

result<std::unique_ptr<alert_service>> alert_service::start(alert_service_options o) {
  std::unique_ptr<alert_service> made(new alert_service(std::move(o)));
  auto book = open_alert_book(*made->options_.settings, made->options_.data);
  if (!book) return tl::unexpected(book.error());
  made->desk_ =
      std::make_shared<actors::alert_desk>(std::move(*book), "alert-reader", queued_at_most);
  made->clock_ = std::thread([me = made.get()] { me->run(); });
  return made;
}

alert_service::~alert_service() {
  stop();
}

void alert_service::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (clock_.joinable()) clock_.join();
  desk_->stop();
}

void alert_service::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    // One at a time, where the store does not answer; one that finds the queue full comes again.
    if (!looking_) looking_ = desk_->post([this](store::alert_book& book) { look(book); });
    wake_.wait_for(lock, poll, [&] { return stopping_; });
  }
}

void alert_service::look(store::alert_book& book) {
  const auto newest = book.newest();
  {
    const std::lock_guard lock(mutex_);
    looking_ = false;
  }
  // After a store that was away whoever waits asks again.
  if (!newest) {
    newest_.reset();
    return;
  }
  if (newest_ != *newest) options_.bell->ring();
  newest_ = *newest;
}

result<web::bound_key> alert_service::bind(const market::alert::rule_key& key) const {
  web::bound_key bound;
  const auto refuse = [](const std::string& why) {
    return fail(errc::bad_input, "\"key\": " + why);
  };
  if ((key.of == subject::greeks || key.of == subject::chain) && !options_.features.enabled)
    return refuse("there are no chains and Greeks here: features.enabled is false");
  if (key.of == subject::chain) {
    const auto& chains = options_.features.plan->chains();
    const auto found = chains.find(key.instrument);
    if (found == chains.end())
      return refuse("there is no chain of \"" + key.instrument + "\"; GET /v1/chain lists them");
    const auto& listed = found->second->options;
    if (std::ranges::none_of(listed, [&](const auto& o) { return o.expiry == key.expiry; }))
      return refuse("nothing of " + key.instrument + " expires on " +
                    market::to_string(key.expiry));
    bound.ends = end_of(key.expiry);
    return bound;
  }
  if (key.instrument.empty()) return bound;
  const auto token = options_.instruments->token(key.instrument);
  if (!token) {
    return refuse("unknown instrument \"" + key.instrument +
                  "\"; GET /v1/instruments?query= looks it up");
  }
  if (key.of == subject::bar && std::ranges::count(options_.timeframes, key.timeframe) == 0) {
    std::string offered;
    for (const auto& tf : options_.timeframes) offered += " " + market::to_string(tf);
    return refuse("timeframe " + market::to_string(key.timeframe) +
                  " is not built here; there are:" + offered);
  }
  const auto known = derivative_of(options_.features, *token);
  if (key.of == subject::greeks && (!known || !known->option))
    return refuse(key.instrument + " is no option whose chain is followed here");
  bound.token = *token;
  if (known) bound.ends = end_of(known->expiry);
  return bound;
}

web::alert_sources alert_service::sources() const {
  const auto& a = options_.settings->alerts;
  web::alert_sources s;
  s.post = [desk = desk_](std::function<void(store::alert_book&)> job) {
    return desk->post(std::move(job));
  };
  s.bind = [this](const market::alert::rule_key& key) { return bind(key); };
  s.end_of_ticks = [streams = options_.streams]() -> result<record::position> {
    const auto tops = streams->stream_tops(record::ticks_stream());
    if (!tops) return tl::unexpected(tops.error());
    return tops->appended;
  };
  s.check_webhook = [&a](const std::string& url) { return check_webhook(a, url); };
  s.limits = {static_cast<std::size_t>(a.max_rules), static_cast<std::size_t>(a.max_webhooks)};
  return s;
}

}  // namespace artham::app

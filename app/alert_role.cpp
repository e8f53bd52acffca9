#include "app/alert_role.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/opened_store.hpp"
#include "store/postgres/alerts.hpp"
#include "store/sqlite/alerts.hpp"

namespace artham::app {

namespace {

/// An evaluator asks for one thing at a time; a node may have one for each shard.
constexpr std::size_t queued_at_most = 256;
/// Of all webhooks under way, one receiver may have so much of.
constexpr int part_of_one = 4;

web::webhook_options webhook_options_of(const config::settings::alerts_section& a) {
  web::webhook_options o;
  o.client.timeout = std::chrono::milliseconds(a.webhook_timeout / market::millisecond);
  o.client.allow_private = a.webhook_private;
  o.client.authority = a.webhook_authority;
  o.secret = a.webhook_secret;
  o.in_flight = static_cast<std::size_t>(a.webhook_in_flight);
  o.of_one = static_cast<std::size_t>(std::max(a.webhook_in_flight / part_of_one, 1));
  o.attempts = static_cast<std::uint32_t>(a.webhook_attempts);
  o.give_up = a.webhook_give_up;
  o.backoff_min = a.webhook_backoff_min;
  o.backoff_max = a.webhook_backoff_max;
  return o;
}

}  // namespace

result<std::unique_ptr<store::alert_book>> open_alert_book(const config::settings& s,
                                                           const std::filesystem::path& data) {
  if (s.store.kind == config::store_kind::postgres)
    return store::postgres::open_alerts(postgres_server_of(s));
  return store::sqlite::open_alerts(database_file(data));
}

result<std::unique_ptr<alert_role>> alert_role::start(alert_role_options o) {
  std::unique_ptr<alert_role> made(new alert_role(std::move(o)));
  const auto& options = made->options_;
  auto book = open_alert_book(*options.settings, options.data);
  if (!book) return tl::unexpected(book.error());
  made->desk_ =
      std::make_shared<actors::alert_desk>(std::move(*book), "alert-store", queued_at_most);
  const auto& a = options.settings->alerts;
  if (a.webhook_secret.empty()) return made;
  auto hooks = open_alert_book(*options.settings, options.data);
  if (!hooks) return tl::unexpected(hooks.error());
  auto sender =
      web::webhook_sender::start(webhook_options_of(a), std::move(*hooks), *options.metrics);
  if (!sender) return tl::unexpected(sender.error());
  made->sender_ = std::move(*sender);
  made->place_ = options.bell->wait([s = made->sender_.get()] { s->look(); });
  return made;
}

alert_role::~alert_role() {
  stop();
}

actors::alert_evaluator_config alert_role::evaluator(
    const stored_streams& s,
    std::function<bool(const market::alert::rule_key&, std::uint32_t token)> owns) const {
  actors::alert_evaluator_config c;
  c.journal = s.from;
  c.inputs = actors::alert_inputs(s.timeframes, s.features, s.shard, s.shards);
  c.desk = desk_;
  c.bell = options_.bell;
  c.board = board_;
  c.decoder = options_.decoder;
  c.metrics = options_.metrics;
  c.owns = std::move(owns);
  return c;
}

void alert_role::stop() {
  if (sender_) {
    options_.bell->leave(place_);
    sender_->stop();
  }
  if (desk_) desk_->stop();
}

}  // namespace artham::app

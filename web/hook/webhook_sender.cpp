#include "web/hook/webhook_sender.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/spdlog.h>

#include "runtime/log.hpp"
#include "store/alert_json.hpp"

namespace artham::web {

namespace {

using store::hook_outcome;
using store::hook_state;

constexpr std::string_view outcome_metric = "artham_alert_webhooks_total";
constexpr std::string_view outcome_help = "Webhooks that were sent, by what came of it.";
constexpr std::size_t outcome_at_most = 200;
constexpr std::size_t known_at_most = 1000;
/// What nobody has settled is due again after so many times the time that an attempt may take.
constexpr int claims_last = 3;
constexpr unsigned least_ok = 200;
constexpr unsigned most_ok = 299;

runtime::counter& outcomes(runtime::metrics& m, const char* outcome) {
  return m.counter(outcome_metric, outcome_help, {{"outcome", outcome}});
}

/// Some of those that fail together come again a little later than others.
market::duration spread(market::duration wait, std::uint64_t n) {
  constexpr std::uint64_t steps = 16;
  const auto step = static_cast<std::int64_t>(n * 0x9E3779B97F4A7C15ULL >> 60U);
  return wait + wait / 4 * step / static_cast<std::int64_t>(steps);
}

}  // namespace

std::string webhook_signature(const runtime::secret& secret, const std::string& timestamp,
                              const std::string& body) {
  const auto text = timestamp + "." + body;
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const auto& key = secret.reveal();
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "v1=";
  for (unsigned i = 0; i < size; ++i) {
    out += digits[mac[i] >> 4U];
    out += digits[mac[i] & 15U];
  }
  return out;
}

result<std::unique_ptr<webhook_sender>> webhook_sender::start(
    webhook_options options, std::unique_ptr<store::alert_book> from, runtime::metrics& metrics) {
  auto client = webhook_client::make(options.client);
  if (!client) return tl::unexpected(client.error());
  std::unique_ptr<webhook_sender> made(
      new webhook_sender(std::move(options), std::move(from), std::move(*client), metrics));
  made->thread_ = std::thread([me = made.get()] { me->run(); });
  return made;
}

webhook_sender::webhook_sender(webhook_options options, std::unique_ptr<store::alert_book> from,
                               std::unique_ptr<webhook_client> client, runtime::metrics& metrics)
    : options_(std::move(options)),
      book_(std::move(from)),
      client_(std::move(client)),
      delivered_(outcomes(metrics, "delivered")),
      failed_(outcomes(metrics, "failed")),
      given_up_(outcomes(metrics, "given_up")),
      in_flight_(metrics.gauge("artham_alert_webhooks_in_flight", "Webhooks under way.")),
      pending_(metrics.gauge("artham_alert_webhooks_pending",
                             "Alerts whose webhook was not answered with 2xx yet.")) {}

webhook_sender::~webhook_sender() {
  stop();
}

void webhook_sender::look() {
  const std::lock_guard lock(mutex_);
  look_ = true;
  wake_.notify_one();
}

void webhook_sender::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void webhook_sender::run() {
  for (;;) {
    std::vector<ended> answers;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, options_.poll, [&] { return stopping_ || look_ || !ended_.empty(); });
      look_ = false;
      answers.swap(ended_);
      if (stopping_) break;
    }
    settle(std::move(answers));
    claim();
  }
  client_->stop();
  std::vector<ended> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(ended_);
  }
  settle(std::move(answers));
  // What was broken off is due at once, for whoever looks next.
  std::vector<hook_outcome> back;
  for (const auto& [n, a] : sent_)
    back.push_back({n, hook_state::pending, options_.now(), {}, false});
  if (!back.empty()) say(book_->settle_hooks(back));
}

void webhook_sender::say(const result<void>& outcome) {
  if (outcome) {
    if (std::exchange(store_failed_, false))
      runtime::log().info("webhooks: the store answers again");
  } else if (!std::exchange(store_failed_, true)) {
    runtime::log().warn("webhooks: {}; trying until it works", outcome.error().message);
  }
}

hook_outcome webhook_sender::outcome_of(const ended& e) {
  hook_outcome o;
  o.n = e.alert.n;
  if (e.answer && *e.answer >= least_ok && *e.answer <= most_ok) {
    o.state = hook_state::delivered;
    o.text = "answered " + std::to_string(*e.answer);
    delivered_.add();
    return o;
  }
  o.text = e.answer ? "answered " + std::to_string(*e.answer) : e.answer.error().message;
  if (o.text.size() > outcome_at_most) o.text.resize(outcome_at_most);
  failed_.add();
  const auto now = options_.now();
  const auto attempts = e.alert.attempts + 1;
  if (attempts >= options_.attempts || now - e.alert.made >= options_.give_up) {
    o.state = hook_state::given_up;
    given_up_.add();
    runtime::log().warn("webhooks: alert {} of rule {} is given up after {} attempts: {}",
                        e.alert.id, e.alert.rule, attempts, o.text);
    return o;
  }
  auto wait = options_.backoff_min;
  for (std::uint32_t i = 1; i < attempts && wait < options_.backoff_max; ++i) wait *= 2;
  o.next_attempt = now + spread(std::min(wait, options_.backoff_max), e.alert.n);
  return o;
}

void webhook_sender::settle(std::vector<ended> answers) {
  for (const auto& e : answers) {
    unsettled_.push_back(outcome_of(e));
    sent_.erase(e.alert.n);
    if (--of_receiver_[e.receiver] == 0) of_receiver_.erase(e.receiver);
  }
  in_flight_.set(static_cast<std::int64_t>(sent_.size()));
  if (unsettled_.empty()) return;
  const auto done = book_->settle_hooks(unsettled_);
  say(done);
  if (done) unsettled_.clear();
}

void webhook_sender::claim() {
  // While outcomes are not written nothing more is sent: the store does not answer.
  if (sent_.size() >= options_.in_flight || !unsettled_.empty()) return;
  std::vector<std::string> full;
  for (const auto& [receiver, n] : of_receiver_) {
    const auto& urls = urls_[receiver];
    if (n >= options_.of_one) full.insert(full.end(), urls.begin(), urls.end());
  }
  const auto now = options_.now();
  const auto again = now + claims_last * std::chrono::nanoseconds(options_.client.timeout).count() +
                     5 * market::second;
  auto rows = book_->claim_hooks(now, again, options_.in_flight - sent_.size(), full);
  if (!rows) return say(tl::unexpected(rows.error()));
  std::vector<hook_outcome> back;
  for (const auto& a : *rows) {
    if (!send(a)) back.push_back({a.n, hook_state::pending, now + market::second, {}, false});
  }
  result<void> done;
  if (!back.empty()) done = book_->settle_hooks(back);
  if (const auto waiting = book_->count_pending_hooks())
    pending_.set(static_cast<std::int64_t>(*waiting));
  say(done);
  in_flight_.set(static_cast<std::int64_t>(sent_.size()));
}

bool webhook_sender::send(const store::alert_row& a) {
  const auto answer = [this, a](const std::string& receiver, result<unsigned> r) {
    const std::lock_guard lock(mutex_);
    ended_.push_back({a, receiver, std::move(r)});
    wake_.notify_one();
  };
  const auto to = parse_webhook(a.webhook);
  const auto receiver = to ? to->authority() : a.webhook;
  // Those that are not of the present are seen again when they come again.
  if (urls_.size() > known_at_most) urls_.clear();
  urls_[receiver].insert(a.webhook);
  if (const auto it = of_receiver_.find(receiver);
      it != of_receiver_.end() && it->second >= options_.of_one)
    return false;
  ++of_receiver_[receiver];
  sent_.emplace(a.n, a);
  if (!to) {
    answer(receiver, tl::unexpected(to.error()));
    return true;
  }
  webhook_client::post p;
  p.to = *to;
  p.body = store::alert_json(a, false);
  const auto timestamp = std::to_string(options_.now() / market::second);
  p.headers = {{"Artham-Alert-Id", a.id},
               {"Artham-Timestamp", timestamp},
               {"Artham-Signature", webhook_signature(options_.secret, timestamp, p.body)}};
  client_->send(std::move(p),
                [answer, receiver](result<unsigned> r) { answer(receiver, std::move(r)); });
  return true;
}

}  // namespace artham::web

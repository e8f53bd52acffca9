#include "actors/alert/alert_evaluator.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include "actors/alert/stored_rules.hpp"
#include "messages/caf_compat.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

using messages::alert_evaluator_actor;

namespace {

/// Positions that say nothing are committed after so many records at the latest.
constexpr std::uint64_t put_off_at_most = 100'000;
/// Alerts of one transaction, roughly: a rule that holds at every other tick must not fill memory.
constexpr std::size_t alerts_at_a_time = 1'000;
constexpr const char* consumer = "alerts";

alert_outcome failed(const error& e) {
  alert_outcome o;
  o.ok = false;
  o.transient = is_transient(e.code);
  o.error = e.message;
  return o;
}

}  // namespace

alert_evaluator_state::~alert_evaluator_state() {
  *ended_ = true;
}

alert_evaluator_actor::behavior_type alert_evaluator_state::start(
    alert_evaluator_actor::pointer self, alert_evaluator_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  const runtime::labels of{{"stream", config_.inputs.front().name}};
  rule_count_ = &m.gauge("artham_alert_rules", "Versions of rules that are evaluated.", of);
  broken_ = &m.gauge("artham_alert_rules_broken", "Stored rules that cannot be read.", of);
  lag_ = &m.gauge("artham_alert_lag",
                  "Durable records that are not evaluated yet, of the stream with most.", of);
  waiting_ = &m.gauge("artham_alert_waiting", "1 while the store of alerts does not answer.", of);
  fired_ = &m.counter("artham_alerts_fired_total", "Alerts stored.");
  commits_ = &m.counter("artham_alert_commits_total", "Transactions of alerts committed.");
  reloads_ = &m.counter("artham_alert_reloads_total",
                        "Times that rules were read again: at starts and when they were changed.");
  load();
  tick_later();
  return {
      [this](messages::ready_atom) {
        for (auto& c : cursors_)
          if (c.woken->exchange(false)) c.armed = false;
        advance();
      },
      [this](messages::timeout_atom) { on_time(); },
      [this](const std::shared_ptr<const alert_outcome>& o) { on_outcome(*o); },
  };
}

void alert_evaluator_state::tick_later() {
  self_->delayed_send(alert_evaluator_actor{self_}, config_.poll, messages::timeout_atom_v);
}

void alert_evaluator_state::ask(std::function<alert_outcome(store::alert_book&)> job) {
  busy_ = true;
  const alert_evaluator_actor me{self_};
  const bool taken =
      config_.desk->post([job = std::move(job), me, ended = ended_](store::alert_book& book) {
        if (*ended) return;
        caf::anon_send(me, std::make_shared<const alert_outcome>(job(book)));
      });
  if (!taken) {
    caf::anon_send(me, std::make_shared<const alert_outcome>(
                           failed({errc::full, "the queue of alerts is full or stopping"})));
  }
}

void alert_evaluator_state::load() {
  running_ = false;
  alerts_.clear();
  begun_.clear();
  records_ = 0;
  std::vector<std::string> names;
  for (const auto& i : config_.inputs) names.push_back(i.name);
  ask([names = std::move(names)](store::alert_book& book) {
    auto all = book.load(names);
    if (!all) return failed(all.error());
    alert_outcome o;
    o.loaded = std::move(*all);
    return o;
  });
}

void alert_evaluator_state::on_outcome(const alert_outcome& o) {
  busy_ = false;
  if (!o.ok) {
    on_failure(o);
    return;
  }
  if (std::exchange(waits_, false)) runtime::log().info("alerts: the store answers again");
  waiting_->set(0);
  switch (o.of) {
    case alert_outcome::what::loaded:
      on_loaded(o.loaded);
      return;
    case alert_outcome::what::version:
      if (o.version != version_) {
        load();
        return;
      }
      break;
    case alert_outcome::what::committed:
      if (!o.stands) {
        load();
        return;
      }
      on_committed();
      break;
  }
  advance();
}

void alert_evaluator_state::on_committed() {
  commits_->add();
  fired_->add(alerts_.size());
  std::vector<store::alert_position> all;
  for (auto& c : cursors_) {
    c.committed = c.at;
    c.fresh = false;
    all.push_back(c.at);
    config_.journal->passed(c.input->name, consumer, c.at.at);
  }
  config_.board->set(all);
  records_ = 0;
  begun_.clear();
  if (!alerts_.empty()) config_.bell->ring();
  alerts_.clear();
  next_commit_ = self_->clock().now() + config_.position_age;
  running_ = true;
}

void alert_evaluator_state::on_failure(const alert_outcome& o) {
  if (!o.transient) throw std::runtime_error("alerts: " + o.error);
  if (!std::exchange(waits_, true))
    runtime::log().warn("alerts: {}; trying until it works", o.error);
  waiting_->set(1);
  // Whether it was committed is not known: what the store says counts. Asked at the next time.
  running_ = false;
}

void alert_evaluator_state::on_loaded(const store::loaded_alerts& all) {
  reloads_->add();
  version_ = all.version;
  open_cursors(all.positions);
  take_rules(all.rules);
  running_ = true;
  next_commit_ = self_->clock().now() + config_.position_age;
  const bool first = std::ranges::any_of(cursors_, &cursor::fresh);
  if (first || !begun_.empty()) {
    commit();
  } else {
    advance();
  }
}

void alert_evaluator_state::open_cursors(
    const std::vector<std::optional<store::alert_position>>& positions) {
  cursors_.clear();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto& input = config_.inputs[i];
    cursor c;
    c.input = &input;
    c.fresh = !positions[i].has_value();
    c.committed = c.at = positions[i].value_or(store::no_alert_position(input.name));
    if (c.fresh) {
      // Nothing of before the first start counts: rules are made for what comes.
      const auto own = config_.journal->stream_tops(input.name);
      const auto ticks = config_.journal->stream_tops(config_.inputs.front().name);
      if (!own || !ticks) throw std::runtime_error((own ? ticks : own).error().message);
      c.at.at = own->durable;
      c.at.cause = ticks->durable;
    }
    auto reader = config_.journal->open_consumer(input.name, c.at.at, consumer);
    if (!reader) throw std::runtime_error(reader.error().message);
    c.reader = std::move(*reader);
    cursors_.push_back(std::move(c));
  }
}

void alert_evaluator_state::take_rules(const std::vector<store::stored_rule>& rules) {
  stored_.clear();
  std::vector<market::alert::bound_rule> bound;
  std::int64_t broken = 0;
  for (const auto& r : rules) {
    const auto key = market::alert::parse_rule_key(r.rule.key);
    if (key && config_.owns && !config_.owns(*key, r.rule.token)) continue;
    const auto c = std::ranges::find_if(
        cursors_, [&](const cursor& one) { return key && feeds(*one.input, *key); });
    // What watches bars that are not made here has nothing to say.
    if (key && c == cursors_.end()) continue;
    auto made = key ? bind_rule(r, c->at.cause) : tl::unexpected(key.error());
    if (!made) {
      ++broken;
      runtime::log().error("alerts: rule {} version {} is left out: {}", r.rule.id, r.rule.version,
                           made.error().message);
      continue;
    }
    if (!r.progress || r.progress->until != made->until) begun_.push_back(progress_of(*made));
    stored_.emplace(rule_name{made->id, made->version}, r.rule);
    bound.push_back(std::move(*made));
  }
  rule_count_->set(static_cast<std::int64_t>(bound.size()));
  broken_->set(broken);
  rules_ = market::alert::rule_set(std::move(bound));
}

void alert_evaluator_state::on_time() {
  tick_later();
  if (busy_) return;
  if (!running_) {
    load();
    return;
  }
  if (records_ != 0 && self_->clock().now() >= next_commit_) {
    commit();
    return;
  }
  ask([](store::alert_book& book) {
    const auto version = book.version();
    if (!version) return failed(version.error());
    alert_outcome o;
    o.of = alert_outcome::what::version;
    o.version = *version;
    return o;
  });
}

void alert_evaluator_state::advance() {
  if (!running_) return;
  bool more = true;
  while (more && alerts_.empty() && records_ < put_off_at_most) {
    more = false;
    for (auto& c : cursors_) more = pull(c) || more;
  }
  show_lag();
  if (!busy_ && (!alerts_.empty() || records_ >= put_off_at_most)) commit();
}

/// True: the stream had something.
bool alert_evaluator_state::pull(cursor& c) {
  if (c.armed || alerts_.size() >= alerts_at_a_time) return false;
  const auto blocks = c.reader->pull(config_.batch);
  if (!blocks) throw std::runtime_error(blocks.error().message);
  if (blocks->empty()) {
    c.armed = true;
    c.reader->when_ready([me = alert_evaluator_actor{self_}, woken = c.woken] {
      *woken = true;
      caf::anon_send(me, messages::ready_atom_v);
    });
    return false;
  }
  std::vector<market::alert::fired> fired;
  const auto wall = runtime::utc_now();
  for (const auto& b : *blocks) {
    auto done = evaluate(rules_, *c.input, *b, c.at.at, *config_.decoder, c.at.cause, fired);
    if (!done) throw std::runtime_error(c.input->name + ": " + done.error().message);
    c.at.at = std::max(c.at.at, b->last());
    records_ += b->count;
  }
  for (const auto& f : fired)
    alerts_.push_back(alert_row_of(f, stored_.at({f.rule, f.version}), wall));
  return true;
}

void alert_evaluator_state::commit() {
  auto alerts = std::make_shared<const std::vector<store::alert_row>>(alerts_);
  auto progress = begun_;
  for (const auto* r : rules_.changed()) {
    std::erase_if(progress, [&](const store::alert_progress& p) {
      return p.rule == r->id && p.version == r->version;
    });
    progress.push_back(progress_of(*r));
  }
  std::vector<store::alert_position> before;
  std::vector<store::alert_position> after;
  for (const auto& c : cursors_) {
    before.push_back(c.committed);
    if (c.fresh || c.at != c.committed) after.push_back(c.at);
  }
  // Until the outcome nothing more is evaluated: what is remembered belongs to these positions.
  running_ = false;
  ask([alerts, progress = std::move(progress), before = std::move(before), after = std::move(after),
       version = version_](store::alert_book& book) {
    store::alert_batch b;
    b.version = version;
    b.expected = before;
    b.positions = after;
    b.progress = progress;
    b.alerts = *alerts;
    const auto done = book.commit(b);
    if (!done) return failed(done.error());
    alert_outcome o;
    o.of = alert_outcome::what::committed;
    o.stands = *done;
    return o;
  });
}

void alert_evaluator_state::show_lag() {
  std::uint64_t largest = 0;
  for (const auto& c : cursors_) largest = std::max(largest, c.reader->lag());
  lag_->set(static_cast<std::int64_t>(largest));
}

alert_evaluator_actor::behavior_type alert_evaluator(
    alert_evaluator_actor::stateful_pointer<alert_evaluator_state> self,
    alert_evaluator_config config) {
  messages::install_handlers(self, alert_evaluator_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors

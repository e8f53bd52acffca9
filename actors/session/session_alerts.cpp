#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/session/alert_keys.hpp"
#include "actors/session/session.hpp"
#include "actors/session/text_batch.hpp"
#include "messages/protocol/json.hpp"
#include "store/alert_json.hpp"

namespace artham::actors {

using messages::batch;
using protocol::code;

namespace {

/// Alerts that are read at a time: the next when the socket has taken these.
constexpr std::size_t alerts_at_a_time = 100;
constexpr std::size_t history_at_most = 1000;

struct alert_question {
  std::string id;  ///< of the command
  std::string owner;
  std::vector<std::string> keys;
  std::size_t history = 0;
  std::optional<std::uint64_t> from;  ///< where the client was; none: it begins with what comes
};

std::string event_of(const std::string& key, const store::alert_row& a) {
  std::string out = "{\"ev\":\"alert\",\"key\":";
  protocol::append_text(out, key);
  return out + ",\"token\":\"" + alert_token(a.n) + "\",\"alert\":" + store::alert_json(a, false) +
         "}";
}

/// `{"key":"alerts","state":"live","snapshot":{"alerts":[…]}}`, or why not.
result<std::string> snapshot_of(store::alert_book& book, const alert_question& q,
                                const std::string& key, std::uint64_t upto, bool expired) {
  store::alert_query wanted;
  wanted.owner = q.owner;
  wanted.limit = q.history;
  wanted.newest_first = true;
  if (const auto id = rule_of_key(key)) {
    const auto rule = book.rule(*id);
    if (!rule) return tl::unexpected(rule.error());
    if (!*rule || (*rule)->rule.owner != q.owner) {
      return fail(errc::not_found, "there is no rule " + std::to_string(*id) +
                                       " of yours; GET /v1/alerts/rules lists them");
    }
    wanted.rule = *id;
  }
  std::string out = "{\"key\":";
  protocol::append_text(out, key);
  out += expired ? ",\"state\":\"token_expired\"" : ",\"state\":\"live\"";
  out += ",\"snapshot\":{\"alerts\":[";
  if (q.history != 0) {
    const auto rows = book.alerts(wanted);
    if (!rows) return tl::unexpected(rows.error());
    bool first = true;
    for (const auto& a : *rows) {
      if (a.n > upto) continue;
      if (!std::exchange(first, false)) out += ',';
      out += store::alert_json(a, false);
    }
  }
  return out + "]}}";
}

/// The answer to a `sub`, and where its pushes begin.
messages::found_alerts answer_to(store::alert_book& book, const alert_question& q) {
  messages::found_alerts found;
  const auto newest = book.newest();
  const auto refuse = [&](const error& e) {
    const bool gone = e.code == errc::not_found;
    found.reply = protocol::error_reply(
        {q.id, gone ? code::unknown_instrument : code::unavailable, e.message});
    found.error = e.message;
    return found;
  };
  if (!newest) return refuse(newest.error());
  const bool expired = q.from && *q.from > *newest;
  found.upto = std::min(q.from.value_or(*newest), *newest);
  found.more = true;
  std::string subs;
  for (const auto& key : q.keys) {
    const auto one = snapshot_of(book, q, key, found.upto, expired);
    if (!one) return refuse(one.error());
    subs += (subs.empty() ? "" : ",") + *one;
  }
  found.reply = "{\"id\":" + q.id + ",\"ok\":true,\"token\":\"" + alert_token(found.upto) +
                "\",\"subs\":[" + subs + "]}";
  return found;
}

/// What there is behind `after`.
messages::found_alerts next_alerts(store::alert_book& book, const std::string& owner,
                                   const std::set<std::string>& keys, std::uint64_t after) {
  messages::found_alerts found;
  found.upto = after;
  store::alert_query q;
  q.owner = owner;
  q.after = after;
  q.limit = alerts_at_a_time;
  const auto rows = book.alerts(q);
  if (!rows) {
    found.error = rows.error().message;
    return found;
  }
  for (const auto& a : *rows) {
    for (const auto& key : keys) {
      const auto rule = rule_of_key(key);
      if (!rule || *rule == a.rule) found.events.push_back(event_of(key, a));
    }
    found.upto = a.n;
  }
  found.more = rows->size() == alerts_at_a_time;
  return found;
}

}  // namespace

void session_state::subscribe_alerts(const protocol::command& c) {
  const auto no = [&](code why, const std::string& message) { refuse({c.id, why, message}); };
  if (!config_.alerts) {
    no(code::bad_request, "there are no alerts here: alerts.enabled is false");
    return;
  }
  for (const auto& key : c.keys) {
    if (!is_alert_key(key)) {
      no(code::bad_request, "\"" + key +
                                "\" is none of \"alerts\" and \"alert:RULE\", which have a "
                                "command of their own");
      return;
    }
    if (key != "alerts" && !rule_of_key(key)) {
      no(code::bad_request, "key \"" + key + "\": expected alert:RULE with a rule's number");
      return;
    }
  }
  alert_question q{c.id, config_.owner, c.keys, std::min(c.history, history_at_most), {}};
  if (c.from) {
    if (alerts_) {
      no(code::bad_request, "alerts are subscribed already: unsub them, or leave \"from\" out");
      return;
    }
    q.from = place_of_token(*c.from);
    if (!q.from) {
      no(code::bad_request, "\"from\" is no token of alerts");
      return;
    }
  } else if (alerts_) {
    // What comes is pushed for the new keys from where those before them are.
    q.from = alerts_->upto;
  }
  const auto had = alerts_ ? alerts_->keys.size() : 0;
  if (subscribed_ + had + c.keys.size() > config_.max_subscriptions) {
    no(code::too_many_subscriptions, "at most " + std::to_string(config_.max_subscriptions) +
                                         " subscriptions a session; unsub some first");
    return;
  }
  alerts_wanted_ = c.keys;
  forget_question();
  if (alerts_) alerts_->asking = true;
  const messages::session_actor me{self_};
  const bool taken = config_.alerts->post([q = std::move(q), me](store::alert_book& book) {
    caf::anon_send(me, std::make_shared<const messages::found_alerts>(answer_to(book, q)));
  });
  if (taken) return;
  if (alerts_) alerts_->asking = false;
  no(code::unavailable, "too many questions about alerts wait already; try again");
}

/// What was asked for is answered for other keys than are wanted now: it is asked anew.
void session_state::forget_question() {
  ++alert_questions_;
  if (!alerts_) return;
  alerts_->asking = false;
  alerts_->more = true;
}

void session_state::unsubscribe_alerts(const protocol::command& c) {
  if (alerts_) {
    for (const auto& key : c.keys) alerts_->keys.erase(key);
    forget_question();
    if (alerts_->keys.empty()) leave_bell();
  }
  reply("{\"id\":" + c.id + ",\"ok\":true}");
  look_for_alerts();
}

void session_state::leave_bell() {
  if (!alerts_) return;
  config_.bell->leave(alerts_->place);
  alerts_.reset();
}

void session_state::look_for_alerts() {
  if (closed_ || !alerts_ || alerts_->asking || !alerts_->more || behind()) return;
  alerts_->more = false;
  alerts_->asking = true;
  const messages::session_actor me{self_};
  const bool taken =
      config_.alerts->post([owner = config_.owner, keys = alerts_->keys, after = alerts_->upto,
                            number = ++alert_questions_, me](store::alert_book& book) {
        auto found = next_alerts(book, owner, keys, after);
        found.number = number;
        caf::anon_send(me, std::make_shared<const messages::found_alerts>(std::move(found)));
      });
  if (taken) return;
  // The bell rings again.
  alerts_->asking = false;
  alerts_->more = true;
}

void session_state::on_alerts(const messages::found_alerts& found) {
  if (closed_) return;
  if (found.number == 0) {
    if (alerts_) alerts_->asking = false;
    if (!found.error.empty()) {
      on_batch(text_batch(found.reply, batch::origin::refusal));
      look_for_alerts();
      return;
    }
    if (!alerts_) {
      alert_feed feed;
      feed.upto = found.upto;
      feed.place = config_.bell->wait(
          [me = messages::session_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
      alerts_ = std::move(feed);
    }
    for (auto& key : alerts_wanted_) alerts_->keys.insert(std::move(key));
    alerts_->more = true;
    reply(found.reply);
    look_for_alerts();
    return;
  }
  // An answer for keys that are not wanted any more, or were wanted anew meanwhile.
  if (!alerts_ || found.number != alert_questions_) return;
  alerts_->asking = false;
  if (!found.error.empty()) {
    alerts_->more = true;
    return;
  }
  alerts_->upto = found.upto;
  alerts_->more = alerts_->more || found.more;
  if (!found.events.empty()) on_batch(text_batches(found.events, batch::origin::live));
  look_for_alerts();
}

}  // namespace artham::actors

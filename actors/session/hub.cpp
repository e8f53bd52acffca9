#include "actors/session/hub.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include <caf/send.hpp>

#include "actors/bars/bar_reader.hpp"
#include "actors/features/feature_reader.hpp"
#include "messages/caf_compat.hpp"
#include "messages/protocol/command.hpp"
#include "messages/protocol/feature_json.hpp"
#include "messages/protocol/json.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

using messages::hub_actor;
using messages::value_or_throw;

namespace {

/// A snapshot goes without its unfinished bars when the bar reader has not answered by then.
constexpr std::chrono::milliseconds live_patience{500};
/// Changes of demand are gathered for so long; their time-out has the number that no request has.
constexpr std::chrono::milliseconds demand_pause{200};
constexpr std::uint64_t demand_timer = 0;

std::uint32_t token_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key >> 32U);
}
bool is_greeks(std::uint64_t key) {
  return static_cast<std::uint32_t>(key) == messages::greeks_part;
}
bool is_chain(std::uint64_t key) {
  return (key & messages::chain_part) != 0 && !is_greeks(key);
}
bool is_bar(std::uint64_t key) {
  return static_cast<std::uint32_t>(key) != 0 && (key & messages::chain_part) == 0;
}
std::uint32_t timeframe_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key) - 1;
}

/// Records of md:features that are looked at for a start: the newest chains.
constexpr std::uint64_t features_looked_back = 2'000;

/// So many records before the stream's end.
std::unique_ptr<bridge::reader> cursor_near_end(bridge::bridge& journal, const std::string& stream,
                                                std::uint64_t back) {
  const auto tops = journal.stream_tops(stream);
  auto at = tops ? tops->appended : record::position{};
  at.seq -= std::min(at.seq, back);
  if (at.seq == 0) at.epoch = 0;
  return value_or_throw(journal.open_reader(stream, at, bridge::top::appended, {}));
}
std::unique_ptr<bridge::reader> cursor_at_end(bridge::bridge& journal, const std::string& stream) {
  return cursor_near_end(journal, stream, 0);
}

/// `{"ev":"bar","key":"…","bar":…}`; append(out) writes the value.
template <class Append>
std::string value_message(std::string_view what, const std::string& key, Append&& append) {
  std::string out = "{\"ev\":\"";
  out.append(what) += "\",\"key\":";
  protocol::append_text(out, key);
  out += ",\"";
  out.append(what) += "\":";
  append(out);
  out += '}';
  return out;
}

std::string chain_message(const std::string& key, const chain_board::shown& s) {
  return value_message("chain", key,
                       [&](std::string& out) { protocol::append_chain(out, s.row, s.final); });
}

std::string greeks_message(const std::string& key, const chain_board::shown& s,
                           const market::feature::option_row& o) {
  return value_message("greeks", key,
                       [&](std::string& out) { protocol::append_greeks(out, s.row, o, s.final); });
}

std::string bar_message(const std::string& key, const market::bar& b, bool final) {
  return value_message("bar", key, [&](std::string& out) { protocol::append_bar(out, b, final); });
}

}  // namespace

hub_actor::behavior_type hub_state::start(hub_actor::pointer self, hub_config config) {
  self_ = self;
  config_ = std::move(config);
  auto& m = *config_.metrics;
  subscriptions_ = &m.gauge("artham_subscriptions", "Keys that some client wants.");
  lag_ =
      &m.gauge("artham_reader_lag", "Records of the stream that the consumer has not pulled yet.",
               {{"consumer", "hub"}});
  messages_ = &m.counter("artham_messages_pushed_total", "Messages given to sessions.");
  reader_ = {config_.names, std::string(bar_reader_name)};
  ticks_ = cursor_at_end(*config_.journal, record::ticks_stream());
  for (const auto& tf : config_.timeframes) {
    finals_.push_back(
        cursor_at_end(*config_.journal, record::final_bars_stream(market::to_string(tf))));
  }
  if (config_.features) {
    feature_reader_ = {config_.names, std::string(feature_reader_name)};
    board_ = std::make_unique<chain_board>(config_.features);
    features_ = cursor_near_end(*config_.journal, record::features_stream(), features_looked_back);
  }
  letters_ = value_or_throw(
      config_.journal->open_reader(record::dead_letters_stream(), {}, bridge::top::appended, {}));
  caf::anon_send(hub_actor{self}, messages::ready_atom_v);
  demand_changed();
  return {
      [this](const messages::live_batch_ptr& batch) { on_live(*batch); },
      [this](const messages::live_chains_ptr& chains) { on_live_chains(*chains); },
      [this](messages::ready_atom) { on_ready(); },
      [this](const messages::subscribe_request_ptr& request) { subscribe(request); },
      [this](messages::unsubscribe_atom, const messages::session_actor& who,
             const std::vector<std::uint64_t>& keys) { unsubscribe(who.address(), keys); },
      [this](messages::closed_atom, const messages::session_actor& who) { forget(who.address()); },
      [this](const messages::history_answer_ptr& answer) {
        const auto it = pending_.find(answer->request);
        if (it == pending_.end()) return;
        if (!answer->error.empty()) {
          refuse(answer->request, answer->error);
          return;
        }
        it->second.history = answer->bars;
        it->second.history_there = true;
        complete_if_ready(answer->request);
      },
      [this](messages::timeout_atom, std::uint64_t id) {
        if (id == demand_timer) {
          tell_demand();
          return;
        }
        const auto it = pending_.find(id);
        if (it == pending_.end()) return;
        it->second.unwatched.clear();
        complete_if_ready(id);
      },
  };
}

void hub_state::greet_reader() {
  if (config_.features) {
    const auto& features = feature_reader_.get();
    if (features && features.address() != greeted_features_) {
      greeted_features_ = features.address();
      self_->send(features, messages::credit_atom_v);
      for (const auto& entry : watched_chains_)
        self_->send(features, messages::watch_atom_v, entry.first, true);
    }
  }
  const auto& reader = reader_.get();
  if (!reader || reader.address() == greeted_) return;
  greeted_ = reader.address();
  live_.clear();
  self_->send(reader, messages::credit_atom_v);
  for (const auto& [token, mask] : masks_) self_->send(reader, messages::watch_atom_v, token, mask);
}

void hub_state::on_ready() {
  greet_reader();
  read_ticks();
  read_finals();
  read_features();
  read_letters();
  flush();
}

void hub_state::read_ticks() {
  for (;;) {
    auto blocks = value_or_throw(ticks_->pull(config_.batch));
    if (blocks.empty()) break;
    for (const auto& b : blocks) {
      auto mark = b->marks.begin();
      record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
        if (h.kind == record::kind::mark && mark != b->marks.end()) {
          on_mark(*mark++);
          return;
        }
        if (h.kind == record::kind::packed_ticks) take_packed(h, {b->epoch, seq}, body);
        if (h.kind != record::kind::kite_frame) return;
        feed_live_ = !feed_lost_;
        config_.decoder->packet_views(body, {b->epoch, seq},
                                      [&](record::position, std::string_view bytes) {
                                        const auto token = config_.decoder->token(bytes);
                                        auto& p = last_of(token);
                                        p.bytes.assign(bytes);
                                        p.receive = record::receive_time(h);
                                        publish_tick(token);
                                      });
      });
      // A damaged block has no records, but a mark that says so.
      while (mark != b->marks.end()) on_mark(*mark++);
    }
  }
  lag_->set(static_cast<std::int64_t>(ticks_->lag()));
  ticks_->when_ready([me = hub_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
}

void hub_state::take_packed(const record::header& h, record::position first,
                            std::string_view body) {
  packed_.clear();
  auto decoded = record::decode_ticks(first, body, packed_);
  if (!decoded) throw std::runtime_error(decoded.error().message);
  for (const auto& t : packed_) {
    auto& p = last_of(t.token);
    p.bytes.clear();
    p.packed = t;
    p.receive = record::receive_time(h);
    publish_tick(t.token);
  }
}

hub_state::packet& hub_state::last_of(std::uint32_t token) {
  const auto slot = slots_.slot(token);
  if (slot >= last_.size()) last_.resize(slot + 1);
  return last_[slot];
}

void hub_state::publish_tick(std::uint32_t token) {
  const auto it = topics_.find(messages::tick_key(token));
  if (it != topics_.end())
    publish(it->first, tick_message(it->second, last_[slots_.find(token)]), true);
}

void hub_state::read_finals() {
  for (std::uint32_t tf = 0; tf < finals_.size(); ++tf) {
    auto& cursor = finals_[tf];
    for (;;) {
      auto blocks = value_or_throw(cursor->pull(config_.batch));
      if (blocks.empty()) break;
      for (const auto& b : blocks) {
        if (b->damaged) tell_missed(tf);
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
          auto bar = value_or_throw(record::decode_bar(h, body));
          const auto key = messages::bar_key(bar.bar.token, tf);
          if (const auto it = live_.find(key);
              it != live_.end() && it->second.start <= bar.bar.start)
            live_.erase(it);
          if (auto& f = finished_[key]; f.start <= bar.bar.start) f = {bar.bar.start, bar.bar.last};
          if (const auto it = topics_.find(key); it != topics_.end()) {
            publish(key, bar_message(it->second.text, bar.bar, true), false);
          }
          tail_.push_back({key, bar});
        });
        runtime::failpoint("hub.finals");
      }
    }
    cursor->when_ready([me = hub_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
  }
  while (tail_.size() > config_.tail_bars) tail_.pop_front();
}

void hub_state::tell_missed(std::uint32_t timeframe) {
  for (const auto& [key, t] : topics_) {
    if (!is_bar(key) || timeframe_of(key) != timeframe) continue;
    const auto newest = finished_.find(key);
    const auto from = newest == finished_.end() ? market_time_ : newest->second.start;
    std::string out = "{\"ev\":\"gap\",\"key\":";
    protocol::append_text(out, t.text);
    out += ",\"from\":" + std::to_string(from / market::microsecond) +
           ",\"to\":" + std::to_string(std::max(from, market_time_) / market::microsecond) +
           ",\"cause\":\"missed\"}";
    publish(key, std::move(out), false);
  }
}

void hub_state::read_features() {
  if (!features_) return;
  for (;;) {
    const auto blocks = value_or_throw(features_->pull(config_.batch));
    if (blocks.empty()) break;
    for (const auto& b : blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        if (h.kind != record::kind::chain) return;
        auto r = value_or_throw(record::decode_feature(h, body));
        show_chain(std::move(std::get<market::feature::chain_row>(r.row)), true);
      });
    }
  }
  features_->when_ready([me = hub_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
}

void hub_state::show_chain(market::feature::chain_row row, bool final) {
  const auto key = board_->take(std::move(row), final);
  if (!key) return;
  const auto& s = *board_->chain(*key);
  if (const auto it = topics_.find(*key); it != topics_.end() && !it->second.clients.empty())
    publish(*key, chain_message(it->second.text, s), true);
  if (greeks_topics_ == 0) return;
  for (const auto& o : s.row.options) {
    const auto it = topics_.find(messages::greeks_key(o.token));
    if (it != topics_.end()) publish(it->first, greeks_message(it->second.text, s, o), true);
  }
}

void hub_state::on_live_chains(const messages::live_chains& chains) {
  for (const auto& c : chains) show_chain(c, false);
  if (const auto& reader = feature_reader_.get()) self_->send(reader, messages::credit_atom_v);
  flush();
}

const market::feature::group_plan* hub_state::underlying_of(std::uint64_t key) const {
  if (!board_ || !(is_chain(key) || is_greeks(key))) return nullptr;
  return is_chain(key) ? board_->group(token_of(key)) : board_->group_of_option(token_of(key));
}

void hub_state::demand_changed() {
  if (!config_.on_demand || std::exchange(tells_demand_, true)) return;
  self_->delayed_send(hub_actor{self_}, demand_pause, messages::timeout_atom_v, demand_timer);
}

void hub_state::tell_demand() {
  tells_demand_ = false;
  std::vector<std::uint32_t> tokens;
  for (const auto& entry : topics_) add_demand(entry.first, tokens);
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  config_.on_demand(std::move(tokens));
}

void hub_state::add_demand(std::uint64_t key, std::vector<std::uint32_t>& tokens) const {
  const auto* const group = underlying_of(key);
  if (group == nullptr) {
    if (!is_chain(key)) tokens.push_back(token_of(key));
    return;
  }
  // A chain takes all options of its expiry, and what tells the forward.
  std::optional<market::date> expiry;
  if (is_chain(key)) expiry = market::date{static_cast<std::int32_t>(key & ~messages::chain_part)};
  for (const auto& o : group->options) {
    if (!is_chain(key) && o.what.token == token_of(key)) expiry = o.expiry;
  }
  if (group->spot != 0) tokens.push_back(group->spot);
  for (const auto& f : group->futures) tokens.push_back(f.token);
  for (const auto& o : group->options) {
    if (expiry && o.expiry == *expiry) tokens.push_back(o.what.token);
  }
}

void hub_state::on_topic(std::uint64_t key, bool added) {
  demand_changed();
  const auto count = [added](std::size_t& n) { added ? ++n : --n; };
  if (is_greeks(key)) count(greeks_topics_);
  const auto* const group = underlying_of(key);
  if (group == nullptr) return;
  auto& topics = watched_chains_[group->name];
  count(topics);
  const bool changed = topics == (added ? 1U : 0U);
  if (topics == 0) watched_chains_.erase(group->name);
  const auto& reader = feature_reader_.get();
  if (changed && reader) self_->send(reader, messages::watch_atom_v, group->name, added);
}

void hub_state::read_letters() {
  for (;;) {
    const auto blocks = value_or_throw(letters_->pull(config_.batch));
    if (blocks.empty()) break;
    for (const auto& b : blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        const auto l = value_or_throw(record::decode_dead_letter(h, body));
        if (l.what == record::letter_kind::lifted) stopped_.erase(l.token);
        if (l.what != record::letter_kind::actor) return;
        if (!stopped_.try_emplace(l.token, l.time).second) return;
        for (const auto& [key, t] : topics_) {
          if (is_bar(key) && token_of(key) == l.token) publish(key, stop_message(t, l.time), false);
        }
      });
    }
  }
  letters_->when_ready([me = hub_actor{self_}] { caf::anon_send(me, messages::ready_atom_v); });
}

void hub_state::on_mark(const market::mark& m) {
  market_time_ = std::max(market_time_, m.time);
  const bool was_live = feed_live_;
  if (m.kind == market::mark_kind::gap && !m.tokens.empty()) return on_partial_gap(m);
  if (m.kind == market::mark_kind::subscription && m.flag != 0 && !lost_.empty())
    return set_lost(m.tokens, false);
  if (m.kind == market::mark_kind::gap) {
    // This host's clock goes on while the feed is lost: a clock mark says nothing of the feed then.
    feed_lost_ = m.flag == market::gap_begins;
    if (!feed_lost_) lost_.clear();
  } else if (m.kind == market::mark_kind::epoch) {
    feed_lost_ = false;
    lost_.clear();
  }
  feed_live_ = !feed_lost_;
  if (m.kind == market::mark_kind::gap && m.flag != market::gap_begins) {
    const auto frame = std::make_shared<const std::string>("{\"ev\":\"gap\"," + loss_text(m));
    for (auto& entry : clients_) entry.second.out.push_back({frame, 0, false, false});
  }
  if (was_live != feed_live_) publish_states();
}

void hub_state::on_partial_gap(const market::mark& m) {
  set_lost(m.tokens, m.flag == market::gap_begins);
  if (m.flag == market::gap_begins) return;
  for (const auto& [key, t] : topics_) {
    if (!is_made_of(key, m.tokens)) continue;
    std::string out = "{\"ev\":\"gap\",\"key\":";
    protocol::append_text(out, t.text);
    publish(key, out + "," + loss_text(m), false);
  }
}

void hub_state::set_lost(const std::vector<std::uint32_t>& tokens, bool lost) {
  std::vector<std::pair<std::uint64_t, std::string_view>> before;
  for (const auto& entry : topics_) {
    if (is_made_of(entry.first, tokens)) before.emplace_back(entry.first, data_state(entry.first));
  }
  for (const auto token : tokens) {
    if (lost) {
      lost_.insert(token);
    } else {
      lost_.erase(token);
    }
  }
  for (const auto& [key, was] : before) {
    if (data_state(key) != was) publish(key, state_message(key, topics_.at(key)), false);
  }
}

bool hub_state::is_made_of(std::uint64_t key, const std::vector<std::uint32_t>& tokens) const {
  std::vector<std::uint32_t> own;
  add_demand(key, own);
  return std::ranges::any_of(
      own, [&](std::uint32_t token) { return std::ranges::binary_search(tokens, token); });
}

std::string hub_state::loss_text(const market::mark& m) {
  return "\"from\":" + std::to_string(m.from / market::microsecond) +
         ",\"to\":" + std::to_string(m.time / market::microsecond) + ",\"cause\":\"" +
         std::string(market::to_string(m.cause)) + "\"}";
}

void hub_state::on_live(const messages::live_batch& batch) {
  for (const auto& l : batch.bars) {
    const auto key = messages::bar_key(l.bar.token, l.timeframe);
    const auto it = topics_.find(key);
    if (it == topics_.end()) continue;
    const auto f = finished_.find(key);
    if (f != finished_.end() && l.bar.start <= f->second.start && l.bar.last <= f->second.last)
      continue;
    live_.insert_or_assign(key, l.bar);
    publish(key, bar_message(it->second.text, l.bar, false), true);
  }
  if (const auto& reader = reader_.get()) self_->send(reader, messages::credit_atom_v);
  if (!batch.watched.empty() && !pending_.empty()) {
    std::vector<std::uint64_t> waiting;
    for (auto& entry : pending_) {
      for (const auto token : batch.watched) entry.second.unwatched.erase(token);
      waiting.push_back(entry.first);
    }
    for (const auto id : waiting) complete_if_ready(id);
  }
  flush();
}

void hub_state::subscribe(const messages::subscribe_request_ptr& request) {
  greet_reader();
  const auto id = next_request_++;
  pending& p = pending_[id];
  p.request = request;
  std::set<std::uint32_t> fresh;
  for (const auto& w : request->keys) {
    // A topic without clients yet: unfinished bars may come before the snapshot is complete.
    if (topics_.try_emplace(w.key, topic{w.text, {}}).second) on_topic(w.key, true);
    if (!is_bar(w.key)) continue;
    auto& mask = masks_[token_of(w.key)];
    const auto bit = 1U << timeframe_of(w.key);
    if ((mask & bit) == 0) {
      mask |= bit;
      fresh.insert(token_of(w.key));
    }
  }
  if (reader_.get()) {
    for (const auto token : fresh) {
      watch(token);
      p.unwatched.insert(token);
    }
  }
  subscriptions_->set(static_cast<std::int64_t>(topics_.size()));
  if (!p.unwatched.empty())
    self_->delayed_send(hub_actor{self_}, live_patience, messages::timeout_atom_v, id);
  if (!read_history(id, p)) {
    refuse(id, "too many requests for history wait already; try again");
    return;
  }
  complete_if_ready(id);
}

void hub_state::watch(std::uint32_t token) {
  const auto it = masks_.find(token);
  const auto mask = it == masks_.end() ? 0 : it->second;
  if (const auto& reader = reader_.get()) self_->send(reader, messages::watch_atom_v, token, mask);
}

bool hub_state::read_history(std::uint64_t id, pending& p) {
  auto& request = *p.request;
  const bool wanted =
      request.history != 0 && std::any_of(request.keys.begin(), request.keys.end(),
                                          [](const auto& w) { return is_bar(w.key); });
  if (!wanted) {
    p.history.resize(request.keys.size());
    p.history_there = true;
    return true;
  }
  return config_.store_thread->post([store = config_.store, request = p.request, id,
                                     timeframes = config_.timeframes, me = hub_actor{self_}] {
    auto answer = std::make_shared<messages::history_answer>();
    answer->request = id;
    for (const auto& w : request->keys) {
      auto& bars = answer->bars.emplace_back();
      if (!is_bar(w.key)) continue;
      store::bar_query q;
      q.token = token_of(w.key);
      q.timeframe = timeframes[timeframe_of(w.key)];
      q.limit = request->history;
      q.newest_first = true;
      auto found = store->bars(q);
      if (found) {
        bars = std::move(*found);
      } else {
        answer->error = found.error().message;
      }
    }
    caf::anon_send(me, messages::history_answer_ptr(std::move(answer)));
  });
}

void hub_state::refuse(std::uint64_t id, const std::string& why) {
  const auto node = pending_.extract(id);
  const auto& request = *node.mapped().request;
  protocol::refusal r{request.id, protocol::code::unavailable, why};
  const std::vector<messages::push> answer{
      {std::make_shared<const std::string>(protocol::error_reply(r)), 0, false, true, true}};
  self_->send(request.session, std::make_shared<const std::vector<messages::push>>(answer));
  for (const auto& w : request.keys) drop_if_unwanted(w.key);
}

void hub_state::complete_if_ready(std::uint64_t id) {
  const auto it = pending_.find(id);
  if (it != pending_.end() && it->second.history_there && it->second.unwatched.empty())
    complete(id);
}

void hub_state::complete(std::uint64_t id) {
  const auto node = pending_.extract(id);
  const pending& p = node.mapped();
  // Everything that the streams have by now is in the snapshot; what comes after is pushed.
  read_ticks();
  read_finals();
  read_features();
  const auto who = p.request->session.address();
  auto& c = clients_[who];
  c.handle = p.request->session;
  std::string out = "{\"id\":" + p.request->id + ",\"ok\":true,\"subs\":[";
  for (std::size_t i = 0; i < p.request->keys.size(); ++i) {
    const auto& w = p.request->keys[i];
    if (i != 0) out += ',';
    out += snapshot_of(w, p.history[i], p.request->history);
    c.keys.insert(w.key);
    topics_.at(w.key).clients.insert(who);  // kept while the request was pending
  }
  out += "]}";
  c.out.push_back({std::make_shared<const std::string>(std::move(out)), 0, false, true});
  for (const auto& w : p.request->keys) {
    const auto stopped = stopped_.find(token_of(w.key));
    if (stopped == stopped_.end() || !is_bar(w.key)) continue;
    const auto& t = topics_.at(w.key);
    c.out.push_back({std::make_shared<const std::string>(stop_message(t, stopped->second)), w.key,
                     false, false});
  }
  flush();
}

std::string hub_state::snapshot_of(const messages::subscribe_request::wanted& w,
                                   const std::vector<record::bar_record>& history,
                                   std::size_t history_wanted) {
  std::string out = "{\"key\":";
  protocol::append_text(out, w.text);
  out += ",\"state\":\"" + std::string(data_state(w.key)) + "\",\"snapshot\":{";
  if (is_chain(w.key)) {
    if (const auto* const s = board_->chain(w.key)) {
      out += "\"chain\":";
      protocol::append_chain(out, s->row, s->final);
    }
    return out + "}}";
  }
  if (is_greeks(w.key)) {
    if (const auto o = board_->option(token_of(w.key))) {
      out += "\"greeks\":";
      protocol::append_greeks(out, o->chain->row, *o->option, o->chain->final);
    }
    return out + "}}";
  }
  if (!is_bar(w.key)) {
    const auto slot = slots_.find(token_of(w.key));
    if (slot != token_slots::none) {
      out += "\"tick\":";
      protocol::append_tick(out, tick_of(last_[slot]), last_[slot].receive);
    }
    return out + "}}";
  }
  // The store's bars, those that it does not have yet, and the unfinished one: each start once, the
  // newest revision, without those that were withdrawn.
  std::map<market::timestamp, const market::bar*> bars;
  for (const auto& b : history) bars[b.bar.start] = &b.bar;
  for (const auto& t : tail_) {
    if (t.key != w.key) continue;
    auto& at = bars[t.bar.bar.start];
    if (at == nullptr || at->revision <= t.bar.bar.revision) at = &t.bar.bar;
  }
  std::erase_if(bars, [](const auto& entry) { return entry.second->ticks == 0; });
  while (bars.size() > history_wanted) bars.erase(bars.begin());
  const auto live = live_.find(w.key);
  const bool unfinished = live != live_.end() && !bars.contains(live->second.start);
  out += "\"bars\":[";
  bool first = true;
  for (const auto& entry : bars) {
    if (!std::exchange(first, false)) out += ',';
    protocol::append_bar(out, *entry.second, true);
  }
  if (unfinished) {
    if (!first) out += ',';
    protocol::append_bar(out, live->second, false);
  }
  return out + "]}}";
}

std::string_view hub_state::data_state(std::uint64_t key) const {
  if (!feed_live_ || is_lost(key)) return "waiting_feed";
  const auto calendar =
      is_chain(key) ? underlying_of(key)->cal : config_.instruments->calendar_of(token_of(key));
  if (calendar && market_time_ != 0 && !calendar->session_at(market_time_)) return "market_closed";
  const bool nothing_yet = is_chain(key) ? board_->chain(key) == nullptr
                                         : slots_.find(token_of(key)) == token_slots::none;
  if (nothing_yet) return "no_ticks_since";
  return "live";
}

bool hub_state::is_lost(std::uint64_t key) const {
  if (lost_.empty()) return false;
  std::vector<std::uint32_t> own;
  add_demand(key, own);
  return std::ranges::any_of(own, [&](std::uint32_t token) { return lost_.contains(token); });
}

std::string hub_state::state_message(std::uint64_t key, const topic& t) const {
  std::string out = "{\"ev\":\"state\",\"key\":";
  protocol::append_text(out, t.text);
  return out + ",\"state\":\"" + std::string(data_state(key)) + "\"}";
}

std::string hub_state::stop_message(const topic& t, market::timestamp since) {
  std::string out = "{\"ev\":\"gap\",\"key\":";
  protocol::append_text(out, t.text);
  out += ",\"from\":" + std::to_string(since / market::microsecond) + ",\"cause\":\"quarantined\"}";
  return out;
}

std::string hub_state::tick_message(const topic& t, const packet& p) const {
  return value_message(
      "tick", t.text, [&](std::string& out) { protocol::append_tick(out, tick_of(p), p.receive); });
}

market::tick hub_state::tick_of(const packet& p) const {
  if (!p.bytes.empty()) return config_.decoder->decode(p.bytes);
  market::tick t;
  t.token = p.packed.token;
  t.last = p.packed.last;
  t.exchange_time = p.packed.time;
  return t;
}

void hub_state::publish(std::uint64_t key, std::string json, bool replaceable) {
  const auto it = topics_.find(key);
  if (it == topics_.end() || it->second.clients.empty()) return;
  const auto frame = std::make_shared<const std::string>(std::move(json));
  for (const auto& who : it->second.clients)
    clients_[who].out.push_back({frame, key, replaceable, false});
}

void hub_state::publish_states() {
  for (const auto& [key, t] : topics_) publish(key, state_message(key, t), false);
}

void hub_state::flush() {
  for (auto& entry : clients_) {
    auto& c = entry.second;
    if (c.out.empty()) continue;
    messages_->add(c.out.size());
    self_->send(c.handle,
                std::make_shared<const std::vector<messages::push>>(std::exchange(c.out, {})));
  }
}

void hub_state::unsubscribe(const caf::actor_addr& who, const std::vector<std::uint64_t>& keys) {
  const auto it = clients_.find(who);
  if (it == clients_.end()) return;
  for (const auto key : keys) {
    it->second.keys.erase(key);
    if (const auto t = topics_.find(key); t != topics_.end()) t->second.clients.erase(who);
    drop_if_unwanted(key);
  }
}

void hub_state::drop_if_unwanted(std::uint64_t key) {
  const auto t = topics_.find(key);
  if (t == topics_.end() || !t->second.clients.empty()) return;
  const bool awaited = std::any_of(pending_.begin(), pending_.end(), [key](const auto& p) {
    const auto& wanted = p.second.request->keys;
    return std::any_of(wanted.begin(), wanted.end(), [key](const auto& w) { return w.key == key; });
  });
  if (awaited) return;
  topics_.erase(t);
  on_topic(key, false);
  live_.erase(key);
  subscriptions_->set(static_cast<std::int64_t>(topics_.size()));
  if (!is_bar(key)) return;
  const auto token = token_of(key);
  auto& mask = masks_[token];
  mask &= ~(1U << timeframe_of(key));
  if (mask == 0) masks_.erase(token);
  watch(token);
}

void hub_state::forget(const caf::actor_addr& who) {
  std::vector<std::uint64_t> keys;
  std::erase_if(pending_, [&](const auto& p) {
    if (p.second.request->session.address() != who) return false;
    for (const auto& w : p.second.request->keys) keys.push_back(w.key);
    return true;
  });
  if (const auto it = clients_.find(who); it != clients_.end()) {
    keys.insert(keys.end(), it->second.keys.begin(), it->second.keys.end());
    unsubscribe(who, keys);
    clients_.erase(it);
  }
  for (const auto key : keys) drop_if_unwanted(key);
}

hub_actor::behavior_type hub(hub_actor::stateful_pointer<hub_state> self, hub_config config) {
  messages::install_handlers(self, hub_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors

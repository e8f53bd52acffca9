#include "actors/session/newest_values.hpp"

#include <algorithm>
#include <utility>

#include "actors/session/key_parts.hpp"
#include "actors/session/key_tokens.hpp"
#include "actors/session/packet_frames.hpp"
#include "messages/protocol/feature_json.hpp"
#include "messages/protocol/json.hpp"

namespace artham::actors {

newest_values::newest_values(config c) : config_(std::move(c)) {
  if (config_.features) board_ = std::make_unique<chain_board>(config_.features);
}

newest_values::packet& newest_values::last_of(std::uint32_t token) {
  const auto slot = slots_.slot(token);
  if (slot >= last_.size()) last_.resize(slot + 1);
  return last_[slot];
}

void newest_values::take_packet(std::uint32_t token, std::string_view bytes,
                                market::timestamp receive) {
  auto& p = last_of(token);
  p.bytes.assign(bytes);
  p.receive = receive;
}

void newest_values::take_packed(const market::bar_input& t, market::timestamp receive) {
  auto& p = last_of(t.token);
  p.bytes.clear();
  p.packed = t;
  p.receive = receive;
}

newest_values::news newest_values::news_of(std::uint32_t token, std::string_view bytes) const {
  const auto* const before = newest(token);
  if (before == nullptr) return {};
  const auto differs = [&](protocol::ticker_mode mode) {
    return protocol::in_mode(before->bytes, mode) != protocol::in_mode(bytes, mode);
  };
  return {differs(protocol::ticker_mode::ltp), differs(protocol::ticker_mode::quote)};
}

bool newest_values::append_newest_packet(std::string& out, std::uint32_t token,
                                         protocol::ticker_mode mode) const {
  const auto* const p = newest(token);
  if (p == nullptr) return false;
  if (p->bytes.empty()) return append_price_packet(out, token, p->packed.last);
  append_packet(out, protocol::in_mode(p->bytes, mode));
  return true;
}

const newest_values::packet* newest_values::newest(std::uint32_t token) const {
  const auto slot = slots_.find(token);
  return slot == token_slots::none ? nullptr : &last_[slot];
}

market::tick newest_values::tick_of(const packet& p) const {
  if (!p.bytes.empty()) return config_.decoder->decode(p.bytes);
  market::tick t;
  t.token = p.packed.token;
  t.last = p.packed.last;
  t.exchange_time = p.packed.time;
  return t;
}

protocol::message_times newest_values::times_of(std::uint32_t token) const {
  const auto* const p = newest(token);
  if (p == nullptr) return {};
  return {tick_of(*p).exchange_time, p->receive, 0};
}

void newest_values::take_final(std::uint64_t key, const record::bar_record& r) {
  const auto& bar = r.bar;
  if (const auto it = live_.find(key); it != live_.end() && it->second.start <= bar.start)
    live_.erase(it);
  if (auto& f = finished_[key]; f.start <= bar.start) f = {bar.start, bar.last};
  tails_[key].push_back(bar);
  tail_order_.push_back(key);
  if (tail_order_.size() <= config_.tail_bars) return;
  const auto it = tails_.find(tail_order_.front());
  tail_order_.pop_front();
  it->second.pop_front();
  if (it->second.empty()) tails_.erase(it);
}

bool newest_values::take_live(std::uint64_t key, const market::bar& bar) {
  const auto f = finished_.find(key);
  if (f != finished_.end() && bar.start <= f->second.start && bar.last <= f->second.last)
    return false;
  live_.insert_or_assign(key, bar);
  return true;
}

const market::bar* newest_values::live(std::uint64_t key) const {
  const auto it = live_.find(key);
  return it == live_.end() ? nullptr : &it->second;
}

bool newest_values::take_mark(const market::mark& m) {
  market_time_ = std::max(market_time_, m.time);
  const bool was_live = feed_live_;
  if (m.kind == market::mark_kind::gap && !m.tokens.empty()) {
    // One of the feed's connections.
    for (const auto token : m.tokens) {
      if (m.flag == market::gap_begins)
        lost_.insert(token);
      else
        lost_.erase(token);
    }
    return true;
  }
  if (m.kind == market::mark_kind::subscription && m.flag != 0 && !lost_.empty()) {
    // What is subscribed anew comes from elsewhere.
    for (const auto token : m.tokens) lost_.erase(token);
    return true;
  }
  if (m.kind == market::mark_kind::gap) {
    // This host's clock goes on while the feed is lost: a clock mark says nothing of the feed then.
    feed_lost_ = m.flag == market::gap_begins;
    if (!feed_lost_) lost_.clear();
  } else if (m.kind == market::mark_kind::epoch) {
    feed_lost_ = false;
    lost_.clear();
  }
  feed_live_ = !feed_lost_;
  return was_live != feed_live_;
}

std::string_view newest_values::state_of(std::uint64_t key) const {
  if (is_of_replay(key)) return config_.live_state;
  if (!feed_live_ || is_lost(key)) return "waiting_feed";
  const auto calendar = is_chain(key) ? underlying_of(key, config_.features.get())->cal
                                      : config_.instruments->calendar_of(token_of(key));
  if (calendar && market_time_ != 0 && !calendar->session_at(market_time_)) return "market_closed";
  const bool nothing_yet =
      is_chain(key) ? board_->chain(key) == nullptr : newest(token_of(key)) == nullptr;
  return nothing_yet ? "no_ticks_since" : config_.live_state;
}

bool newest_values::is_lost(std::uint64_t key) const {
  if (lost_.empty()) return false;
  std::vector<std::uint32_t> own;
  append_tokens_of(key, config_.features.get(), own);
  return std::ranges::any_of(own, [&](std::uint32_t token) { return lost_.contains(token); });
}

market::timestamp newest_values::newest_final(std::uint64_t key) const {
  const auto it = finished_.find(key);
  return it == finished_.end() ? 0 : it->second.start;
}

std::optional<market::timestamp> newest_values::stopped(std::uint64_t key) const {
  if (!is_bar(key)) return std::nullopt;
  const auto it = stopped_.find(token_of(key));
  if (it == stopped_.end()) return std::nullopt;
  return it->second;
}

bool newest_values::append_newest(std::string& out, std::uint64_t key,
                                  const message_style& style) const {
  if (is_chain(key)) {
    const auto* const s = board_->chain(key);
    if (s == nullptr) return false;
    append_chain_message(out, key, style, *s);
    return true;
  }
  if (is_greeks(key)) {
    const auto o = board_->option(token_of(key));
    if (!o) return false;
    append_greeks_message(out, key, style, *o->chain, *o->option);
    return true;
  }
  if (is_bar(key)) {
    const auto* const b = live(key);
    if (b == nullptr) return false;
    append_bar_message(out, key, style, *b, false,
                       style.times ? times_of(token_of(key)) : protocol::message_times{});
    return true;
  }
  const auto* const p = newest(token_of(key));
  if (p == nullptr) return false;
  append_tick_message(out, key, style, tick_of(*p), p->receive);
  return true;
}

std::string newest_values::snapshot(std::uint64_t key,
                                    const std::vector<record::bar_record>& history,
                                    std::size_t wanted) const {
  if (is_bar(key)) return bars_snapshot(key, history, wanted);
  std::string out = "{";
  if (is_chain(key)) {
    if (const auto* const s = board_->chain(key)) {
      out += "\"chain\":";
      protocol::append_chain(out, s->row, s->final);
    }
  } else if (is_greeks(key)) {
    if (const auto o = board_->option(token_of(key))) {
      out += "\"greeks\":";
      protocol::append_greeks(out, o->chain->row, *o->option, o->chain->final);
    }
  } else if (const auto* const p = newest(token_of(key))) {
    out += "\"tick\":";
    protocol::append_tick(out, tick_of(*p), p->receive);
  }
  return out + "}";
}

std::string newest_values::bars_snapshot(std::uint64_t key,
                                         const std::vector<record::bar_record>& history,
                                         std::size_t wanted) const {
  // The store's bars, those that it does not have yet, and the unfinished one: each start once, the
  // newest revision, without those that were withdrawn.
  std::map<market::timestamp, const market::bar*> bars;
  for (const auto& b : history) bars[b.bar.start] = &b.bar;
  if (const auto tail = tails_.find(key); tail != tails_.end()) {
    for (const auto& b : tail->second) {
      auto& at = bars[b.start];
      if (at == nullptr || at->revision <= b.revision) at = &b;
    }
  }
  std::erase_if(bars, [](const auto& entry) { return entry.second->ticks == 0; });
  while (bars.size() > wanted) bars.erase(bars.begin());
  const auto* const unfinished = live(key);
  std::string out = "{\"bars\":[";
  bool first = true;
  for (const auto& entry : bars) {
    if (!std::exchange(first, false)) out += ',';
    protocol::append_bar(out, *entry.second, true);
  }
  if (unfinished != nullptr && !bars.contains(unfinished->start)) {
    if (!first) out += ',';
    protocol::append_bar(out, *unfinished, false);
  }
  return out + "]}";
}

}  // namespace artham::actors

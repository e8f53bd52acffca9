#include <algorithm>
#include <chrono>
#include <utility>

#include <caf/send.hpp>

#include "actors/session/hub.hpp"
#include "actors/session/key_parts.hpp"
#include "actors/session/packet_frames.hpp"
#include "messages/protocol/command.hpp"
#include "messages/protocol/frame.hpp"
#include "messages/protocol/json.hpp"

namespace artham::actors {

using messages::batch;
using std::chrono::milliseconds;

namespace {

/// A snapshot goes without its unfinished bars when the bar reader has not answered by then.
constexpr milliseconds live_patience{500};
/// Bars that the store still has and that were withdrawn since.
constexpr std::size_t withdrawn_at_most = 16;
/// What may go only every so often is looked at after this time at the latest: CAF does not take
/// back a message that waits for its time.
constexpr milliseconds longest_look{200};

void append_text_frame(std::string& out, std::string_view text) {
  protocol::append_frame(out, protocol::opcode::text, text);
}

}  // namespace

fan_out::member hub_state::member_of(const listener& who) {
  const auto [it, fresh] = members_.try_emplace(who.session.address(), 0);
  if (!fresh) return it->second;
  if (free_.empty()) {
    it->second = static_cast<fan_out::member>(listeners_.size());
    listeners_.push_back(who);
  } else {
    it->second = free_.back();
    free_.pop_back();
    listeners_[it->second] = who;
  }
  return it->second;
}

void hub_state::send(const listener& to, const messages::batch_ptr& b) {
  if (!to.lane || !to.lane->pass(*b)) self_->send(to.session, b);
}

void hub_state::reply(const listener& to, const std::vector<std::string>& texts,
                      batch::origin source, std::uint64_t resumption) {
  batch b;
  std::string bytes;
  for (const auto& text : texts) {
    const auto offset = static_cast<std::uint32_t>(bytes.size());
    append_text_frame(bytes, text);
    b.items.push_back(
        {0, offset, static_cast<std::uint32_t>(bytes.size()) - offset, batch::kind::event});
  }
  b.bytes = std::make_shared<const std::string>(std::move(bytes));
  b.source = source;
  b.resumption = resumption;
  b.space = space_;
  // Nothing of a replay can be gone on with.
  if (source == batch::origin::reply && !config_.replay) b.upto = streams_->at();
  send(to, std::make_shared<const batch>(std::move(b)));
}

void hub_state::subscribe(const messages::subscribe_request_ptr& request) {
  if (quiet_) {
    held_back_.push_back(request);
    return;
  }
  greet_readers();
  const auto id = next_request_++;
  pending& p = pending_[id];
  p.request = request;
  std::set<std::uint32_t> fresh;
  // In use without a session yet: unfinished bars may come before the snapshot is complete.
  for (const auto& w : request->keys) {
    if (is_system(w.key)) {
      ask_system();
      p.system_there = knows_system();
    }
    if (use(w.key) && is_bar(w.key)) fresh.insert(token_of(w.key));
  }
  if (reader_.get()) {
    for (const auto token : fresh) {
      watch(token);
      p.unwatched.insert(token);
    }
  }
  if (!p.unwatched.empty() || !p.system_there)
    self_->delayed_send(messages::hub_actor{self_}, live_patience, messages::timeout_atom_v, id);
  if (!read_history(id, p)) {
    refuse(id, "too many requests for history wait already; try again");
    return;
  }
  complete_if_ready(id);
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
  const auto as_of = config_.replay ? streams_->at()->at.front() : store::bar_query{}.as_of;
  return config_.store_thread->post([store = config_.store, request = p.request, id, as_of,
                                     timeframes = config_.timeframes,
                                     me = messages::hub_actor{self_}] {
    auto answer = std::make_shared<messages::history_answer>();
    answer->request = id;
    for (const auto& w : request->keys) {
      auto& bars = answer->bars.emplace_back();
      if (!is_bar(w.key)) continue;
      store::bar_query q;
      q.token = token_of(w.key);
      q.timeframe = timeframes[timeframe_of(w.key)];
      q.limit = request->history + withdrawn_at_most;
      q.newest_first = true;
      q.as_of = as_of;
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

void hub_state::on_history(const messages::history_answer& answer) {
  const auto it = pending_.find(answer.request);
  if (it == pending_.end()) return;
  if (!answer.error.empty()) {
    refuse(answer.request, answer.error);
    return;
  }
  it->second.history = answer.bars;
  it->second.history_there = true;
  complete_if_ready(answer.request);
}

void hub_state::refuse(std::uint64_t id, const std::string& why) {
  const auto node = pending_.extract(id);
  const auto& request = *node.mapped().request;
  reply({request.session, request.lane},
        {protocol::error_reply({request.id, protocol::code::unavailable, why})},
        batch::origin::refusal, request.resumption);
  for (const auto& w : request.keys) release(w.key);
}

void hub_state::complete_if_ready(std::uint64_t id) {
  const auto it = pending_.find(id);
  if (quiet_ || it == pending_.end()) return;
  const auto& p = it->second;
  if (p.history_there && p.system_there && p.unwatched.empty()) complete(id);
}

void hub_state::complete(std::uint64_t id) {
  const auto node = pending_.extract(id);
  const pending& p = node.mapped();
  const auto& request = *p.request;
  // Everything that the streams have by now is in the snapshot; what comes after is pushed.
  read();
  flush();
  const bool is_kite = request.format == messages::format::kite;
  std::vector<std::string> texts;
  if (!is_kite) texts.push_back(reply_to(p));
  std::vector<fan_out::wanted> wanted;
  for (const auto& w : request.keys) {
    auto style = is_kite ? make_ticker_style(w.mode, space_)
                         : make_style(request.format, request.times, w.text, space_);
    if (const auto since = values_->stopped(w.key))
      texts.push_back(stop_event(style.quoted, *since));
    wanted.push_back({w.key, std::move(style), milliseconds(w.every_ms)});
  }
  const listener who{request.session, request.lane};
  const auto member = member_of(who);
  if (config_.replay) config_.replay->note_members(members_.size());
  if (request.tokens_ms && *request.tokens_ms != 0) {
    wanted.push_back({messages::token_key, message_style{request.format, false, {}},
                      milliseconds(*request.tokens_ms)});
  }
  for (const auto key : out_.subscribe(member, request.format, wanted))
    if (key != messages::token_key) release(key);
  if (request.tokens_ms && *request.tokens_ms == 0) {
    const std::uint64_t none[] = {messages::token_key};
    out_.unsubscribe(member, none);
  }
  audiences_->set(static_cast<std::int64_t>(out_.audiences()));
  if (out_.has(messages::system_key)) watch_system();
  if (is_kite)
    reply_packets(who, request);
  else
    reply(who, texts, batch::origin::reply, request.resumption);
}

void hub_state::reply_packets(const listener& who, const messages::subscribe_request& request) {
  auto b = std::make_shared<batch>();
  std::string packets;
  for (const auto& w : request.keys) {
    const auto token = token_of(w.key);
    const auto at = packets.size();
    if (!values_->append_newest_packet(packets, token, w.mode) && config_.packet_before) {
      if (const auto before = config_.packet_before(token); !before.empty())
        append_packet(packets, protocol::in_mode(before, w.mode));
    }
    if (packets.size() == at) continue;
    b->items.push_back({w.key, static_cast<std::uint32_t>(at),
                        static_cast<std::uint32_t>(packets.size() - at), batch::kind::value});
  }
  b->bytes = std::make_shared<const std::string>(frame_packets(packets, b->items));
  b->source = batch::origin::reply;
  send(who, std::move(b));
}

std::string hub_state::reply_to(const pending& p) {
  const auto& request = *p.request;
  std::string out = "{\"id\":" + request.id + ",\"ok\":true,";
  if (!config_.replay) out += "\"token\":\"" + config_.tokens->encode(*streams_->at()) + "\",";
  out += "\"subs\":[";
  for (std::size_t i = 0; i < request.keys.size(); ++i) {
    const auto& w = request.keys[i];
    out += i == 0 ? "{\"key\":" : ",{\"key\":";
    protocol::append_text(out, w.text);
    if (request.format == messages::format::binary)
      out += ",\"handle\":\"" + std::to_string(messages::in_space(w.key, space_)) + "\"";
    out += ",\"state\":\"";
    if (is_system(w.key)) {
      out += "live\",\"snapshot\":{\"system\":" + system_json() + "}}";
      continue;
    }
    out += w.expired ? "token_expired" : values_->state_of(w.key);
    out += "\",\"snapshot\":";
    if (is_clock(w.key))
      out += "{\"clock\":" + clock_ + "}";
    else if (is_alerts(w.key))
      out += alerts_->snapshot(request.history);
    else
      out += values_->snapshot(w.key, p.history[i], request.history);
    out += "}";
  }
  return out + "]}";
}

void hub_state::unsubscribe(const messages::unsubscribe_request& request) {
  flush();
  if (const auto it = members_.find(request.session.address()); it != members_.end()) {
    for (const auto key : out_.unsubscribe(it->second, request.keys)) release(key);
    audiences_->set(static_cast<std::int64_t>(out_.audiences()));
  }
  std::vector<std::string> texts;
  // A Kite client is told nothing.
  if (request.format != messages::format::kite)
    texts.push_back("{\"id\":" + request.id + ",\"ok\":true}");
  reply({request.session, request.lane}, texts, batch::origin::reply);
}

void hub_state::tell_counts(const messages::session_actor& who, const std::string& id) {
  auto counts = std::make_shared<std::vector<messages::key_count>>();
  if (const auto it = members_.find(who.address()); it != members_.end()) {
    for (const auto& c : out_.counts(it->second))
      if (c.key != messages::token_key)
        counts->push_back({messages::in_space(c.key, space_), c.published, c.replaced});
  }
  self_->send(who, messages::status_atom_v, id, messages::key_counts_ptr(std::move(counts)));
}

void hub_state::forget(const caf::actor_addr& who) {
  std::erase_if(held_back_, [&](const auto& r) { return r->session.address() == who; });
  std::erase_if(pending_, [&](const auto& p) {
    if (p.second.request->session.address() != who) return false;
    for (const auto& w : p.second.request->keys) release(w.key);
    return true;
  });
  const auto it = members_.find(who);
  if (it == members_.end()) return;
  for (const auto key : out_.forget(it->second))
    if (key != messages::token_key) release(key);
  listeners_[it->second] = {};
  free_.push_back(it->second);
  members_.erase(it);
  if (config_.replay) config_.replay->note_members(members_.size());
  audiences_->set(static_cast<std::int64_t>(out_.audiences()));
}

void hub_state::flush_soon() {
  if (config_.flush.count() == 0) {
    flush();
    return;
  }
  // A resume token may be due though no message is.
  if (out_.empty() && told_ == streams_->at()) return;
  if (std::exchange(flushes_, true)) return;
  self_->delayed_send(messages::hub_actor{self_}, config_.flush, messages::flush_atom_v);
}

void hub_state::flush() {
  const auto& at = streams_->at();
  if (told_ != at) {
    told_ = at;
    if (config_.board) config_.board->set(at);
    if (out_.has(messages::token_key)) {
      out_.publish(messages::token_key, batch::kind::value, now(),
                   [&](std::string& to, const message_style&) {
                     append_text_frame(to, token_event(config_.tokens->encode(*at)));
                   });
    }
  }
  if (!out_.empty()) {
    messages_->add(out_.flush(
        config_.replay ? nullptr : at,
        [this](fan_out::member m, const messages::batch_ptr& b) { send(listeners_[m], b); }));
  }
  const auto due = out_.next_due();
  if (due == fan_out::clock::time_point::max() || std::exchange(looks_, true)) return;
  const auto wait =
      std::clamp<fan_out::clock::duration>(due - now(), milliseconds(0), longest_look);
  self_->delayed_send(messages::hub_actor{self_}, wait, messages::tick_atom_v);
}

void hub_state::look_at_due() {
  out_.publish_due(now(), [this](std::string& to, std::uint64_t key, const message_style& style) {
    if (is_system(key)) {
      append_system(to, style, system_json());
      return true;
    }
    if (is_clock(key)) {
      append_text_frame(to, clock_event(style.quoted, clock_));
      return true;
    }
    if (key != messages::token_key) return values_->append_newest(to, key, style);
    append_text_frame(to, token_event(config_.tokens->encode(*streams_->at())));
    return true;
  });
  flush();
}

}  // namespace artham::actors

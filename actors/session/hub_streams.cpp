#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include <caf/send.hpp>

#include "actors/session/hub.hpp"
#include "actors/session/key_parts.hpp"
#include "actors/session/key_tokens.hpp"
#include "messages/caf_compat.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

using messages::batch;
using messages::value_or_throw;

namespace {

constexpr std::size_t flush_bytes = 1 << 20;

/// Stands for all keys of a replay.
std::string quoted_replay(const replay_line& line) {
  return "\"" + std::string(replay_prefix) + line.id() + "\"";
}

}  // namespace

void hub_state::on_ready() {
  called_->store(false);
  greet_readers();
  read();
  read_letters();
  lag_->set(static_cast<std::int64_t>(streams_->lag()));
  // However many streams have something, one message is on its way.
  const auto call = [me = messages::hub_actor{self_}, called = called_] {
    if (!called->exchange(true)) caf::anon_send(me, messages::ready_atom_v);
  };
  streams_->when_ready(call);
  for (const auto& l : letters_) l->when_ready(call);
  flush_soon();
  if (config_.on_told) config_.on_told(streams_->at()->at.front());
}

void hub_state::read() {
  streams_->pull(config_.batch, [this](const stream_list::entry& stream, const record::block& b) {
    switch (stream.of) {
      case stream_list::what::ticks:
        take_ticks(b, stream.shard == 0);
        break;
      case stream_list::what::bars:
        take_finals(b, stream.timeframe);
        break;
      case stream_list::what::features:
        take_features(b);
        break;
    }
    if (alerts_ && !quiet_) tell_alerts(stream, b);
    // A window is for little news: a backlog goes out as it is read.
    if (out_.waiting() >= flush_bytes) flush();
  });
}

/// Every shard has all marks.
void hub_state::take_ticks(const record::block& b, bool marks) {
  auto mark = b.marks.begin();
  const auto take_mark = [&] {
    if (marks) on_mark(*mark);
    ++mark;
  };
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (h.kind == record::kind::mark && mark != b.marks.end()) {
      take_mark();
    } else if (h.kind == record::kind::packed_ticks) {
      packed_.clear();
      auto decoded = record::decode_ticks({b.epoch, seq}, body, packed_);
      if (!decoded) throw std::runtime_error(decoded.error().message);
      for (const auto& t : packed_) {
        values_->take_packed(t, record::receive_time(h));
        if (out_.has(messages::tick_key(t.token))) publish_tick(t.token, {});
      }
    } else if (h.kind == record::kind::kite_frame) {
      values_->heard();
      config_.decoder->packet_views(
          body, {b.epoch, seq}, [&](record::position, std::string_view bytes) {
            const auto token = config_.decoder->token(bytes);
            const bool wanted = out_.has(messages::tick_key(token));
            const auto news = wanted ? values_->news_of(token, bytes) : newest_values::news{};
            values_->take_packet(token, bytes, record::receive_time(h));
            if (wanted) publish_tick(token, news);
          });
    }
  });
  // A damaged block has no records, but a mark that says so.
  while (mark != b.marks.end()) take_mark();
}

void hub_state::publish_tick(std::uint32_t token, newest_values::news news) {
  const auto key = messages::tick_key(token);
  const auto& p = *values_->newest(token);
  std::optional<market::tick> t;
  out_.publish(key, batch::kind::value, now(), [&](std::string& to, const message_style& style) {
    if (style.format == messages::format::kite) {
      if (news.in(style.mode)) values_->append_newest_packet(to, token, style.mode);
      return;
    }
    if (!t) t = values_->tick_of(p);
    append_tick_message(to, key, style, *t, p.receive);
  });
}

void hub_state::take_finals(const record::block& b, std::uint32_t timeframe) {
  if (b.damaged) tell_missed(timeframe);
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view body) {
    const auto r = value_or_throw(record::decode_bar(h, body));
    const auto key = messages::bar_key(r.bar.token, timeframe);
    values_->take_final(key, r);
    out_.publish(key, batch::kind::record, now(), [&](std::string& to, const message_style& style) {
      append_bar_message(to, key, style, r.bar, true,
                         style.times ? values_->times_of(r.bar.token) : protocol::message_times{});
    });
  });
  runtime::failpoint("hub.finals");
}

void hub_state::take_features(const record::block& b) {
  record::for_each(b, [&](const record::header& h, std::uint64_t, std::string_view body) {
    if (h.kind != record::kind::chain) return;
    auto r = value_or_throw(record::decode_feature(h, body));
    show_chain(std::move(std::get<market::feature::chain_row>(r.row)), true);
  });
}

void hub_state::show_chain(market::feature::chain_row row, bool final) {
  const auto key = values_->board()->take(std::move(row), final);
  if (!key) return;
  const auto& s = *values_->board()->chain(*key);
  out_.publish(*key, batch::kind::value, now(), [&](std::string& to, const message_style& style) {
    append_chain_message(to, *key, style, s);
  });
  if (greeks_uses_ == 0) return;
  for (const auto& o : s.row.options) {
    const auto option = messages::greeks_key(o.token);
    out_.publish(option, batch::kind::value, now(),
                 [&](std::string& to, const message_style& style) {
                   append_greeks_message(to, option, style, s, o);
                 });
  }
}

void hub_state::on_live_chains(const messages::live_chains& chains) {
  for (const auto& c : chains) show_chain(c, false);
  if (const auto& reader = feature_reader_.get()) self_->send(reader, messages::credit_atom_v);
  flush_soon();
}

void hub_state::on_live(const messages::live_batch& batch) {
  const auto time = now();
  for (const auto& l : batch.bars) {
    const auto key = messages::bar_key(l.bar.token, l.timeframe);
    if (!uses_.contains(key) || !values_->take_live(key, l.bar)) continue;
    out_.publish(key, batch::kind::value, time, [&](std::string& to, const message_style& style) {
      append_bar_message(to, key, style, l.bar, false,
                         style.times ? values_->times_of(l.bar.token) : protocol::message_times{});
    });
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
  flush_soon();
}

void hub_state::read_letters() {
  for (const auto& letters : letters_) {
    for (;;) {
      const auto blocks = value_or_throw(letters->pull(config_.batch));
      if (blocks.empty()) break;
      for (const auto& b : blocks) {
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
          const auto l = value_or_throw(record::decode_dead_letter(h, body));
          if (l.what == record::letter_kind::lifted) values_->lift(l.token);
          if (l.what != record::letter_kind::actor || !values_->stop(l.token, l.time)) return;
          for (std::uint32_t tf = 0; tf < config_.timeframes.size(); ++tf) {
            out_.publish_event(messages::bar_key(l.token, tf), [&](const message_style& style) {
              return stop_event(style.quoted, l.time);
            });
          }
        });
      }
    }
  }
}

void hub_state::on_mark(const market::mark& m) {
  // Of what a mark may change, the states that it does change are told.
  std::vector<std::pair<std::uint64_t, std::string_view>> before;
  const bool partial = !m.tokens.empty() && (m.kind == market::mark_kind::gap ||
                                             m.kind == market::mark_kind::subscription);
  if (partial) {
    for (const auto& entry : uses_) {
      if (is_made_of(entry.first, config_.features.get(), m.tokens))
        before.emplace_back(entry.first, values_->state_of(entry.first));
    }
  }
  const bool changed = values_->take_mark(m);
  system_.take_mark(m);
  if (m.kind == market::mark_kind::gap && m.flag != market::gap_begins) {
    const auto cause = market::to_string(m.cause);
    if (!partial)
      out_.publish_to_all(
          gap_event(config_.replay ? quoted_replay(*config_.replay) : "", m.from, m.time, cause));
    for (const auto& entry : before) {
      out_.publish_event(entry.first, [&](const message_style& style) {
        return gap_event(style.quoted, m.from, m.time, cause);
      });
    }
  }
  if (changed && !partial) publish_states();
  for (const auto& [key, was] : before)
    if (values_->state_of(key) != was) publish_state(key);
}

void hub_state::tell_missed(std::uint32_t timeframe) {
  for (const auto& entry : uses_) {
    const auto key = entry.first;
    if (!is_bar(key) || timeframe_of(key) != timeframe) continue;
    const auto newest = values_->newest_final(key);
    const auto now = values_->market_time();
    const auto from = newest == 0 ? now : newest;
    out_.publish_event(key, [&](const message_style& style) {
      return gap_event(style.quoted, from, std::max(from, now), "missed");
    });
  }
}

void hub_state::publish_states() {
  for (const auto& entry : uses_) publish_state(entry.first);
}

void hub_state::publish_state(std::uint64_t key) {
  out_.publish_event(key, [&](const message_style& style) {
    return state_event(style.quoted, values_->state_of(key));
  });
}

}  // namespace artham::actors

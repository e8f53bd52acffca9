#include "actors/session/catch_up.hpp"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "actors/session/key_parts.hpp"
#include "actors/session/key_tokens.hpp"
#include "bridge/common/read_to_end.hpp"
#include "messages/protocol/frame.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::actors {

using market::position;
using messages::batch;

namespace {

/// Messages that are read at a time: what a client that reads slowly keeps waiting.
constexpr std::size_t chunk_bytes = 256 << 10;
/// Records that are pulled at a time.
constexpr std::uint64_t pull_records = 4'096;
/// Between two looks at how far the store is.
constexpr std::chrono::milliseconds store_pause{20};

}  // namespace

catch_up::catch_up(const catch_up_config& config, std::vector<wanted> keys,
                   messages::resume_point from)
    : config_(config), since_(from.time) {
  for (auto& w : keys) {
    const auto key = w.key;
    keys_.emplace(key, std::move(w));
  }
  const auto& streams = config_.tokens->streams().all();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto& s = streams[i];
    place p;
    p.index = i;
    p.at = from.at[i];
    p.cause = from.cause(i);
    bool needed = s.of == stream_list::what::ticks;  // gaps stand there
    for (const auto& [key, w] : keys_) {
      if (s.of == stream_list::what::features) {
        needed = needed || (concerns(s, key) && w.values);
      } else if (concerns(s, key) || (s.of == stream_list::what::ticks && is_bar(key))) {
        needed = true;
        p.tokens.push_back(token_of(key));
      }
    }
    // Of no instrument: blocks without marks are left out.
    if (s.of == stream_list::what::ticks && p.tokens.empty()) p.tokens.push_back(0);
    std::ranges::sort(p.tokens);
    p.tokens.erase(std::unique(p.tokens.begin(), p.tokens.end()), p.tokens.end());
    if (needed) places_.push_back(std::move(p));
  }
}

bool catch_up::is_in_shard(const entry& stream, std::uint64_t key) const {
  if (!config_.shard_of) return true;
  const auto* const group = underlying_of(key, config_.features.get());
  if (group == nullptr) return config_.shard_of(token_of(key)) == stream.shard;
  return group->options.empty() ||
         config_.shard_of(group->options.front().what.token) == stream.shard;
}

bool catch_up::concerns(const entry& stream, std::uint64_t key) const {
  if (!is_in_shard(stream, key)) return false;
  switch (stream.of) {
    case stream_list::what::ticks:
      return is_tick(key);
    case stream_list::what::bars:
      return is_bar(key) && timeframe_of(key) == stream.timeframe;
    case stream_list::what::features:
      return is_chain(key) || is_greeks(key);
  }
  return false;
}

result<catch_up::step> catch_up::next(const messages::resume_point& until, std::size_t bytes) {
  const bool begins = !in_round_;
  if (begins) begin_round(until);
  in_round_ = false;
  for (auto& p : places_) {
    if (auto done = read(p, bytes); !done) return tl::unexpected(done.error());
    in_round_ = p.at < p.goal;
    if (in_round_) break;
  }
  step s;
  // After several goes there is more by now.
  s.at_end = begins && !in_round_;
  if (items_.empty()) return s;
  auto b = std::make_shared<batch>();
  b->bytes = std::make_shared<const std::string>(std::exchange(bytes_, {}));
  b->items = std::exchange(items_, {});
  s.found = std::move(b);
  return s;
}

void catch_up::begin_round(const messages::resume_point& until) {
  for (auto& p : places_) {
    p.goal = until.at[p.index];
    p.goal_cause = until.cause(p.index);
  }
}

result<void> catch_up::read(place& p, std::size_t bytes) {
  if (!std::exchange(p.checked, true)) {
    if (auto done = check(p); !done) return done;
  }
  const auto& name = config_.tokens->streams().all()[p.index].name;
  while (p.at < p.goal) {
    if (p.missing) {
      const auto filled = fill(p, bytes);
      if (!filled) return tl::unexpected(filled.error());
      if (!*filled) return {};
      continue;
    }
    if (!p.reader) {
      // A stream that is read over a network is not left out of by blocks.
      const std::span<const std::uint32_t> all;
      auto opened = bridge::open_to_end(*config_.journal, name, p.at, bridge::top::appended,
                                        config_.journal->reads_ahead() ? all : p.tokens);
      if (!opened) return tl::unexpected(opened.error());
      p.reader = std::move(*opened);
    }
    if (p.blocks.empty()) {
      auto pulled = p.reader->pull(pull_records);
      if (!pulled) return tl::unexpected(pulled.error());
      p.blocks.assign(pulled->begin(), pulled->end());
    }
    if (p.blocks.empty() || p.goal < p.blocks.front()->first()) {
      p.at = p.goal;
      break;
    }
    const auto& b = *p.blocks.front();
    const bool has_rows =
        is_dense(p) ? config_.stored_ticks || config_.journal->reads_ahead() : b.by_cause;
    if (b.damaged && config_.stored != nullptr && has_rows) {
      p.missing = hole{};
      p.missing->upto = b.last();
      p.missing->before = {{b.epoch, b.last().seq + 1}, 0};
      p.blocks.pop_front();
      continue;
    }
    if (!take_block(p, b, bytes)) return {};
    p.at = std::min(p.blocks.front()->last(), p.goal);
    p.blocks.pop_front();
  }
  p.reader.reset();
  p.blocks.clear();
  return {};
}

/// That the stream goes on where the client was.
result<void> catch_up::check(place& p) {
  if (p.at.seq == 0) return {};
  const auto& name = config_.tokens->streams().all()[p.index].name;
  const auto tops = config_.journal->stream_tops(name);
  if (!tops) return tl::unexpected(tops.error());
  if (tops->appended < p.at) {
    say_missing(p, "lost");
    p.at = std::min(p.at, tops->appended);
    return {};
  }
  if (tops->appended == p.at) return {};
  if (config_.stored != nullptr) {
    auto begun = check_begin(p);
    if (!begun || p.missing) return begun;
  }
  const auto behind = first_behind(p, p.at);
  if (!behind && behind.error().code == errc::not_found) {
    // Everything there was dropped, and the stream does not say where it goes on.
    say_expired(p);
    p.at = p.goal;
    return {};
  }
  if (!behind) return tl::unexpected(behind.error());
  if (*behind == nullptr) return {};
  const auto first = (*behind)->first();
  if (!(*behind)->by_cause) {
    if (first.epoch > p.at.epoch && first.seq <= p.at.seq) {
      say_missing(p, "lost");
    } else if (first.seq > p.at.seq + 1) {
      say_expired(p);
    }
    return {};
  }
  if (config_.stored != nullptr) return {};
  // Positions are those of causes and leave gaps: only the stream's beginning tells.
  const auto begin = first_behind(p, {});
  if (!begin) return tl::unexpected(begin.error());
  if (*begin != nullptr && p.at < (*begin)->first()) say_expired(p);
  return {};
}

/// Whether the store has to be asked for what comes before the stream.
result<void> catch_up::check_begin(place& p) {
  const auto begin = first_behind(p, {});
  hole h;
  if (!begin && begin.error().code == errc::not_found) {
    // All that was is gone, and the stream does not say where it goes on.
    h.upto = p.goal;
    h.own_numbering = p.goal_cause.at.seq != 0;
    h.before = h.own_numbering ? market::cause{p.goal_cause.at, p.goal_cause.ordinal + 1}
                               : market::cause{{p.goal.epoch, p.goal.seq + 1}, 0};
    p.missing.emplace(std::move(h));
    return {};
  }
  if (!begin) return tl::unexpected(begin.error());
  if (*begin == nullptr) return {};
  const auto& b = **begin;
  h.upto = {b.epoch, b.first_seq - 1};
  h.before = {b.first(), 0};
  if (b.by_cause) {
    if (p.at < h.upto) p.missing.emplace(std::move(h));
    return {};
  }
  const bool ticks = is_dense(p);
  if (!ticks) {
    // Nothing tells what it begins with.
    if (b.damaged) return {};
    h.own_numbering = true;
    bool first = true;
    record::for_each(b, [&](const record::header& r, std::uint64_t, std::string_view) {
      if (std::exchange(first, false)) h.before = record::cause_of(r);
    });
  } else if (config_.journal->reads_ahead()) {
    h.is_final = false;
  } else if (b.first_seq > 1 && !b.damaged && b.marks.size() == b.count) {
    // What stands for removed records stands in their place.
    h.upto = b.last();
    h.before = {{b.epoch, b.last().seq + 1}, 0};
  }
  if (p.at.seq < h.upto.seq) p.missing.emplace(std::move(h));
  return {};
}

result<record::block_ptr> catch_up::first_behind(const place& p, market::position after) const {
  auto r =
      bridge::open_to_end(*config_.journal, config_.tokens->streams().all()[p.index].name, after);
  if (!r) return tl::unexpected(r.error());
  auto blocks = (*r)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  return blocks->empty() ? nullptr : blocks->front();
}

bool catch_up::is_dense(const place& p) const {
  return config_.tokens->streams().all()[p.index].of == stream_list::what::ticks;
}

result<bool> catch_up::fill(place& p, std::size_t bytes) {
  if (!p.missing->rows) {
    const auto begun = begin_filling(p, std::min(p.missing->upto, p.goal));
    if (!begun || !*begun) return begun;
    if (!p.missing) return true;
  }
  auto& h = *p.missing;
  for (;;) {
    const auto next = h.rows->front();
    if (!next) return tl::unexpected(next.error());
    if (*next == nullptr) break;
    if (bytes_.size() >= bytes) return false;
    take_stored(config_.tokens->streams().all()[p.index], **next);
    h.rows->pop();
  }
  if (h.is_short) say_expired(p);
  p.at = h.rows_upto;
  p.cause = h.rows_cause;
  if (p.at == h.upto) {
    p.missing.reset();
  } else {
    h.rows.reset();
  }
  return true;
}

result<bool> catch_up::begin_filling(place& p, market::position until) {
  auto& h = *p.missing;
  auto wants = wants_of(p);
  const bool no_rows = is_dense(p) && !wants.tokens.empty() && !config_.stored_ticks;
  if (no_rows) wants.tokens.clear();
  auto rows = std::make_unique<stored_stretch>(*config_.stored, std::move(wants));
  const auto stored = rows->stored_upto();
  if (!stored) return tl::unexpected(stored.error());
  const bool dense = is_dense(p) || h.own_numbering;
  const bool is_behind = dense ? stored->seq < until.seq : *stored < until;
  const bool cut = until < h.upto;
  const bool unknown =
      h.own_numbering && (p.cause.at.seq == 0 || (cut && p.goal_cause.at.seq == 0));
  if (is_behind && !no_rows && !unknown) {
    const auto now = std::chrono::steady_clock::now();
    if (!p.deadline) p.deadline = now + config_.store_patience;
    if (now < *p.deadline) {
      // The next to be read may be another client's.
      std::this_thread::sleep_for(store_pause);
      return false;
    }
  }
  if ((is_behind || no_rows) && !h.is_final) {
    p.missing.reset();
    return true;
  }
  const auto kept = rows->kept_since();
  if (!kept) return tl::unexpected(kept.error());
  h.is_short = is_behind || no_rows || unknown || (*kept != 0 && since_ < *kept + market::day);
  const market::cause after =
      h.own_numbering ? p.cause : market::cause{p.at, std::numeric_limits<std::uint32_t>::max()};
  auto before = h.before;
  if (cut) {
    before = h.own_numbering ? market::cause{p.goal_cause.at, p.goal_cause.ordinal + 1}
                             : market::cause{{until.epoch, until.seq + 1}, 0};
  }
  if (!unknown && *stored != market::position{}) rows->begin(after, before);
  h.rows = std::move(rows);
  h.rows_upto = until;
  h.rows_cause = h.own_numbering ? p.goal_cause : market::cause{};
  return true;
}

stretch_wants catch_up::wants_of(const place& p) const {
  const auto& stream = config_.tokens->streams().all()[p.index];
  stretch_wants all;
  all.of = stream.of;
  all.stream = stream.name;
  if (stream.of == stream_list::what::bars) all.timeframe = config_.timeframes[stream.timeframe];
  all.gaps = stream.of == stream_list::what::ticks && stream.shard == 0;
  for (const auto& [key, w] : keys_) {
    if (!concerns(stream, key)) continue;
    if (stream.of == stream_list::what::bars) {
      all.tokens.push_back(token_of(key));
    } else if (w.values && stream.of == stream_list::what::ticks) {
      all.tokens.push_back(token_of(key));
    } else if (w.values) {
      const auto* const group = underlying_of(key, config_.features.get());
      if (group == nullptr) continue;
      if (is_chain(key)) all.chains.push_back({group->name, expiry_of(key)});
      for (const auto& o : group->options)
        if (is_greeks(key) && o.what.token == token_of(key))
          all.chains.push_back({group->name, o.expiry});
    }
  }
  std::ranges::sort(all.tokens);
  std::ranges::sort(all.chains);
  all.chains.erase(std::unique(all.chains.begin(), all.chains.end()), all.chains.end());
  return all;
}

void catch_up::take_stored(const entry& stream, const stored_stretch::row& r) {
  if (const auto* const bar = std::get_if<record::bar_record>(&r)) {
    put_bar(stream, bar->bar);
  } else if (const auto* const chain = std::get_if<record::feature_record>(&r)) {
    put_chain({*chain->chain(), true});
  } else if (const auto* const tick = std::get_if<store::stored_tick>(&r)) {
    const auto* const w = find(messages::tick_key(tick->token), true);
    if (w == nullptr) return;
    market::tick t;
    t.token = tick->token;
    t.last = tick->last;
    t.exchange_time = tick->exchange;
    put_tick(*w, tick->packet.empty() ? t : config_.decoder->decode(tick->packet), tick->receive);
  } else {
    const auto& gap = std::get<store::gap_row>(r);
    market::mark m;
    m.kind = market::mark_kind::gap;
    m.from = gap.from;
    m.time = gap.to;
    m.cause = gap.cause;
    m.tokens = gap.tokens;
    take_mark(m);
  }
}

void catch_up::say_expired(const place& p) {
  say_missing(p, "expired");
  const auto& stream = config_.tokens->streams().all()[p.index];
  for (const auto& [key, w] : keys_)
    if (concerns(stream, key)) expired_.insert(key);
}

void catch_up::say_missing(const place& p, std::string_view cause) {
  const auto& stream = config_.tokens->streams().all()[p.index];
  for (const auto& [key, w] : keys_)
    if (concerns(stream, key)) take_event(missing_event(w.style.quoted, cause), key);
}

bool catch_up::take_block(place& p, const record::block& b, std::size_t bytes) {
  const auto& stream = config_.tokens->streams().all()[p.index];
  const auto done = p.at;
  auto current = done;
  if (b.damaged && stream.of == stream_list::what::bars) say_missing(p, "missed");
  auto mark = b.marks.begin();
  bool enough = false;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    const position at{b.epoch, seq};
    const auto* const m =
        h.kind == record::kind::mark && mark != b.marks.end() ? &*mark++ : nullptr;
    if (enough || at <= done || p.goal < at) return;
    // Outputs of one cause are not torn apart.
    if (bytes_.size() >= bytes && at != current) {
      enough = true;
      return;
    }
    current = at;
    if (m != nullptr) {
      if (stream.shard == 0) take_mark(*m);
    } else {
      take_record(stream, at, h, body);
    }
  });
  // A damaged block has no records, but a mark that says so.
  while (!enough && mark != b.marks.end()) {
    if (stream.shard == 0) take_mark(*mark);
    ++mark;
  }
  p.at = current;
  return !enough;
}

void catch_up::take_mark(const market::mark& m) {
  if (m.kind != market::mark_kind::gap || m.flag == market::gap_begins) return;
  const auto cause = market::to_string(m.cause);
  if (m.tokens.empty()) {
    take_event(gap_event("", m.from, m.time, cause), 0);
    return;
  }
  for (const auto& [key, w] : keys_) {
    if (is_made_of(key, config_.features.get(), m.tokens))
      take_event(gap_event(w.style.quoted, m.from, m.time, cause), key);
  }
}

void catch_up::take_record(const entry& stream, position at, const record::header& h,
                           std::string_view body) {
  switch (h.kind) {
    case record::kind::kite_frame:
      config_.decoder->packet_views(body, at, [&](position, std::string_view bytes) {
        const auto* const w = find(messages::tick_key(config_.decoder->token(bytes)), true);
        if (w != nullptr) put_tick(*w, config_.decoder->decode(bytes), record::receive_time(h));
      });
      return;
    case record::kind::packed_ticks:
      packed_.clear();
      if (!record::decode_ticks(at, body, packed_)) return;
      for (const auto& packed : packed_) {
        const auto* const w = find(messages::tick_key(packed.token), true);
        if (w == nullptr) continue;
        market::tick t;
        t.token = packed.token;
        t.last = packed.last;
        t.exchange_time = packed.time;
        put_tick(*w, t, record::receive_time(h));
      }
      return;
    case record::kind::bar:
      if (const auto r = record::decode_bar(h, body)) put_bar(stream, r->bar);
      return;
    case record::kind::chain: {
      auto r = record::decode_feature(h, body);
      if (r) put_chain({std::move(std::get<market::feature::chain_row>(r->row)), true});
      return;
    }
    default:
      return;
  }
}

void catch_up::put_bar(const entry& stream, const market::bar& bar) {
  const auto key = messages::bar_key(bar.token, stream.timeframe);
  if (const auto* const w = find(key, false)) {
    put(key, batch::kind::record,
        [&](std::string& to) { append_bar_message(to, key, w->style, bar, true, {}); });
  }
}

void catch_up::put_tick(const wanted& w, const market::tick& t, market::timestamp receive) {
  put(w.key, batch::kind::record,
      [&](std::string& to) { append_tick_message(to, w.key, w.style, t, receive); });
}

void catch_up::put_chain(const chain_board::shown& s) {
  const auto number = chain_board::number_of(*config_.features, s.row.underlying);
  if (!number) return;
  const auto key = messages::chain_key(*number, s.row.expiry);
  if (const auto* const w = find(key, true)) {
    put(key, batch::kind::record,
        [&](std::string& to) { append_chain_message(to, key, w->style, s); });
  }
  for (const auto& o : s.row.options) {
    const auto option = messages::greeks_key(o.token);
    if (const auto* const w = find(option, true)) {
      put(option, batch::kind::record,
          [&](std::string& to) { append_greeks_message(to, option, w->style, s, o); });
    }
  }
}

void catch_up::take_event(std::string_view json, std::uint64_t key) {
  put(key, batch::kind::event,
      [json](std::string& to) { protocol::append_frame(to, protocol::opcode::text, json); });
}

const catch_up::wanted* catch_up::find(std::uint64_t key, bool value) const {
  const auto it = keys_.find(key);
  return it == keys_.end() || (value && !it->second.values) ? nullptr : &it->second;
}

template <class Write>
void catch_up::put(std::uint64_t key, batch::kind kind, Write&& write) {
  const auto offset = bytes_.size();
  write(bytes_);
  items_.push_back({key, static_cast<std::uint32_t>(offset),
                    static_cast<std::uint32_t>(bytes_.size() - offset), kind});
}

catch_up_pool::catch_up_pool(catch_up_config config, std::size_t threads, std::size_t at_most)
    : config_(std::move(config)), at_most_(at_most) {
  // Each client has one job at a time, so that a queue of all of them is never full.
  for (std::size_t i = 0; i < threads; ++i)
    threads_.push_back(std::make_unique<runtime::worker>("catch-up", at_most));
}

catch_up_pool::~catch_up_pool() {
  stop();
}

void catch_up_pool::stop() {
  for (const auto& t : threads_) t->stop();
}

std::shared_ptr<catch_up> catch_up_pool::begin(std::vector<catch_up::wanted> keys,
                                               messages::resume_point from) {
  if (config_.board->get() == nullptr) return nullptr;
  if (running_.fetch_add(1) >= at_most_) {
    running_.fetch_sub(1);
    return nullptr;
  }
  return {new catch_up(config_, std::move(keys), std::move(from)), [this](catch_up* c) {
            delete c;
            running_.fetch_sub(1);
          }};
}

bool catch_up_pool::read(std::shared_ptr<catch_up> what, messages::resume_point_ptr until,
                         std::function<void(result<catch_up::step>)> done) {
  auto& thread = *threads_[turn_.fetch_add(1) % threads_.size()];
  return thread.post(
      [this, what = std::move(what), until = std::move(until), done = std::move(done)]() mutable {
        if (!until) until = config_.board->get();
        auto read = what->next(*until, chunk_bytes);
        // Before whoever is told may end it.
        what.reset();
        done(std::move(read));
      });
}

}  // namespace artham::actors

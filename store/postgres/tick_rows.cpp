#include "store/postgres/tick_rows.hpp"

#include <algorithm>

namespace artham::store::postgres {

namespace {

using field = market::bar_input::field;

constexpr std::size_t chunk_bytes = 256 << 10;
constexpr std::size_t ticks_a_pack = 4096;

bool has_volume(const market::bar_input& t) {
  return (t.fields & (field::volume | field::size)) != 0;
}
bool has_oi(const market::bar_input& t) {
  return (t.fields & field::open_interest) != 0;
}

outcome<void> send(copy_rows& out, const copy_sink& sink, std::size_t at_least) {
  if (out.bytes().size() < at_least) return {};
  auto sent = sink(out.bytes());
  out.sent();
  return sent;
}

void append_tick(copy_rows& out, const tick_row& t, std::int32_t id) {
  const auto& core = t.core;
  const auto receive = split(t.receive);
  const auto wall = split(t.wall);
  const auto exchange = split(core.time);
  out.row(12);
  out.int64(static_cast<std::int64_t>(core.seq));
  out.time(receive);
  out.time(wall);
  out.time(exchange);
  out.int64(core.last.units);
  out.known(has_volume(core), core.volume_or_size);
  out.known(has_oi(core), core.oi);
  out.int32(static_cast<std::int32_t>(core.epoch));
  out.int32(id);
  out.int32(receive.below * 1'000'000 + wall.below * 1000 + exchange.below);
  out.int16(static_cast<std::int16_t>(core.mode));
  if (t.packet.empty()) {
    out.null();
  } else {
    out.bytes(t.packet);
  }
}

std::int64_t minute_of(const tick_row& t) {
  return t.receive / market::minute - (t.receive % market::minute < 0 ? 1 : 0);
}

/// b may follow a in one pack.
bool together(const tick_row& a, const tick_row& b, const tick_row& first) {
  return a.core.token == b.core.token && a.core.epoch == b.core.epoch &&
         a.core.mode == b.core.mode && a.packet.size() == b.packet.size() &&
         has_volume(a.core) == has_volume(b.core) && has_oi(a.core) == has_oi(b.core) &&
         minute_of(a) == minute_of(b) && b.core.seq - first.core.seq <= INT32_MAX;
}

}  // namespace

const std::string tick_copy =
    "COPY artham.ticks (seq, receive_ts, wall_ts, exchange_ts, last_price, volume, oi, epoch, "
    "instrument_id, fraction, mode, packet) FROM STDIN (FORMAT binary)";
const std::string pack_copy =
    "COPY artham.tick_packs (first_seq, last_seq, from_ts, to_ts, epoch, instrument_id, ticks, "
    "mode, packet_size, seq, receive_ns, wall_ns, exchange_ns, last_price, volume, oi, packets) "
    "FROM STDIN (FORMAT binary)";

outcome<void> copy_ticks(std::span<const tick_row> ticks, const id_of_token& id_of,
                         const copy_sink& sink) {
  copy_rows out;
  for (const auto& t : ticks) {
    append_tick(out, t, id_of(t.core.token, t.receive));
    if (auto sent = send(out, sink, chunk_bytes); !sent) return sent;
  }
  out.finish();
  return send(out, sink, 0);
}

void tick_packer::append_pack(std::span<const tick_row> ticks,
                              std::span<const std::uint32_t> members, std::int32_t id) {
  const auto at = [&](std::size_t i) -> const tick_row& { return ticks[members[i]]; };
  const auto n = members.size();
  const auto& first = at(0);
  auto earliest = first.receive;
  auto latest = first.receive;
  bool own_wall = false;
  bool own_exchange = false;
  for (std::size_t i = 0; i < n; ++i) {
    const auto& t = at(i);
    earliest = std::min(earliest, t.receive);
    latest = std::max(latest, t.receive);
    own_wall |= t.wall != t.receive;
    own_exchange |= t.core.time != t.receive;
  }
  const auto numbers = [&](bool known, auto&& of) {
    if (!known) {
      out_.null();
    } else {
      out_.array<std::int64_t>(n, [&](std::size_t i) { return of(at(i)); });
    }
  };
  out_.row(17);
  out_.int64(static_cast<std::int64_t>(first.core.seq));
  out_.int64(static_cast<std::int64_t>(at(n - 1).core.seq));
  out_.time(split(earliest));
  out_.time(split(latest));
  out_.int32(static_cast<std::int32_t>(first.core.epoch));
  out_.int32(id);
  out_.int32(static_cast<std::int32_t>(n));
  out_.int16(static_cast<std::int16_t>(first.core.mode));
  out_.int16(static_cast<std::int16_t>(first.packet.size()));
  out_.array<std::int32_t>(
      n, [&](std::size_t i) { return static_cast<std::int32_t>(at(i).core.seq - first.core.seq); });
  numbers(true, [](const tick_row& t) { return t.receive; });
  numbers(own_wall, [](const tick_row& t) { return t.wall; });
  numbers(own_exchange, [](const tick_row& t) { return t.core.time; });
  numbers(true, [](const tick_row& t) { return t.core.last.units; });
  numbers(has_volume(first.core), [](const tick_row& t) { return t.core.volume_or_size; });
  numbers(has_oi(first.core), [](const tick_row& t) { return t.core.oi; });
  if (first.packet.empty()) {
    out_.null();
    return;
  }
  out_.begin_bytes(n * first.packet.size());
  for (std::size_t i = 0; i < n; ++i) out_.more_bytes(at(i).packet);
}

void tick_packer::sort(std::span<const tick_row> ticks) {
  groups_.clear();
  group_of_.resize(ticks.size());
  ends_.assign(1, 0);
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    const auto next = static_cast<std::uint32_t>(groups_.size());
    const auto [it, is_new] = groups_.try_emplace(ticks[i].core.token, next);
    if (is_new) ends_.push_back(0);
    group_of_[i] = it->second;
    ++ends_[it->second + 1];
  }
  // Where each group begins; it moves to its end while it is filled.
  for (std::size_t g = 1; g < ends_.size(); ++g) ends_[g] += ends_[g - 1];
  order_.resize(ticks.size());
  for (std::uint32_t i = 0; i < ticks.size(); ++i) order_[ends_[group_of_[i]]++] = i;
}

outcome<void> tick_packer::copy(std::span<const tick_row> ticks, const id_of_token& id_of,
                                const copy_sink& sink) {
  out_.clear();
  sort(ticks);
  for (std::size_t from = 0; from < order_.size();) {
    const auto& first = ticks[order_[from]];
    auto to = from + 1;
    while (to < order_.size() && to - from < ticks_a_pack &&
           together(ticks[order_[to - 1]], ticks[order_[to]], first)) {
      ++to;
    }
    append_pack(ticks, std::span(order_).subspan(from, to - from),
                id_of(first.core.token, first.receive));
    from = to;
    if (auto sent = send(out_, sink, chunk_bytes); !sent) return sent;
  }
  out_.finish();
  return send(out_, sink, 0);
}

}  // namespace artham::store::postgres

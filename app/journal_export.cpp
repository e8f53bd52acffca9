#include <cstdio>
#include <fstream>
#include <string>
#include <unordered_map>

#include "app/environment.hpp"
#include "app/journal_command.hpp"
#include "app/journal_ticks.hpp"
#include "app/opened_journal.hpp"
#include "app/record_filter.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "feed/recording/tick_csv.hpp"

namespace artham::app {

namespace {

using feed::recording::column;
using feed::recording::index_of;

constexpr std::size_t flush_bytes = 1U << 20U;

feed::recording::tick_row row_of(const journaled_tick& t, const feed::decoder& decoder) {
  feed::recording::tick_row row;
  auto& p = row.present;
  const auto has = [&p](column c) { p.set(index_of(c)); };
  for (const auto c : {column::exchange_timestamp, column::instrument_token, column::last_price,
                       column::receive_timestamp})
    has(c);
  row.receive_time = t.receive;
  if (t.packet.empty()) {
    row.tick.token = t.core.token;
    row.tick.last = t.core.last;
    if ((t.core.fields & market::bar_input::volume) != 0) {
      has(column::volume_traded);
      row.tick.volume = t.core.volume_or_size;
    }
    if ((t.core.fields & market::bar_input::size) != 0) {
      has(column::last_traded_quantity);
      row.tick.last_quantity = t.core.volume_or_size;
    }
    if ((t.core.fields & market::bar_input::open_interest) != 0) {
      has(column::oi);
      row.tick.oi = t.core.oi;
    }
  } else {
    row.tick = decoder.decode(t.packet);
    const auto mode = row.tick.mode;
    if (market::has_day_ohlc(mode)) {
      for (const auto c : {column::open, column::high, column::low, column::close}) has(c);
    }
    if (market::has_volume(mode)) {
      for (const auto c :
           {column::last_traded_quantity, column::volume_traded, column::average_traded_price,
            column::total_buy_quantity, column::total_sell_quantity})
        has(c);
    }
    if (market::has_full(mode)) {
      for (const auto c : {column::oi, column::oi_day_high, column::oi_day_low}) has(c);
      if (row.tick.last_trade_time != 0) has(column::last_trade_time);
      for (std::size_t i = 0; i < feed::recording::depth_columns; ++i)
        p.set(index_of(column::depth) + i);
    }
  }
  // Where a packet has no time of its own, bars take the time of its arrival.
  row.tick.exchange_time = t.core.time;
  return row;
}

/// Tells the first packet after a loss, a start or a subscription that only repeats the one before:
/// bars count it once, and a CSV cannot tell.
class repetitions {
 public:
  void see(const market::mark& m) {
    using market::mark_kind;
    if (m.kind == mark_kind::epoch || (m.kind == mark_kind::gap && m.tokens.empty())) {
      for (auto& entry : last_) entry.second.may_repeat = true;
    } else if (m.kind == mark_kind::gap || (m.kind == mark_kind::subscription && m.flag != 0)) {
      for (const auto token : m.tokens) last_[token].may_repeat = true;
    }
  }
  bool repeats(const market::bar_input& t) {
    auto& l = last_[t.token];
    const bool same = l.may_repeat && l.digest != 0 && l.digest == t.digest;
    l = {t.digest, false};
    return same;
  }

 private:
  struct last_packet {
    std::uint64_t digest = 0;
    bool may_repeat = false;
  };
  std::unordered_map<std::uint32_t, last_packet> last_;
};

struct exported {
  std::uint64_t ticks = 0;
  std::uint64_t left_out = 0;
};

result<exported> run_export(const journal_export_options& o) {
  const auto opened = open_journal(o.dir);
  if (!opened) return tl::unexpected(opened.error());
  const auto filter = parse_selection(o.select, opened->rules.instruments);
  if (!filter) return tl::unexpected(filter.error());
  std::ofstream out(o.out, std::ios::binary | std::ios::trunc);
  const auto cannot_write = [&] {
    return fail(errc::usage, "--out: cannot write " + o.out.string() +
                                 "; is there such a directory, room, and may you write there?");
  };
  if (!out) return cannot_write();
  feed::recording::column_set columns;
  columns.set();
  std::string text;
  feed::recording::append_csv_header(text, columns);
  const feed::kite::frame_decoder decoder;
  exported count;
  repetitions repeated;
  const auto on_tick = [&](const journaled_tick& t) {
    if (t.receive >= filter->to) return false;
    const bool repeats = repeated.repeats(t.core);
    if (t.receive < filter->from || !filter->has(t.core.token)) return true;
    if (repeats || (t.core.fields & market::bar_input::ahead) != 0) {
      ++count.left_out;
      return true;
    }
    feed::recording::append_csv_row(text, row_of(t, decoder), columns);
    ++count.ticks;
    if (text.size() >= flush_bytes) {
      out << text;
      text.clear();
    }
    return static_cast<bool>(out);
  };
  const auto on_mark = [&](const market::mark& m) {
    repeated.see(m);
    return m.time < filter->to;
  };
  if (auto done = for_each_in(*opened->journal, decoder, on_tick, on_mark); !done)
    return tl::unexpected(done.error());
  out << text;
  out.close();
  if (!out) return cannot_write();
  return count;
}

}  // namespace

int journal_export(const journal_export_options& options) {
  const auto done = run_export(options);
  if (!done) return report(done.error());
  if (done->left_out != 0) {
    std::fprintf(stderr,
                 "artham: %llu ticks are left out: bars use none that is ahead of market time or "
                 "repeats the packet before a loss\n",
                 static_cast<unsigned long long>(done->left_out));
  }
  std::printf("ticks %llu\n", static_cast<unsigned long long>(done->ticks));
  return 0;
}

}  // namespace artham::app

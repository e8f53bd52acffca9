#include "feed/synthetic/generator.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <tuple>

namespace artham::feed::synthetic {

using market::date;
using market::price;
using market::timestamp;

namespace {

constexpr std::int64_t million = 1'000'000;
constexpr std::int64_t units_per_paisa = market::price_scale / 100;
constexpr int days_looked_at = 30;

price rupees(std::int64_t paise) {
  return {paise * units_per_paisa};
}

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  return value / step * step;
}
std::int64_t round_to(std::int64_t value, std::int64_t step) {
  return floor_to(value + step / 2, step);
}
std::int64_t second_of(timestamp t) {
  return t / market::second;
}

std::int64_t root(std::int64_t x) {
  std::int64_t r = 0;
  for (std::int64_t bit = 1LL << 31; bit != 0; bit >>= 1) {
    if ((r + bit) * (r + bit) <= x) {
      r += bit;
    }
  }
  return r;
}

/// Mean milliseconds between the ticks of the stock of this rank (from 1): Zipf's law with exponent
/// 7/8, at most two minutes.
std::int64_t mean_gap_ms(std::int64_t rank) {
  const auto eighth_root = root(root(root(rank * million * million) * million) * million);
  return std::min<std::int64_t>(rank * 1000 * million / eighth_root, 120'000);
}

std::string stock_symbol(std::uint32_t n) {
  static constexpr std::array heads{"ARUN", "BHARG", "CHETAN", "DHRU", "EKA",  "GAUR", "HARI",
                                    "INDR", "JAY",   "KAVER",  "LAK",  "MEGH", "NIL",  "OMKAR",
                                    "PRAB", "RAVI",  "SHAN",   "TARA", "UDAY", "VASU"};
  static constexpr std::array tails{"TEX",  "STEEL", "FIN",   "PHARM", "GEN",  "MOT", "AGRO",
                                    "CEM",  "CHEM",  "INFRA", "LAB",   "NET",  "OIL", "PORT",
                                    "BANK", "SOFT",  "TYRE",  "WIRE",  "FOOD", "AIR"};
  const auto head = n % heads.size();
  const auto round = n / heads.size();
  // The tail moves on with the head, so that neighbours differ in both.
  const auto tail = (round + head) % tails.size();
  const auto number = round / tails.size();
  return std::string(heads[head]) + tails[tail] + (number == 0 ? "" : std::to_string(number));
}

/// The last Tuesday of the month, the day on which NSE's monthly contracts expire.
date last_tuesday(int year, unsigned month) {
  const auto next =
      month == 12 ? market::make_date(year + 1, 1, 1) : market::make_date(year, month + 1, 1);
  date d{next.days - 1};
  while (market::weekday(d) != 1) {
    --d.days;
  }
  return d;
}

date front_expiry(date on) {
  const auto [year, month, day] = market::civil(on);
  const auto expiry = last_tuesday(year, month);
  if (expiry >= on) {
    return expiry;
  }
  return month == 12 ? last_tuesday(year + 1, 1) : last_tuesday(year, month + 1);
}

std::string future_symbol(date expiry) {
  static constexpr std::array months{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                     "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
  const auto c = market::civil(expiry);
  const auto year = std::to_string(c.year % 100);
  return "NIFTY" + std::string(year.size() == 1 ? "0" : "") + year + months[c.month - 1] + "FUT";
}

constexpr std::uint32_t index_token = 256'265;  // NIFTY 50's own: 1001 in segment 9
constexpr std::uint32_t future_token = 49'000 * 256 + 2;
constexpr std::uint32_t first_stock = 10'000;  // exchange token
constexpr std::int64_t index_lot = 75;
constexpr std::uint64_t surface_key = 3;

}  // namespace

result<generator> generator::make(options o, market::calendar_ptr nse, market::calendar_ptr nfo) {
  if (o.instruments == 0 || o.instruments > max_instruments) {
    return fail(errc::bad_input, "a synthetic market has 1 to " + std::to_string(max_instruments) +
                                     " instruments, not " + std::to_string(o.instruments));
  }
  if (!nse || !nfo) {
    return fail(errc::usage, "a synthetic market needs the calendars NSE and NFO");
  }
  return generator(o, std::move(nse), std::move(nfo));
}

generator::generator(options o, market::calendar_ptr nse, market::calendar_ptr nfo)
    : options_(o),
      nse_(std::move(nse)),
      nfo_(std::move(nfo)),
      index_path_(mix(o.seed, index_token)) {
  instruments_.reserve(o.instruments);
  for (std::uint32_t n = 0; n < o.instruments; ++n) {
    const auto what = n == 0 ? kind::index : n == 1 ? kind::future : kind::stock;
    const std::uint32_t token = what == kind::index    ? index_token
                                : what == kind::future ? future_token
                                                       : (first_stock + n - 2) * 256 + 1;
    const auto key = mix(o.seed, token);
    auto& i = instruments_.emplace_back(key);
    i.token = token;
    i.kind = what;
    random character(mix(key, 1));
    i.delay = delay_of(token);
    if (what == kind::stock) {
      const auto rank = static_cast<std::int64_t>(n) - 1;
      i.base = 10'000 + character.exponential(90'000);
      i.beta = 50 + character.below(100);
      i.own = 60 + character.below(140);
      i.spread = i.tick_size * (1 + std::min<std::int64_t>(rank / 60, 7));
      i.gap_ms = mean_gap_ms(rank) - 700;
    } else {
      i.base = 2'500'000;
      i.beta = 100;
      i.gap_ms = 300;
      if (what == kind::future) {
        i.base = 2'510'000;
        i.own = 3;
        i.tick_size = 10;
        i.spread = 20;
        i.lot = index_lot;
        i.trade_lots = 2;
        i.other_lots = 6;
        i.oi_lots = 150'000;
      }
    }
    if (o.activity == activity::every_second) {
      i.gap_ms = 0;
    }
    by_token_.emplace(token, n);
  }
  if (o.chains) {
    make_chain();
  }
}

std::vector<market::instrument> generator::instruments(date on) const {
  std::vector<market::instrument> list;
  list.reserve(instruments_.size());
  for (std::size_t n = 0; n < options_.instruments; ++n) {
    const auto& i = instruments_[n];
    market::instrument entry;
    entry.token = i.token;
    entry.exchange_token = i.token >> 8;
    entry.tick_size = rupees(i.tick_size);
    entry.lot_size = i.lot;
    switch (i.kind) {
      case kind::index:
        entry.exchange = "NSE";
        entry.symbol = entry.name = "NIFTY 50";
        entry.tick_size = {};
        entry.type = "EQ";
        entry.segment = "INDICES";
        break;
      case kind::future:
        entry.exchange = "NFO";
        entry.expiry = front_expiry(on);
        entry.symbol = future_symbol(entry.expiry);
        entry.name = "NIFTY";
        entry.type = "FUT";
        entry.segment = "NFO-FUT";
        break;
      case kind::stock:
        entry.exchange = entry.segment = "NSE";
        entry.symbol = stock_symbol((i.token >> 8) - first_stock);
        entry.name = entry.symbol + " LTD";
        entry.type = "EQ";
        break;
      case kind::option:
        break;
    }
    list.push_back(std::move(entry));
  }
  if (chain_) {
    for (const auto& c : chain_->listed(on, levels_before(on))) {
      list.push_back(chain_->describe(c));
    }
  }
  return list;
}

void generator::seek(timestamp t) {
  begin_day(nse_->day_of(t).trading_date);
  for (auto& i : instruments_) {
    while (i.next_second != never_second && at(i) < t) {
      advance(i);
    }
  }
  fill_queue();
}

std::optional<timestamp> generator::next_at() {
  for (int n = 0; queue_.empty() && n < days_looked_at; ++n) {
    begin_day({today_.days + 1});
    fill_queue();
  }
  if (queue_.empty()) {
    return std::nullopt;
  }
  return queue_.top().at;
}

event generator::next() {
  const auto top = queue_.top();
  queue_.pop();
  auto& i = instruments_[top.index];
  advance(i);
  if (i.next_second != never_second) {
    queue_.push({at(i), i.token, top.index});
  }
  return {top.at, tick_of(i)};
}

void generator::step(timestamp until, std::vector<event>& out) {
  for (auto t = next_at(); t && *t < until; t = next_at()) {
    out.push_back(next());
  }
}

std::optional<market::tick> generator::last(std::uint32_t token) const {
  const auto found = by_token_.find(token);
  if (found == by_token_.end() || instruments_[found->second].second == 0) {
    return std::nullopt;
  }
  return tick_of(instruments_[found->second]);
}

// -- one day
// ------------------------------------------------------------------------------------------------

generator::calendar_day generator::day_of(const market::calendar& c, date d) const {
  calendar_day today{c.day(d).sessions, 0};
  for (int back = 1; back <= days_looked_at; ++back) {
    const auto earlier = c.day({d.days - back});
    if (!earlier.sessions.empty()) {
      today.previous_close_at = second_of(earlier.sessions.back().close);
      break;
    }
  }
  return today;
}

void generator::begin_day(date d) {
  today_ = d;
  nse_day_ = day_of(*nse_, d);
  nfo_day_ = day_of(*nfo_, d);

  auto from = never_second;
  std::int64_t to = 0;
  for (const auto* day : {&nse_day_, &nfo_day_}) {
    if (!day->sessions.empty()) {
      from = std::min(from, second_of(day->sessions.front().open));
      to = std::max(to, second_of(day->sessions.back().close));
    }
  }
  index_ppm_.clear();
  index_from_ = from;
  for (auto s = from; s < to; ++s) {
    index_ppm_.push_back(static_cast<std::int32_t>(index_path_.at(s)));
  }

  list_options();
  for (auto& i : instruments_) {
    const auto& day = day_of(i);
    i.draw = random(mix(i.key, static_cast<std::uint64_t>(d.days)));
    i.second = i.last_trade = 0;
    i.previous_close = i.kind == kind::option
                           ? quote(i, day.previous_close_at).ask
                           : round_to(level(i, day.previous_close_at), i.tick_size);
    i.last = i.open = i.high = i.low = i.last_quantity = i.volume = i.turnover = 0;
    i.oi = i.oi_high = i.oi_low = 0;
    i.next_second = never_second;
    if (!day.sessions.empty()) {
      draw_next(i, second_of(day.sessions.front().open));
    }
  }
}

void generator::fill_queue() {
  std::vector<due> all;
  for (std::uint32_t n = 0; n < instruments_.size(); ++n) {
    const auto& i = instruments_[n];
    if (i.next_second != never_second) {
      all.push_back({at(i), i.token, n});
    }
  }
  queue_ = decltype(queue_)(std::greater<>(), std::move(all));
}

const generator::calendar_day& generator::day_of(const instrument_state& i) const {
  return i.oi_lots != 0 ? nfo_day_ : nse_day_;
}

std::int64_t generator::trading_second(const instrument_state& i, std::int64_t from) const {
  for (const auto& s : day_of(i).sessions) {
    if (from < second_of(s.close)) {
      return std::max(from, second_of(s.open));
    }
  }
  return never_second;
}

void generator::draw_next(instrument_state& i, std::int64_t earliest) const {
  i.next_second = trading_second(i, earliest + i.draw.exponential(i.gap_ms) / 1000);
}

market::duration generator::delay_of(std::uint32_t token) {
  return static_cast<std::int64_t>(mix(token) % 20) * 50 * market::millisecond;
}

timestamp generator::at(const instrument_state& i) {
  return i.next_second * market::second + i.delay;
}

// -- options
// -------------------------------------------------------------------------------------------------

void generator::make_chain() {
  const auto count =
      std::clamp<std::size_t>(instruments_.size() - 1, 1, option_chain::max_underlyings);
  std::vector<underlying> list{{"NIFTY", instruments_[0].base, 5'000, 10, index_lot, 5'000, true}};
  surfaces_.emplace_back(mix(instruments_[0].key, surface_key),
                         volatility_surface::shape{0.13, -0.1, 0.15});
  while (list.size() < count) {
    const auto& stock = state_of(list.size());
    list.push_back({stock_symbol((stock.token >> 8) - first_stock), stock.base,
                    strike_step(stock.base), 5, 500, 500, false});
    surfaces_.emplace_back(mix(stock.key, surface_key),
                           volatility_surface::shape{0.26, -0.04, 0.05});
  }
  chain_.emplace(std::move(list), nfo_);
}

// -- one instrument
// -----------------------------------------------------------------------------------------

std::int64_t generator::index_ppm(std::int64_t second) const {
  const auto into = second - index_from_;
  if (into >= 0 && into < static_cast<std::int64_t>(index_ppm_.size())) {
    return index_ppm_[static_cast<std::size_t>(into)];
  }
  return index_path_.at(second);
}

std::int64_t generator::level(const instrument_state& i, std::int64_t second) const {
  auto ppm = index_ppm(second) * i.beta / 100;
  if (i.own != 0) {
    ppm += i.path.at(second) * i.own / 100;
  }
  return i.base + i.base * ppm / million;
}

option_quote generator::quote(const instrument_state& i, std::int64_t second) const {
  if (i.kind == kind::option) {
    const auto& c = contracts_[i.option];
    return quote_around(value(c, second), chain_->underlyings()[c.underlying].widens_by);
  }
  const auto bid = floor_to(level(i, second) - i.spread / 2, i.tick_size);
  return {bid, bid + i.spread};
}

std::int64_t generator::open_interest(const instrument_state& i, std::int64_t second) const {
  return i.lot * (i.oi_lots + i.oi_lots * 10 / 3 * i.path.at(second) / million);
}

void generator::advance(instrument_state& i) const {
  constexpr int trades_percent = 52;
  const auto now = i.next_second;
  const bool first = i.second == 0;
  const bool trade = i.kind == kind::index || first || i.draw.below(100) < trades_percent;
  i.second = now;
  if (trade) {
    if (i.kind == kind::index) {
      i.last = round_to(level(i, now), i.tick_size);
    } else {
      const auto [bid, ask] = quote(i, now);
      i.last = i.draw.below(2) == 0 && bid != 0 ? bid : ask;
      i.last_quantity = i.lot * (1 + i.draw.exponential(i.trade_lots));
      const auto traded = i.last_quantity + i.lot * i.draw.exponential(i.other_lots);
      i.volume += traded;
      i.turnover += traded * i.last;
      i.last_trade = now;
      if (i.oi_lots != 0) {
        i.oi = open_interest(i, now);
        i.oi_high = first ? i.oi : std::max(i.oi_high, i.oi);
        i.oi_low = first ? i.oi : std::min(i.oi_low, i.oi);
      }
    }
    i.open = first ? i.last : i.open;
    i.high = first ? i.last : std::max(i.high, i.last);
    i.low = first ? i.last : std::min(i.low, i.last);
  }
  draw_next(i, now + 1);
}

market::tick generator::tick_of(const instrument_state& i) const {
  market::tick t;
  t.token = i.token;
  t.last = rupees(i.last);
  t.open = rupees(i.open);
  t.high = rupees(i.high);
  t.low = rupees(i.low);
  t.close = rupees(i.previous_close);
  t.exchange_time = i.second * market::second;
  if (i.kind == kind::index) {
    t.mode = market::tick_mode::index_full;
    return t;
  }
  t.mode = market::tick_mode::full;
  t.last_quantity = i.last_quantity;
  t.average = rupees(market::divide_half_even(i.turnover, i.volume));
  t.volume = i.volume;
  t.last_trade_time = i.last_trade * market::second;
  t.oi = i.oi;
  t.oi_day_high = i.oi_high;
  t.oi_day_low = i.oi_low;
  fill_depth(i, t);
  return t;
}

void generator::fill_depth(const instrument_state& i, market::tick& t) const {
  // From the second alone, not from the day's stream: a seek need not make the books that it
  // passes.
  random book(mix(i.key + 2, static_cast<std::uint64_t>(i.second)));
  auto [buy, sell] = quote(i, i.second);
  for (std::size_t n = 0; n < t.bids.size(); ++n) {
    for (auto [side, px, total] : {std::tuple(&t.bids[n], buy, &t.buy_quantity),
                                   std::tuple(&t.offers[n], sell, &t.sell_quantity)}) {
      const auto quantity = i.lot * (1 + book.exponential(i.lot == 1 ? 400 : 12));
      const auto orders = 1 + book.exponential(4);
      if (px > 0) {
        *side = {rupees(px), static_cast<std::uint32_t>(quantity),
                 static_cast<std::uint32_t>(orders)};
        *total += quantity;
      }
    }
    buy -= i.tick_size * (1 + book.below(2));
    sell += i.tick_size * (1 + book.below(2));
  }
  const auto deeper = i.lot * (2'000 + book.below(500));
  t.buy_quantity += t.bids[0].quantity == 0 ? 0 : deeper;
  t.sell_quantity += i.lot * (2'000 + book.below(500));
}

}  // namespace artham::feed::synthetic

#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "feed/synthetic/option_chain.hpp"
#include "feed/synthetic/option_price.hpp"
#include "feed/synthetic/price_path.hpp"
#include "market/calendar.hpp"
#include "market/instrument.hpp"
#include "market/tick.hpp"

/// A made-up market: an index, its future, any number of stocks, and options.
namespace artham::feed::synthetic {

/// How often instruments tick; never more than once a second each, like Kite.
enum class activity : std::uint8_t {
  realistic,     ///< index, future and the first stocks about every second, the others ever rarer
                 ///< (Zipf)
  every_second,  ///< all of them every second: for load
};

struct options {
  std::uint64_t seed = 1;
  std::uint32_t instruments = 150;  ///< the index, its future, then stocks
  synthetic::activity activity = synthetic::activity::realistic;
  /// Besides, options on the index and the first two stocks; nothing else changes by them.
  bool chains = false;
};

/// A tick and when the exchange sends it: its exchange time (whole seconds) and the instrument's
/// own delay of less than a second, so that a second's ticks do not come all at once.
struct event {
  market::timestamp at = 0;
  market::tick tick;
};

/// The market as a pure function of (options, market time), the same bytes everywhere: integers
/// only, but for option prices, which are the same bits everywhere until they are rounded. A
/// trading day depends on no other day. Ticks fall into the sessions of the instrument's calendar;
/// about half of a share's or future's are changes of depth without a trade. The day's first tick
/// is a trade.
class generator {
 public:
  static constexpr std::uint32_t max_instruments = 1'000'000;

  /// Refuses a number of instruments that is 0 or above max_instruments, and a missing calendar.
  /// Stands before the first session that ends after 1970; seek before use.
  [[nodiscard]] static result<generator> make(options o, market::calendar_ptr nse,
                                              market::calendar_ptr nfo);

  /// The list in force on a date: the future's symbol and expiry are those of its month (its token
  /// stays); options are those around the previous close, and a token is one contract for ever.
  [[nodiscard]] std::vector<market::instrument> instruments(market::date on) const;

  /// Goes to market time t, forward or back: everything sent before t has happened, nothing else.
  void seek(market::timestamp t);
  /// When the next tick is sent; skips nights and holidays. Nothing if no session comes within 30
  /// days.
  [[nodiscard]] std::optional<market::timestamp> next_at();
  /// The next tick; ordered by (at, token). Call only if next_at() says that there is one.
  [[nodiscard]] event next();
  /// Appends all ticks sent before `until`.
  void step(market::timestamp until, std::vector<event>& out);

  /// The latest tick of the trading day at hand; nothing if there is none yet or the token is not
  /// ours. Asking for what comes next after a day's last tick begins the next day.
  [[nodiscard]] std::optional<market::tick> last(std::uint32_t token) const;

  /// What an option was worth at a time, at whole seconds; listed on that day or not. Nothing if
  /// the token is no option of ours, or has expired.
  [[nodiscard]] std::optional<true_option> true_value(std::uint32_t token,
                                                      market::timestamp t) const;

 private:
  enum class kind : std::uint8_t { index, future, stock, option };

  struct instrument_state {
    explicit instrument_state(std::uint64_t k) : key(k), path(mix(k)) {}

    std::uint64_t key;  ///< of everything random about the instrument
    price_path path;
    std::uint32_t token = 0;
    generator::kind kind = kind::stock;
    std::int64_t base = 0;       ///< paise; prices wander about it
    std::int64_t beta = 0;       ///< percent of the index's moves
    std::int64_t own = 0;        ///< percent of its own path
    std::int64_t tick_size = 5;  ///< paise
    std::int64_t spread = 5;     ///< paise, a multiple of tick_size
    std::int64_t lot = 1;
    std::int64_t trade_lots = 40;  ///< mean size of a last trade
    std::int64_t other_lots = 80;  ///< mean volume of the trades before it since the last tick
    std::int64_t oi_lots = 0;      ///< mean open interest
    std::int64_t gap_ms =
        0;  ///< mean time between ticks beyond the one second that is always there
    market::duration delay = 0;  ///< of its ticks, below a second, so that not all come at once
    std::size_t option = 0;      ///< of options: index into the day's contracts

    // The present trading day. Prices in paise, times in seconds.
    random draw{0};
    std::int64_t next_second = 0;
    std::int64_t second = 0;  ///< of the last tick; 0: none yet
    std::int64_t previous_close = 0;
    std::int64_t last = 0, open = 0, high = 0, low = 0;
    std::int64_t last_quantity = 0;
    std::int64_t last_trade = 0;
    std::int64_t volume = 0;
    std::int64_t turnover = 0;  ///< paise times quantity
    std::int64_t oi = 0, oi_high = 0, oi_low = 0;
  };

  struct due {
    market::timestamp at;
    std::uint32_t token;
    std::uint32_t index;
    bool operator>(const due& o) const { return at != o.at ? at > o.at : token > o.token; }
  };

  /// What the instruments of one calendar share on the present day.
  struct calendar_day {
    std::vector<market::session> sessions;
    std::int64_t previous_close_at = 0;  ///< second at which the previous trading date closed
  };

  generator(options o, market::calendar_ptr nse, market::calendar_ptr nfo);

  void make_chain();
  /// Where an underlying's options take their price from.
  [[nodiscard]] const instrument_state& state_of(std::size_t underlying) const;
  /// The underlyings' levels at the previous close of a date.
  [[nodiscard]] std::vector<std::int64_t> levels_before(market::date on) const;
  /// Puts the present day's options in the place of those before.
  void list_options();
  [[nodiscard]] instrument_state option_state(const contract& c, std::int64_t level) const;
  [[nodiscard]] true_option value(const contract& c, std::int64_t second) const;

  [[nodiscard]] calendar_day day_of(const market::calendar& c, market::date d) const;
  void begin_day(market::date d);
  void fill_queue();
  [[nodiscard]] const calendar_day& day_of(const instrument_state& i) const;
  [[nodiscard]] std::int64_t index_ppm(std::int64_t second) const;
  [[nodiscard]] std::int64_t level(const instrument_state& i, std::int64_t second) const;
  [[nodiscard]] option_quote quote(const instrument_state& i, std::int64_t second) const;
  [[nodiscard]] std::int64_t open_interest(const instrument_state& i, std::int64_t second) const;
  /// `from` itself, or where trading goes on after it; never_second when the day is over.
  [[nodiscard]] std::int64_t trading_second(const instrument_state& i, std::int64_t from) const;
  void draw_next(instrument_state& i, std::int64_t earliest) const;
  /// The instrument's next tick happens.
  void advance(instrument_state& i) const;
  [[nodiscard]] static market::duration delay_of(std::uint32_t token);
  [[nodiscard]] static market::timestamp at(const instrument_state& i);
  [[nodiscard]] market::tick tick_of(const instrument_state& i) const;
  void fill_depth(const instrument_state& i, market::tick& t) const;

  static constexpr std::int64_t never_second = INT64_MAX / 2'000'000'000;

  options options_;
  market::calendar_ptr nse_;
  market::calendar_ptr nfo_;
  price_path index_path_;
  std::vector<instrument_state> instruments_;  ///< the day's options last
  std::optional<option_chain> chain_;
  std::vector<volatility_surface> surfaces_;  ///< of the chain's underlyings
  std::vector<contract> contracts_;           ///< of the present day
  std::unordered_map<std::uint32_t, std::uint32_t> by_token_;
  market::date today_;
  calendar_day nse_day_;
  calendar_day nfo_day_;
  std::int64_t index_from_ = 0;          ///< second of index_ppm_[0]
  std::vector<std::int32_t> index_ppm_;  ///< the index path over the present day
  std::priority_queue<due, std::vector<due>, std::greater<>> queue_;
};

}  // namespace artham::feed::synthetic

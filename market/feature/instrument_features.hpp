#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "market/position.hpp"
#include "market/price.hpp"
#include "market/quote.hpp"
#include "market/state_bytes.hpp"
#include "market/time.hpp"

namespace artham::market::feature {

struct instrument_feature_rules {
  duration return_window = minute;
  duration volatility_window = 5 * minute;
  /// Seconds of trading that a year has; by default 252 days of 09:15 to 15:30.
  double seconds_per_year = 252 * 22'500.0;
};

/// What the quotes of one instrument say at a clock mark. Members whose field is not set are 0.
struct instrument_row {
  enum field : std::uint16_t {
    price_change_known = 1,
    volume_change_known = 2,
    oi_change_known = 4,
    spread_known = 8,
    microprice_known = 16,
    imbalance_known = 32,
    return_known = 64,
    volatility_known = 128,
  };
  timestamp mark = 0;
  position cause;  ///< of the newest quote that counted
  price last;
  price price_change;  ///< this and the next two: since the evaluation before in the session
  std::int64_t volume_change = 0;
  std::int64_t oi_change = 0;
  price spread;                ///< ask - bid of a book with both sides that is not crossed
  price microprice;            ///< of the same book, each side weighted by the other's quantity
  double depth_imbalance = 0;  ///< (bid - ask) / (bid + ask) of the quantities shown
  double rolling_return = 0;   ///< ln(last / last a return_window ago)
  double volatility = 0;       ///< realised over the volatility_window, a year
  std::uint32_t token = 0;
  std::uint16_t fields = 0;
  [[nodiscard]] bool has(field f) const { return (fields & f) != 0; }
  friend bool operator==(const instrument_row&, const instrument_row&) = default;
};

/// Features of one instrument, evaluated at clock marks. A function of the quotes, marks and begins
/// of sessions that it was given; the same bits on every machine.
///
/// Realised volatility is sqrt(sum of r^2 / window in years), r being the logarithmic returns from
/// evaluation to evaluation, of those in (mark - window, mark]. Between evaluations the last price
/// counts as constant. Both windows are known once an evaluation of this session lies a whole
/// window back; a last price that is not positive begins them anew.
class instrument_features {
 public:
  explicit instrument_features(const instrument_feature_rules& rules) : rules_(rules) {}

  /// Quotes flagged `ahead` are passed over, as are those that the held one follows in the order of
  /// time, volume (where both know it) and position.
  void take(const quote& q);
  /// A quote counted since the last evaluation.
  [[nodiscard]] bool changed() const { return changed_; }
  /// Marks rise. Nothing before the session's first quote.
  std::optional<instrument_row> evaluate(timestamp mark);
  /// Forgets all but the order of quotes.
  void begin_session();

  /// All but the rules.
  void save(state_writer& out) const;
  /// Into one that has taken nothing.
  void load(state_reader& in);

 private:
  struct sample {
    timestamp time = 0;
    price last;
    double squared_return = 0;  ///< from the sample before
  };

  template <class Io, class Self>
  static void fields(Io& io, Self& self);

  void add_changes(instrument_row& row);
  void add_sample(const instrument_row& row);
  void add_windows(instrument_row& row) const;
  [[nodiscard]] bool reaches(timestamp t) const;

  instrument_feature_rules rules_;
  quote held_;
  bool changed_ = false;
  bool has_order_ = false;  ///< `held_` tells which quotes are older
  bool has_quote_ = false;  ///< `held_` is of this session
  // At evaluations before in the session.
  std::optional<price> last_before_;
  std::optional<std::int64_t> volume_before_;
  std::optional<std::int64_t> oi_before_;
  std::vector<sample> samples_;  ///< from `first_` on; the first is as old as the longest window
  std::size_t first_ = 0;
};

}  // namespace artham::market::feature

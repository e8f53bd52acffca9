#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "market/error.hpp"
#include "market/feature/chain.hpp"
#include "market/feature/feature_plan.hpp"
#include "market/feature/instrument_features.hpp"
#include "market/feature/rows.hpp"
#include "market/mark.hpp"
#include "market/quote.hpp"

namespace artham::market::feature {

/// Features of record that one group makes, each with the clock mark that made it.
struct feature_rows {
  struct made_chain {
    position cause;
    chain_row row;
  };
  struct made_instrument {
    position cause;
    instrument_row row;
  };
  std::vector<made_chain> chains;
  std::vector<made_instrument> instruments;

  void clear() {
    chains.clear();
    instruments.clear();
  }
};

/// Chains of one underlying, and what there is to say of its instruments one by one (options are
/// told of by their chain). A pure function of the records since its trading day began: with the
/// day all is forgotten.
///
/// At a clock mark that is a multiple of the interval a chain is evaluated if something changed
/// since it was last: a quote of it or of what its forward may come from, or that a quote grew
/// stale, or that it expired.
class feature_group {
 public:
  feature_group(std::shared_ptr<const group_plan> plan, const feature_rules& rules);
  feature_group(const feature_group&) = delete;
  feature_group& operator=(const feature_group&) = delete;

  struct counters {
    std::uint64_t quotes = 0;
    std::uint64_t unused = 0;   ///< older than what is held, or ahead of market time
    std::uint64_t expired = 0;  ///< ticks of contracts that had expired
    [[nodiscard]] counters since(const counters& before) const;
  };

  /// Both in stream order. What marks up to `silent_until` make is left out, and not valued: it was
  /// made before.
  void consume(std::span<const quote> quotes, std::span<const mark> marks, position silent_until,
               feature_rows& out);
  /// The first clock mark by which there is something to say even without another quote.
  [[nodiscard]] timestamp next_due() const;
  /// Chains that changed since the last call, as of the newest quote or mark.
  void live(std::vector<chain_row>& out);
  [[nodiscard]] const counters& counts() const { return counts_; }

  /// Of a group that has seen nothing yet: the newest clock mark before what comes. So it does not
  /// matter from where on it was given marks.
  void begin_at(timestamp clock);

  /// Of the bytes of `save`.
  static constexpr std::uint8_t state_version = 1;
  /// Everything that decides what it says from here on, with the plan and the rules.
  [[nodiscard]] std::string save() const;
  /// Into a group that has seen nothing: what one of the same plan and rules saved. Its chains
  /// count as changed for `live`. errc::unsupported for another version, errc::corrupt for anything
  /// else.
  [[nodiscard]] result<void> load(std::string_view bytes);

 private:
  enum class kind : std::uint8_t { spot, future, option };
  struct member {
    kind what = kind::spot;
    std::uint32_t token = 0;
    std::size_t listed = 0;  ///< index in the plan's futures or options
    held_quote held;
    std::optional<instrument_features> features;  ///< not of options
  };
  struct chain_state {
    explicit chain_state(chain c) : values(std::move(c)) {}
    chain values;
    std::vector<chain::entry> entries;  ///< seen today, by strike, call before put
    bool changed = false;
    bool live_changed = false;
    timestamp turn = never;  ///< when time alone changes something
  };

  void add_member(kind what, std::uint32_t token, std::size_t listed);
  void take(const quote& q);
  void take_option(member& m);
  /// The option's chain, with the option in it.
  chain_state& chain_of(const member& m);
  void on_clock(const mark& m, bool silent, feature_rows& out);
  void advance(timestamp t);
  [[nodiscard]] bool is_changed(const chain_state& c, timestamp t) const;
  [[nodiscard]] chain_row evaluate(chain_state& c, timestamp t) const;
  [[nodiscard]] timestamp next_turn(const chain_state& c, timestamp t) const;
  [[nodiscard]] std::vector<underlying_price> outside(const chain& c, timestamp t) const;
  [[nodiscard]] underlying_price future_price(const chain& c, timestamp t) const;
  [[nodiscard]] underlying_price spot_price(timestamp t) const;

  std::shared_ptr<const group_plan> plan_;
  chain_rules rules_;
  duration interval_;
  duration instrument_interval_;
  instrument_feature_rules instrument_rules_;
  std::vector<member> members_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_token_;
  std::map<date, chain_state> chains_;
  timestamp now_ = 0;        ///< newest clock mark or quote
  timestamp clock_ = 0;      ///< newest clock mark
  timestamp day_begin_ = 0;  ///< of the present trading day
  timestamp day_end_ = 0;
  timestamp next_open_ = 0;  ///< of a session of this day
  bool instruments_changed_ = false;
  counters counts_;
};

}  // namespace artham::market::feature

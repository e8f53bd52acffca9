#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/bar.hpp"
#include "market/error.hpp"
#include "market/instrument.hpp"
#include "market/mark.hpp"
#include "market/tick.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/feature_codec.hpp"

/// Port "where history rests". Implementations: store/sqlite, store/postgres.
namespace artham::store {

/// Shards that a stream of ticks is stored in when several writers share it: a store actor owns
/// some, each has a position of its own, so that their number may change between two runs.
inline constexpr std::uint32_t tick_shards = 8;
/// The shard of an instrument's ticks. The same on every machine and in every version.
[[nodiscard]] constexpr std::uint32_t tick_shard(std::uint32_t token) {
  return static_cast<std::uint32_t>((token * 0x9E3779B97F4A7C15ULL) >> 61U);
}

/// How far a consumer has stored a stream. Commits in the same transaction as the rows it covers.
struct stored_position {
  std::string consumer;  ///< `tick_store`, `bar_store`, `feature_store`, `quarantine_store`
  std::string stream;
  std::uint32_t shard = 0;
  record::position at;
  std::uint32_t ordinal = 0;
};

/// One journaled tick as a row: what one queries by, and the packet itself.
struct tick_row {
  market::timestamp receive = 0;
  market::timestamp wall = 0;
  market::bar_input core;
  std::string_view packet;  ///< verbatim, with all its fields; empty for imported ticks
};

/// A record of md:deadletter as a row.
struct quarantine_row {
  record::position place;  ///< in md:deadletter
  record::dead_letter letter;
  friend bool operator==(const quarantine_row&, const quarantine_row&) = default;
};

/// One transaction: all of it or nothing.
struct batch {
  std::span<const tick_row> ticks;
  market::timeframe timeframe;  ///< of the bars
  std::span<const record::bar_record> bars;
  std::span<const market::mark> marks;  ///< gaps are stored; other kinds are for position only
  std::span<const quarantine_row> quarantines;
  std::span<const record::feature_record> features;
  /// The consumer's positions before and after, shard by shard. The commit is refused
  /// (errc::conflict) unless the stored ones equal `expected`, so that nothing is stored twice.
  std::span<const stored_position> expected;
  std::span<const stored_position> positions;
};

/// Rows that the database would not take, whatever one does: they are in its table dead_letters,
/// with the reason, and everything else of the batch is stored.
struct commit_report {
  std::uint64_t refused = 0;
  std::string reason;  ///< of the first
};

/// What storing candles changed; those that were there already count in neither.
struct candle_counts {
  std::size_t added = 0;
  std::size_t changed = 0;  ///< the exchange corrected them
};

/// Whose candles: rows of other sources are other rows.
inline constexpr std::string_view kite_source = "kite";

/// A writing connection; used from one thread at a time. Calls block.
class writer {
 public:
  virtual ~writer() = default;
  virtual result<commit_report> commit(const batch& b) = 0;
  /// Rows that no stream brings: a repair's. Those that are there stay as they are. Atomic.
  virtual result<void> put_bars(market::timeframe tf, std::span<const record::bar_record> bars) = 0;
  [[nodiscard]] virtual result<std::optional<stored_position>> position(std::string_view consumer,
                                                                        std::string_view stream,
                                                                        std::uint32_t shard) = 0;
  /// Loads a dump that is in force from `valid_from`: new and changed instruments get rows,
  /// vanished ones end. Atomic; the same dump twice changes nothing.
  virtual result<void> put_instruments(std::span<const market::instrument> list,
                                       market::date valid_from) = 0;
  /// Bars that an exchange made itself, in any order: prices, volume and OI of them are stored
  /// beside our own bars. Atomic; the newest of a bar is kept.
  virtual result<candle_counts> put_candles(std::string_view source, market::timeframe tf,
                                            std::span<const market::bar> candles) = 0;
};

/// An instrument as the store knows it.
struct stored_instrument {
  std::int64_t id = 0;  ///< instrument_id of the rows
  market::instrument instrument;
  market::date valid_from;
  std::optional<market::date> valid_to;  ///< exclusive; none: in force
  friend bool operator==(const stored_instrument&, const stored_instrument&) = default;
};

/// Where a row stands among those of an instrument and a timeframe: this is their order.
struct bar_place {
  market::timestamp start = 0;
  std::uint32_t revision = 0;
  friend auto operator<=>(const bar_place&, const bar_place&) = default;
};

struct bar_query {
  std::uint32_t token = 0;
  market::timeframe timeframe;
  market::timestamp from = 0;            ///< bar start, inclusive
  market::timestamp to = market::never;  ///< exclusive
  std::size_t limit = 1000;
  bool newest_first =
      false;  ///< take the newest `limit`; the answer is in order of start all the same
  /// Else only the last of each bar, without bars that were withdrawn (ticks are 0).
  bool all_revisions = false;
  /// With all revisions: only rows behind this place, or in front of it with newest_first. Where a
  /// page ended, the next one begins.
  std::optional<bar_place> past{};
  /// Only what records of md:ticks up to here have made.
  record::position as_of{UINT32_MAX, INT64_MAX};
};

/// Features between two times of clock marks, of an instrument or a chain.
struct feature_query {
  market::timestamp from = 0;            ///< inclusive
  market::timestamp to = market::never;  ///< exclusive
  std::size_t limit = 1000;
  bool newest_first =
      false;  ///< take the newest `limit`; the answer is in order of time all the same
};

/// An option at a clock mark, and what its chain says of the forward.
struct stored_greeks {
  market::timestamp at = 0;
  std::string underlying;
  market::date expiry;
  double forward = 0;  ///< 0: not known
  market::feature::option_row option;
};

/// An expiry of which there are chains.
struct stored_expiry {
  market::date expiry;
  market::timestamp newest = 0;  ///< clock mark of the newest
};

struct gap_row {
  market::timestamp from = 0;
  market::timestamp to = 0;  ///< market::never: not over
  market::gap_cause cause = market::gap_cause::none;
  std::string detail;
  record::position at;
  /// The one instrument whose bars stopped, as their builder is in quarantine; none: the feed was
  /// lost.
  std::optional<std::uint32_t> token{};
  /// Of a loss: those that it concerns, ascending; empty: all.
  std::vector<std::uint32_t> tokens{};

  [[nodiscard]] bool concerns(std::uint32_t instrument) const {
    if (token) return *token == instrument;
    return tokens.empty() || std::ranges::binary_search(tokens, instrument);
  }
};

/// Read connections; thread-safe. Calls block.
class reader {
 public:
  virtual ~reader() = default;
  [[nodiscard]] virtual result<std::vector<record::bar_record>> bars(const bar_query& q) = 0;
  /// Candles of a source, flagged `backfilled`; revisions and as_of mean nothing to them.
  [[nodiscard]] virtual result<std::vector<market::bar>> candles(std::string_view source,
                                                                 const bar_query& q) = 0;
  [[nodiscard]] virtual result<std::vector<stored_instrument>> instruments() = 0;
  /// `NSE:INFY`, or a bare token: what it means now, or meant last. With a date, what it meant on
  /// that day: a token is given to another instrument in time.
  [[nodiscard]] virtual result<std::optional<stored_instrument>> find(
      std::string_view key, std::optional<market::date> on) = 0;
  [[nodiscard]] result<std::optional<stored_instrument>> find(std::string_view key) {
    return find(key, std::nullopt);
  }
  /// Underlyings with chains, by name.
  [[nodiscard]] virtual result<std::vector<std::string>> chain_underlyings() = 0;
  [[nodiscard]] virtual result<std::vector<stored_expiry>> chain_expiries(
      std::string_view underlying) = 0;
  /// The newest at or before `at`, with its options.
  [[nodiscard]] virtual result<std::optional<record::feature_record>> chain(
      std::string_view underlying, market::date expiry, market::timestamp at) = 0;
  /// Chains without their options.
  [[nodiscard]] virtual result<std::vector<record::feature_record>> chain_history(
      std::string_view underlying, market::date expiry, const feature_query& q) = 0;
  [[nodiscard]] virtual result<std::vector<stored_greeks>> greeks(std::uint32_t token,
                                                                  const feature_query& q) = 0;
  [[nodiscard]] virtual result<std::vector<record::feature_record>> instrument_features(
      std::uint32_t token, const feature_query& q) = 0;
  /// Losses of the feed, then bar builders that are in quarantine.
  [[nodiscard]] virtual result<std::vector<gap_row>> gaps(market::timestamp from,
                                                          market::timestamp to) = 0;
  [[nodiscard]] virtual result<std::uint64_t> count_ticks() = 0;
  [[nodiscard]] virtual result<std::vector<stored_position>> positions() = 0;
};

struct options {
  bool tick_table = false;  ///< `store.ticks = table`
  std::vector<market::timeframe> timeframes;
};

/// How long rows stay, in market time; 0: for ever.
struct retention {
  market::duration ticks = 0;
  market::duration bars = 0;
  market::duration features = 0;
};
/// A table has no rows any more from before this.
struct removed_rows {
  std::string table;
  market::timestamp before = 0;
};

/// One store: its writers, and readers that see committed data while they write.
class database {
 public:
  virtual ~database() = default;
  /// The first writer; the only one of an embedded store.
  [[nodiscard]] virtual writer& writing() = 0;
  /// All of them, each for a thread of its own.
  [[nodiscard]] virtual std::vector<writer*> writers() { return {&writing()}; }
  [[nodiscard]] virtual reader& reading() = 0;
  /// Removes what is older, a day, month or year at a time; what it cannot have now it leaves for
  /// the next time. An embedded store keeps everything. Thread-safe.
  virtual result<std::vector<removed_rows>> remove_old(const retention& keep,
                                                       market::timestamp now) {
    static_cast<void>(keep);
    static_cast<void>(now);
    return std::vector<removed_rows>{};
  }
};

}  // namespace artham::store

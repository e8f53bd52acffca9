#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.hpp"

namespace artham::store {

/// Records between two causes; positions of md:ticks are causes too. Both ends are not among them.
struct record_range {
  record::cause after;
  record::cause before;
  /// Only those whose cause has a seq in (seq_above, seq_upto]: what one call looks at.
  std::uint64_t seq_above = 0;
  std::uint64_t seq_upto = 0;
  std::size_t limit = 1000;
};

/// A tick as its row has it: the packet, or where there is none what it says.
struct stored_tick {
  record::position at;
  std::uint32_t token = 0;
  market::timestamp receive = 0;
  market::timestamp exchange = 0;
  market::price last;
  std::string packet;  ///< verbatim; empty for imported ticks
};

struct chain_name {
  std::string underlying;
  market::date expiry;
  friend auto operator<=>(const chain_name&, const chain_name&) = default;
};

/// What was stored of the streams, in their order, for whoever goes on where he was and does not
/// find it in the streams any more. Thread-safe. Calls block. Answers have the first `limit` rows.
class record_source {
 public:
  virtual ~record_source() = default;
  /// How many tick_shards ticks are stored in.
  [[nodiscard]] virtual std::uint32_t shards_of_ticks() const = 0;
  [[nodiscard]] virtual result<std::vector<stored_position>> positions() = 0;
  /// Retention removed rows of a table (`ticks`, `bars_1m`, `chain_features`) that are older than
  /// this; 0: none.
  [[nodiscard]] virtual result<market::timestamp> kept_since(std::string_view table) = 0;
  /// All revisions, by cause. `tokens` are not empty.
  [[nodiscard]] virtual result<std::vector<record::bar_record>> bars_between(
      market::timeframe tf, std::span<const std::uint32_t> tokens, const record_range& r) = 0;
  /// With their options, by cause. `chains` are not empty.
  [[nodiscard]] virtual result<std::vector<record::feature_record>> chains_between(
      std::span<const chain_name> chains, const record_range& r) = 0;
  /// By position. `tokens` are not empty.
  [[nodiscard]] virtual result<std::vector<stored_tick>> ticks_between(
      std::span<const std::uint32_t> tokens, const record_range& r) = 0;
  /// Losses of the feed, by position.
  [[nodiscard]] virtual result<std::vector<gap_row>> gaps_between(const record_range& r) = 0;
};

}  // namespace artham::store

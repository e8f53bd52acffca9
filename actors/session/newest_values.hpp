#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/bars/token_slots.hpp"
#include "actors/session/chain_board.hpp"
#include "actors/session/instrument_index.hpp"
#include "actors/session/message_style.hpp"
#include "feed/feed.hpp"
#include "messages/record/bar_codec.hpp"

namespace artham::actors {

/// What clients are told when they come: the newest value of every key, and a tail of finished bars
/// that joins what the store has to what is live. Knows no actor.
class newest_values {
 public:
  struct config {
    const feed::decoder* decoder = nullptr;
    std::shared_ptr<const instrument_index> instruments;
    std::shared_ptr<const market::feature::feature_plan> features;  ///< null: there are none here
    std::size_t tail_bars = 200'000;
    std::string_view live_state = "live";  ///< of keys that have what is new
  };
  explicit newest_values(config c);

  /// A tick as it was journaled.
  struct packet {
    std::string bytes;         ///< empty: packed
    market::bar_input packed;  ///< what a packed tick has
    market::timestamp receive = 0;
  };

  /// In which modes a packet shows something else than the one before it.
  struct news {
    bool ltp = true;
    bool quote = true;
    /// A client of this mode is to have the packet: in full mode each one.
    [[nodiscard]] bool in(protocol::ticker_mode mode) const {
      return mode == protocol::ticker_mode::full ||
             (mode == protocol::ticker_mode::quote ? quote : ltp);
    }
  };

  // Ticks.
  /// Of a packet that comes behind the newest one.
  [[nodiscard]] news news_of(std::uint32_t token, std::string_view bytes) const;
  void take_packet(std::uint32_t token, std::string_view bytes, market::timestamp receive);
  void take_packed(const market::bar_input& t, market::timestamp receive);
  [[nodiscard]] const packet* newest(std::uint32_t token) const;
  [[nodiscard]] market::tick tick_of(const packet& p) const;
  /// Appends the instrument's newest packet with its length, as a mode shows it; false: there is
  /// none.
  bool append_newest_packet(std::string& out, std::uint32_t token,
                            protocol::ticker_mode mode) const;
  /// Of the instrument's newest tick.
  [[nodiscard]] protocol::message_times times_of(std::uint32_t token) const;

  // Bars.
  void take_final(std::uint64_t key, const record::bar_record& bar);
  /// False: a finished one is newer.
  bool take_live(std::uint64_t key, const market::bar& bar);
  void forget_live() { live_.clear(); }
  void forget_live(std::uint64_t key) { live_.erase(key); }
  [[nodiscard]] const market::bar* live(std::uint64_t key) const;

  // Chains; see chain_board.
  [[nodiscard]] chain_board* board() { return board_.get(); }
  [[nodiscard]] const chain_board* board() const { return board_.get(); }

  // The feed.
  /// True: states of keys may be others now.
  bool take_mark(const market::mark& m);
  void heard() { feed_live_ = !feed_lost_; }
  [[nodiscard]] std::string_view state_of(std::uint64_t key) const;
  /// Something is heard of the feed.
  [[nodiscard]] bool is_feed_live() const { return feed_live_; }
  [[nodiscard]] market::timestamp market_time() const { return market_time_; }
  /// Start of the newest finished bar; 0: none was seen.
  [[nodiscard]] market::timestamp newest_final(std::uint64_t key) const;

  // Bar builders in quarantine, and since when (market time).
  bool stop(std::uint32_t token, market::timestamp since) {
    return stopped_.try_emplace(token, since).second;
  }
  void lift(std::uint32_t token) { stopped_.erase(token); }
  /// Of a bar's key.
  [[nodiscard]] std::optional<market::timestamp> stopped(std::uint64_t key) const;

  /// Appends the newest message of a key; false: there is no value.
  bool append_newest(std::string& out, std::uint64_t key, const message_style& style) const;
  /// `{"bars":[…]}` and its like: `history` is what the store has, of which so many are wanted.
  [[nodiscard]] std::string snapshot(std::uint64_t key,
                                     const std::vector<record::bar_record>& history,
                                     std::size_t wanted) const;

 private:
  struct finished {
    market::timestamp start = 0;
    market::position last;
  };

  packet& last_of(std::uint32_t token);
  [[nodiscard]] bool is_lost(std::uint64_t key) const;
  [[nodiscard]] std::string bars_snapshot(std::uint64_t key,
                                          const std::vector<record::bar_record>& history,
                                          std::size_t wanted) const;

  config config_;
  std::unique_ptr<chain_board> board_;
  token_slots slots_;
  std::vector<packet> last_;
  std::unordered_map<std::uint64_t, market::bar> live_;
  /// The newest finished bar of each key. Unfinished ones that come later than it are older: in a
  /// cluster they come on other ways.
  std::unordered_map<std::uint64_t, finished> finished_;
  std::unordered_map<std::uint64_t, std::deque<market::bar>> tails_;
  std::deque<std::uint64_t> tail_order_;  ///< whose tails have grown, oldest first
  std::map<std::uint32_t, market::timestamp> stopped_;
  bool feed_live_ = false;  ///< something was heard, and it is not lost
  bool feed_lost_ = false;
  std::unordered_set<std::uint32_t> lost_;  ///< with one of several connections
  market::timestamp market_time_ = 0;
};

}  // namespace artham::actors

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/session/message_style.hpp"
#include "actors/session/resume_board.hpp"
#include "actors/session/resume_token.hpp"
#include "actors/session/stored_stretch.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "market/feature/feature_plan.hpp"
#include "messages/batch.hpp"
#include "runtime/worker.hpp"
#include "store/record_source.hpp"

namespace artham::actors {

/// What catching up reads with. What is pointed to outlives it.
struct catch_up_config {
  bridge::bridge* journal = nullptr;  ///< has the streams of all shards
  std::shared_ptr<const token_codec> tokens;
  const feed::decoder* decoder = nullptr;
  std::shared_ptr<const market::feature::feature_plan> features;  ///< null: there are none here
  std::shared_ptr<resume_board> board;

  // What the streams do not have any more.
  store::record_source* stored = nullptr;  ///< null: that is gone
  bool stored_ticks = false;               ///< every tick is a row of the store
  std::vector<market::timeframe> timeframes;
  /// Of an instrument; empty: there is one shard.
  std::function<std::uint32_t(std::uint32_t token)> shard_of;
  std::chrono::milliseconds store_patience{5'000};  ///< for a store that is behind the streams
};

/// Reads what a client has missed: the ticks, finished bars, revisions, features and gaps of its
/// keys between two positions, in the order of each stream, as the messages that it would have got.
/// What a stream does not have any more comes out of the store, up to where the stream goes on.
/// Used by one thread at a time; calls block.
class catch_up {
 public:
  struct wanted {
    std::uint64_t key = 0;
    message_style style;
    bool values = true;  ///< ticks and features, too
  };
  catch_up(const catch_up_config& config, std::vector<wanted> keys, messages::resume_point from);

  struct step {
    messages::batch_ptr found;  ///< null: nothing
    bool at_end = false;        ///< nothing is left up to where it was to read
  };
  /// Reads on, up to `until`: about so many bytes of messages. What is not read in one go is read
  /// to its end first, and `until` counts from then on.
  [[nodiscard]] result<step> next(const messages::resume_point& until, std::size_t bytes);
  /// Some of what this key has missed is not to be had any more.
  [[nodiscard]] bool expired(std::uint64_t key) const { return expired_.contains(key); }

 private:
  using entry = stream_list::entry;
  /// What a stream does not have, behind where the client is.
  struct hole {
    market::position upto;
    market::cause before;        ///< of its first record behind
    bool own_numbering = false;  ///< positions do not tell causes
    /// The stream's last word. Else, what is not in the store may be had of the journal by a bridge
    /// that asks for it.
    bool is_final = true;
    bool is_short = false;  ///< the store has not all of it
    // Once its rows are being read: they are those of one round, even where others follow before
    // they are through.
    std::unique_ptr<stored_stretch> rows;
    market::position rows_upto;
    market::cause rows_cause;  ///< of the record there, in a numbering of its own
  };
  struct place {
    std::size_t index = 0;        ///< of the stream, and of its position
    market::position at;          ///< read up to here
    market::cause cause;          ///< of the record there, in a numbering of its own
    market::position goal;        ///< of the present round
    market::cause goal_cause;     ///< likewise
    bool checked = false;         ///< that nothing is missing at its beginning
    std::optional<hole> missing;  ///< what is to be had of the store first
    /// The store is waited for until then, all in all.
    std::optional<std::chrono::steady_clock::time_point> deadline;
    std::vector<std::uint32_t> tokens;  ///< that blocks may be left out by; empty: none may
    std::unique_ptr<bridge::reader> reader;
    std::deque<record::block_ptr> blocks;
  };

  void begin_round(const messages::resume_point& until);
  result<void> read(place& p, std::size_t bytes);
  result<void> check(place& p);
  result<void> check_begin(place& p);
  [[nodiscard]] result<record::block_ptr> first_behind(const place& p,
                                                       market::position after) const;
  [[nodiscard]] bool is_dense(const place& p) const;
  /// True: all of the hole that was wanted when its rows were begun was read. False: there is
  /// enough for now, or the store is to be asked again.
  result<bool> fill(place& p, std::size_t bytes);
  /// False: the store is to be asked again.
  result<bool> begin_filling(place& p, market::position until);
  [[nodiscard]] stretch_wants wants_of(const place& p) const;
  void take_stored(const entry& stream, const stored_stretch::row& r);
  [[nodiscard]] bool is_in_shard(const entry& stream, std::uint64_t key) const;
  /// Neither the stream nor the store has it.
  void say_expired(const place& p);
  void say_missing(const place& p, std::string_view cause);
  /// False: there is enough for now, and the block is to be gone on with.
  bool take_block(place& p, const record::block& b, std::size_t bytes);
  void take_mark(const market::mark& m);
  void put_bar(const entry& stream, const market::bar& bar);
  void take_record(const entry& stream, market::position at, const record::header& h,
                   std::string_view body);
  void put_tick(const wanted& w, const market::tick& t, market::timestamp receive);
  void put_chain(const chain_board::shown& s);
  void take_event(std::string_view json, std::uint64_t key);
  [[nodiscard]] const wanted* find(std::uint64_t key, bool value) const;
  template <class Write>
  void put(std::uint64_t key, messages::batch::kind kind, Write&& write);
  [[nodiscard]] bool concerns(const entry& stream, std::uint64_t key) const;

  const catch_up_config& config_;
  std::unordered_map<std::uint64_t, wanted> keys_;
  std::vector<place> places_;
  bool in_round_ = false;    ///< not everything was read up to the goals
  market::timestamp since_;  ///< market time of the client's token; 0: not known
  std::set<std::uint64_t> expired_;
  std::vector<market::bar_input> packed_;
  std::string bytes_;
  std::vector<messages::batch::item> items_;
};

/// Threads that read what clients have missed, and a limit of how many clients that may be at a
/// time. Thread-safe.
class catch_up_pool {
 public:
  catch_up_pool(catch_up_config config, std::size_t threads, std::size_t at_most);
  ~catch_up_pool();

  /// Null: too many clients are catching up, or the hub has not begun.
  [[nodiscard]] std::shared_ptr<catch_up> begin(std::vector<catch_up::wanted> keys,
                                                messages::resume_point from);
  /// Calls done from another thread. `until`: null for what clients have been told by now. False:
  /// the pool has stopped.
  [[nodiscard]] bool read(std::shared_ptr<catch_up> what, messages::resume_point_ptr until,
                          std::function<void(result<catch_up::step>)> done);
  [[nodiscard]] const token_codec& tokens() const { return *config_.tokens; }
  void stop();

 private:
  catch_up_config config_;
  std::size_t at_most_;
  std::atomic<std::size_t> running_{0};
  std::atomic<std::size_t> turn_{0};
  std::vector<std::unique_ptr<runtime::worker>> threads_;
};

}  // namespace artham::actors

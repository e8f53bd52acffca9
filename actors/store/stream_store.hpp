#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

#include "actors/store/owned_shards.hpp"
#include "actors/store/store_board.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "messages/actors.hpp"
#include "runtime/metrics.hpp"
#include "runtime/worker.hpp"
#include "store/store.hpp"

namespace artham::actors {

/// What some blocks come to in the store: the rows of one transaction.
struct store_rows {
  std::vector<store::tick_row> ticks;
  std::vector<record::block_ptr> blocks;  ///< keep the packets of `ticks` alive
  market::timeframe timeframe;
  std::vector<record::bar_record> bars;
  std::vector<market::mark> marks;
  std::vector<store::quarantine_row> quarantines;
  std::vector<record::feature_record> features;
  /// Nothing in here would be missed if the position were committed later, together with more.
  bool can_wait = false;

  /// All but the marks.
  [[nodiscard]] std::size_t size() const {
    return ticks.size() + bars.size() + quarantines.size() + features.size();
  }
  /// Those of the blocks behind these.
  void append(store_rows&& more);
};

/// Rows of the records that `after` wants.
using row_maker = std::function<result<store_rows>(std::span<const record::block_ptr> blocks,
                                                   const owned_shards& after)>;

inline constexpr std::string_view refused_rows_metric = "artham_store_refused_rows_total";

struct stream_store_config {
  std::string consumer;
  std::string stream;
  std::vector<std::uint32_t> shards{0};  ///< that this actor stores; each has its own position
  /// Which one it is where several actors share the stream.
  std::optional<std::size_t> part;
  bridge::bridge* journal = nullptr;
  store::writer* writer = nullptr;
  runtime::worker* writer_thread = nullptr;  ///< the only thread that uses `writer`
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<store_board> board = std::make_shared<store_board>();
  std::uint64_t batch = 65'536;        ///< records a transaction has at the most, roughly
  std::chrono::nanoseconds linger{0};  ///< how long a smaller one waits for more to come
  row_maker make_rows;

  /// `tick_store`, or `tick_store/1`: who reads the stream.
  [[nodiscard]] std::string consumer_name() const {
    return part ? consumer + "/" + std::to_string(*part) : consumer;
  }
  /// `md:ticks`, or `md:ticks/1`.
  [[nodiscard]] std::string name() const {
    return part ? stream + "/" + std::to_string(*part) : stream;
  }
};

/// Stores one stream, or shards of it: pulls what is durable, commits rows and positions in one
/// transaction, one transaction at a time, and makes the rows of the next one meanwhile. That goes
/// when the one before is done and it is full, or has waited for `linger`. While the store does not
/// answer it waits and tries again; the backlog stays in the journal.
///
/// State: the cursor, the transaction under way, the next one.
/// Takes: "ready" of the stream, the outcome of what the store was asked for, the times to ask
/// again and to wait no longer for more.
/// Sends: jobs to the writer's thread.
class stream_store_state {
 public:
  static inline const char* name = "artham.stream_store";

  ~stream_store_state();

  messages::store_actor::behavior_type start(messages::store_actor::pointer self,
                                             stream_store_config config);

 private:
  /// A transaction that is being filled.
  struct filling {
    store_rows rows;
    std::uint64_t records = 0;  ///< of the blocks with rows
    std::uint64_t put_off = 0;  ///< of those without
    std::uint64_t number = 1;
    bool waited = false;  ///< long enough
  };
  /// Rows and the positions behind them.
  struct transaction {
    std::shared_ptr<const store_rows> rows;
    std::uint64_t records = 0;
    owned_shards until;
  };

  void on_outcome(const messages::store_outcome& o);
  void on_failure(const messages::store_outcome& o);
  void note_refused(const messages::store_outcome& o);
  void goes_on();
  void open_cursor();
  void advance();
  void fill();
  void add(store_rows&& rows, std::uint64_t records);
  [[nodiscard]] bool is_due() const;
  void show_lag();
  void ask_store();
  void ask_positions();
  void commit();
  void post(std::function<messages::store_outcome()> job);
  [[nodiscard]] std::vector<store::stored_position> positions(const owned_shards& at) const;

  messages::store_actor::pointer self_ = nullptr;
  stream_store_config config_;
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<bridge::reader> cursor_;
  owned_shards stored_;  ///< in the store
  owned_shards pulled_;  ///< in `next_` or before
  std::optional<transaction> under_way_;
  filling next_;
  bool armed_ = false;
  std::chrono::milliseconds retry_after_;  ///< the wait after the next failure
  std::string refusal_;                    ///< the last that was logged
  runtime::gauge* lag_ = nullptr;
  runtime::gauge* waiting_ = nullptr;
  runtime::counter* commits_ = nullptr;
  runtime::counter* retries_ = nullptr;
  runtime::counter* rows_stored_ = nullptr;
  runtime::counter* rows_refused_ = nullptr;
};

messages::store_actor::behavior_type stream_store(
    messages::store_actor::stateful_pointer<stream_store_state> self, stream_store_config config);

/// What of md:ticks is stored.
struct tick_row_rules {
  /// Every tick is a row; else queries read the journal.
  bool table = false;
  /// A tick belongs to store::tick_shard of its instrument, gaps to shard 0; else all to shard 0.
  bool sharded = false;
  bool gaps = true;
};
/// For md:ticks.
[[nodiscard]] row_maker tick_rows(const feed::decoder& decoder, tick_row_rules rules);
/// For md:deadletter.
[[nodiscard]] row_maker quarantine_rows();
/// For md:features.
[[nodiscard]] row_maker feature_rows();
/// For md:bars:final.{tf}.
[[nodiscard]] row_maker bar_rows(market::timeframe timeframe);

}  // namespace artham::actors

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

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
};

struct stream_store_config {
  std::string consumer;
  std::string stream;
  bridge::bridge* journal = nullptr;
  store::writer* writer = nullptr;
  runtime::worker* writer_thread = nullptr;  ///< the only thread that uses `writer`
  runtime::metrics* metrics = nullptr;
  std::uint64_t batch = 65'536;  ///< records a transaction has at the most, roughly
  /// Rows of the records behind `after`.
  std::function<result<store_rows>(std::span<const record::block_ptr>, record::position after)>
      make_rows;
};

/// Stores one stream: pulls what is durable, commits rows and position in one transaction, one
/// transaction at a time, and makes the rows of the next one meanwhile. While the store fails it
/// waits and tries again; the backlog stays in the journal.
///
/// State: the cursor, the transaction under way, the next one.
/// Takes: "ready" of the stream, the outcome of the transaction, the time to try it again.
/// Sends: jobs to the writer's thread.
class stream_store_state {
 public:
  static inline const char* name = "artham.stream_store";

  messages::store_actor::behavior_type start(messages::store_actor::pointer self,
                                             stream_store_config config);

 private:
  /// Rows and the position behind them.
  struct transaction {
    std::shared_ptr<const store_rows> rows;
    record::position until;
  };

  void on_outcome(const messages::commit_outcome& o);
  void make_next();
  void commit_next();
  void commit();
  void post(std::function<messages::commit_outcome()> job);

  messages::store_actor::pointer self_ = nullptr;
  stream_store_config config_;
  std::unique_ptr<bridge::reader> cursor_;
  record::position stored_;  ///< in the store
  record::position pulled_;  ///< in `next_` or before
  std::optional<transaction> under_way_;
  std::optional<transaction> next_;
  bool armed_ = false;
  std::string trouble_;        ///< why the transaction under way fails
  std::uint64_t put_off_ = 0;  ///< records behind the newest transaction, with nothing to store
  runtime::gauge* lag_ = nullptr;
  runtime::counter* commits_ = nullptr;
  runtime::counter* retries_ = nullptr;
  runtime::counter* rows_stored_ = nullptr;
};

messages::store_actor::behavior_type stream_store(
    messages::store_actor::stateful_pointer<stream_store_state> self, stream_store_config config);

/// make_rows for md:ticks. `table`: every tick is a row; else only gaps are stored, and queries
/// read the journal.
[[nodiscard]] std::function<result<store_rows>(std::span<const record::block_ptr>,
                                               record::position)>
tick_rows(const feed::decoder& decoder, bool table);
/// make_rows for md:deadletter.
[[nodiscard]] std::function<result<store_rows>(std::span<const record::block_ptr>,
                                               record::position)>
quarantine_rows();
/// make_rows for md:features.
[[nodiscard]] std::function<result<store_rows>(std::span<const record::block_ptr>,
                                               record::position)>
feature_rows();
/// make_rows for md:bars:final.{tf}.
[[nodiscard]] std::function<result<store_rows>(std::span<const record::block_ptr>,
                                               record::position)>
bar_rows(market::timeframe timeframe);

}  // namespace artham::actors

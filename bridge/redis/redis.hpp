#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"
#include "runtime/metrics.hpp"
#include "runtime/secret.hpp"

/// Redis Streams as the bridge between nodes. docs/streams.md gives keys, entries and fields.
namespace artham::bridge::redis {

/// A server and how to be let in.
struct endpoint {
  std::string host = "127.0.0.1";  ///< not used with a socket
  std::uint16_t port = 6379;
  std::filesystem::path socket;  ///< of a unix socket; empty: TCP
  std::string user;              ///< empty: the default user
  runtime::secret password;
  int database = 0;
  market::duration timeout = 2 * market::second;  ///< of connecting, and of each answer

  /// For people, without the password.
  [[nodiscard]] std::string text() const;
};

enum class encoding : std::uint8_t { packed, fields };

/// Called from a thread of the bridge: with what keeps it from working, and with nothing when it
/// works again.
using health_callback = std::function<void(const std::optional<error>&)>;

struct options {
  endpoint server;
  /// How entries are written; both can always be read.
  redis::encoding encoding = encoding::packed;
  bool compress = true;  ///< packed entries, with zstd, where that makes them smaller
  market::duration linger = 2 * market::millisecond;  ///< longest wait for neighbours of an entry
  std::uint64_t queue_bytes = 64ULL << 20U;           ///< appended and not yet taken by Redis
  std::uint64_t read_bytes = 16ULL << 20U;            ///< read ahead by one reader
  /// More than this in Redis (used_memory): streams are trimmed of what consumers still need, and
  /// the alarm rings.
  std::uint64_t max_bytes = 4ULL << 30U;
  /// Consumers (`tick_store` stands for `tick_store/0` too) that are known to want md:ticks: before
  /// all of them have been there, nothing of it is trimmed.
  std::vector<std::string> awaited;
  /// What nobody needs any more is kept for so long all the same: for readers that were away.
  market::duration keep = 0;
  /// How often streams are trimmed, and the server's memory is looked at.
  market::duration upkeep = 2 * market::second;
  /// Ticks that were trimmed before they were read are asked for from the ingest node's journal
  /// (make_refiller), and waited for as long as this; 0: they are a gap at once.
  market::duration refill_wait = 0;
  std::string consumer = "artham";  ///< this node's name, in consumer groups
  /// The server need not answer when the bridge is opened; it is looked at once it does.
  bool may_be_away = false;
  health_callback on_health;
  runtime::metrics* metrics = nullptr;  ///< must outlive the bridge
};

struct stream_status {
  std::string name;
  std::uint64_t entries = 0;
  record::position tail;  ///< the end of what was appended here
};

/// As seen last.
struct status {
  bool is_up = false;
  std::optional<error> suffers;  ///< what keeps it from working
  market::timestamp since = 0;   ///< of that or of its end, wall time; 0: never
  std::uint64_t used_memory = 0;
  std::vector<stream_status> streams;  ///< that are written here
};

/// The bridge of a cluster's node.
///
/// Streams of ticks have the positions of the ingest node's journal; they are written with
/// `put_block` (a writer counts its own, as in any bridge). All other streams but md:deadletter
/// stand in the order of their causes: a record's position is its cause's (block::by_cause), and no
/// two entries share one. md:deadletter counts its own, and so do streams of live values
/// (record::is_live), of which Redis keeps some hundred entries: what a reader misses of them it is
/// not told.
///
/// Every write is one script on the server that compares the fence, and refuses what does not
/// follow the stream's end. A writer that is refused is broken: every further call answers
/// errc::conflict with the reason, and its owner ends.
class redis_bridge : public bridge {
 public:
  /// The fence that streams of `lease` (lease_of) are written under from now on; 0: none, so that
  /// open_writer answers errc::conflict. Writers that are open keep the fence they were opened
  /// with.
  virtual void hold(std::string_view lease, std::uint64_t fence) = 0;
  /// Up to where all consumers of a stream have passed it; zeros when that is not known, as not
  /// all that are awaited have been there.
  [[nodiscard]] virtual result<record::position> passed_by_all(std::string_view stream) const = 0;
  /// What `passed` has said of a consumer without a group last; zeros when nothing.
  [[nodiscard]] virtual result<record::position> passed_by(std::string_view stream,
                                                           std::string_view consumer) const = 0;
  /// Takes a block of a stream of ticks, which has its positions already, and stands for all of
  /// [from, block's last]: `from` is right behind what the block before stood for, or, once all
  /// that was put is answered, behind what Redis has. errc::full when the queue has no room
  /// (when_room), errc::conflict when Redis refused something.
  virtual result<void> put_block(std::string_view stream, record::block_ptr block,
                                 record::position from) = 0;
  virtual void when_room(std::function<void()> fn) = 0;
  /// Waits until everything that was put has been answered, or the time is over: errc::unavailable.
  /// errc::conflict when something was refused; the next put_block then starts afresh behind what
  /// stream_tops says.
  virtual result<void> flush(market::duration limit) = 0;
  /// False while the server does not answer.
  [[nodiscard]] virtual bool is_up() const = 0;
  /// Does not ask the server.
  [[nodiscard]] virtual redis::status status() const = 0;
};

/// Which lease a stream is written under: `ingest` for ticks, `features:{n}` for md:features of
/// shard n (0 where there is one only), `bars:{n}` for everything else that is derived from it.
[[nodiscard]] std::string lease_of(std::string_view stream);

/// Connects within the timeout. errc::unavailable when nobody answers and the server must not be
/// away; errc::refused when we are not let in or the server is too old (before 7.0) or would evict
/// (maxmemory-policy): each with the way out.
[[nodiscard]] result<std::unique_ptr<redis_bridge>> open(options o);

}  // namespace artham::bridge::redis

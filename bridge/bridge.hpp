#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "messages/record/record.hpp"

/// Port "how records travel and last". Embedded: bridge/local (segment files); for replay and
/// tests: bridge/memory; production: Redis Streams.
namespace artham::bridge {

/// `appended` is written to the file (survives kill -9); `durable` is synced to the disk (survives
/// power loss), and for a derived record its cause is durable too.
enum class top : std::uint8_t { appended, durable };

/// The only writer of one stream. Thread-safe towards readers, not towards itself.
class writer {
 public:
  virtual ~writer() = default;
  /// Takes records (headers and bodies as record::append lays them out) that belong together and
  /// gives them the next positions; returns the first. `tokens` feed the block's instrument filter.
  /// They become visible soon after, in one block with their neighbours (linger), never split.
  /// errc::full when the bounded queue has no room: nothing was taken, `when_room` tells when to
  /// come again. The same for full and io while the disk fails (when_room: once it works again).
  /// errc::bad_input when the records do not add up, unavailable after stop. No tokens means "may
  /// hold any" unless all records are marks.
  virtual result<record::position> append(std::string_view records, std::uint64_t count,
                                          std::span<const std::uint32_t> tokens) = 0;
  /// One-shot: called from a thread of the bridge, or inside this call, once what was refused last
  /// would fit; also when the disk turns out to be full meanwhile.
  virtual void when_room(std::function<void()> fn) = 0;
  /// Takes marks that must not wait, even while the queue or the disk is full: a bridge with a disk
  /// keeps room for them. Otherwise like append.
  virtual result<record::position> append_urgent(std::string_view records, std::uint64_t count) {
    return append(records, count, {});
  }
  /// Appends are refused because the disk has no room; when_room tells the end of that.
  [[nodiscard]] virtual bool disk_is_full() const { return false; }
  /// The position that the next record gets.
  [[nodiscard]] virtual record::position next() const = 0;
};

/// A cursor of one consumer. Not thread-safe: one owner.
class reader {
 public:
  virtual ~reader() = default;
  /// The next blocks in order, at least one if there is any, not many more than max_records in sum.
  /// Empty at the top. A damaged block is served as such (block::damaged). errc::corrupt or io when
  /// the stream cannot be read at all.
  virtual result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) = 0;
  /// Calls fn once, from any thread (even from inside this call), as soon as pull would return
  /// something; with tokens, also when pull will find nothing but blocks to leave out. A later call
  /// before that replaces fn. fn may run while the reader is destroyed: it holds what it uses.
  virtual void when_ready(std::function<void()> fn) = 0;
  /// Positions behind the cursor that are not yet pulled.
  [[nodiscard]] virtual std::uint64_t lag() const = 0;
};

struct tops {
  record::position appended;
  record::position durable;
};

class bridge {
 public:
  virtual ~bridge() = default;
  /// Opens the stream for appending in `epoch`: for md:ticks one that it has not had (last_epoch()
  /// + 1), for derived streams that of md:ticks, not below their last. errc::conflict otherwise, or
  /// when it has a writer already.
  virtual result<std::unique_ptr<writer>> open_writer(std::string_view stream,
                                                      std::uint32_t epoch) = 0;
  /// A cursor at the first record with a later epoch or a larger seq than `after`: a position that
  /// did not survive a crash is followed by the first record that did. Inside a record of several
  /// positions, that record comes whole. A stream that does not exist yet is empty. With `tokens`,
  /// blocks that surely hold none of them and no mark may be left out.
  virtual result<std::unique_ptr<reader>> open_reader(std::string_view stream,
                                                      record::position after, top until,
                                                      std::span<const std::uint32_t> tokens) = 0;
  /// An empty pull may mean nothing yet instead of nothing: the stream is read ahead over a
  /// network. See open_to_end (bridge/common).
  [[nodiscard]] virtual bool reads_ahead() const { return false; }
  /// A cursor of the one active consumer of that name, which reads what is durable and says with
  /// `passed` what it needs no longer.
  virtual result<std::unique_ptr<reader>> open_consumer(std::string_view stream,
                                                        record::position after,
                                                        std::string_view /*consumer*/) {
    return open_reader(stream, after, top::durable, {});
  }
  /// `consumer` needs nothing of the stream up to here any more, whatever happens: after a restart
  /// it reads on behind that, or later. A bridge that is trimmed by what its consumers have passed
  /// keeps the rest. A consumer without entries of its own that has to begin further back than it
  /// said before says so, and finds what is still there. Does not block.
  virtual void passed(std::string_view /*stream*/, std::string_view /*consumer*/,
                      record::position /*upto*/) {}
  /// Zeros for a stream without records.
  [[nodiscard]] virtual result<tops> stream_tops(std::string_view stream) const = 0;
  [[nodiscard]] virtual std::vector<std::string> streams() const = 0;
  /// The largest epoch that any stream has seen; 0 for none.
  [[nodiscard]] virtual std::uint32_t last_epoch() const = 0;
  /// Contents that marks refer to by hash (settings, calendars, instruments), kept beside the
  /// streams.
  virtual result<market::content_hash> put_object(std::string_view content) = 0;
  [[nodiscard]] virtual result<std::string> get_object(const market::content_hash& hash) const = 0;
  /// Ends all threads after everything appended is durable. Called once, before destruction.
  virtual void stop() = 0;
};

}  // namespace artham::bridge

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"
#include "bridge/common/replica.hpp"
#include "bridge/local/file.hpp"
#include "runtime/metrics.hpp"

/// The segment journal: every stream is a directory of append-only segment files. docs/journal.md
namespace artham::bridge::local {

/// A gauge: 1 while the journal's disk has no room.
inline constexpr std::string_view disk_full_metric = "artham_journal_disk_full";

enum class compression : std::uint8_t { none, zstd };

/// Called from a thread of the journal with what keeps it from writing, and with nothing when it
/// writes again. After an error from fdatasync it does not: what the disk holds is then unknown
/// until the journal is opened anew.
using health_callback = std::function<void(const std::optional<error>&)>;

struct options {
  std::filesystem::path dir;                    ///< created when absent
  std::uint64_t segment_bytes = 256ULL << 20U;  ///< a segment ends before it would grow beyond
  std::uint64_t tail_bytes = 64ULL << 20U;      ///< newest blocks kept in memory, over all streams
  std::uint64_t queue_bytes = 64ULL << 20U;     ///< appended and not yet written, over all streams
  /// Room on the disk that the growing segment of md:ticks holds beyond its end, so that what is on
  /// its way and a mark still fit when the disk is full. 0: none.
  std::uint64_t reserve_bytes = 1ULL << 20U;
  market::duration linger = market::millisecond;  ///< longest wait for neighbours of a block
  market::duration sync_interval =
      50 * market::millisecond;  ///< 0: as soon as something is written
  std::uint64_t max_block_records = 262'144;
  compression compress = compression::none;
  /// Of sources: what lies behind was not accepted by others. Opening moves it out of the stream,
  /// into a journal of its own, `{dir}/../orphans/{stream}-{epoch}-{seq}` by its first position.
  std::map<std::string, record::position> keep_until;
  health_callback on_health;
  runtime::metrics* metrics = nullptr;  ///< must outlive the journal
  local::disk* disk = nullptr;          ///< for tests; must outlive the journal
};

/// What opening found and did.
struct open_report {
  enum class reason : std::uint8_t {
    torn,          ///< the last block was not written completely
    cause_beyond,  ///< derived from records of md:ticks that did not survive
  };
  struct cut {
    std::string stream;
    std::filesystem::path file;
    std::uint64_t offset = 0;  ///< the file ends here now
    std::uint64_t bytes = 0;   ///< cut off
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;  ///< 0 when it cannot be told
    open_report::reason reason = reason::torn;
  };
  struct damaged {
    std::string stream;
    std::filesystem::path file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t first_seq = 0;
    std::uint64_t count = 0;  ///< positions lost; 0 when only stray bytes are there
  };
  /// What a stream holds, counted block by block.
  struct summary {
    std::string stream;
    std::size_t segments = 0;
    std::size_t epochs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t records = 0;
    std::uint64_t positions = 0;
    record::position top;
  };
  /// Where a stream begins whose first segments were removed.
  struct kept {
    std::string stream;
    record::position first;      ///< of the records that are kept
    market::timestamp from = 0;  ///< when it was received, market time
  };
  /// What `keep_until` has moved out.
  struct orphan {
    std::string stream;
    std::filesystem::path dir;  ///< a journal
    record::position first;
    record::position last;
  };
  std::vector<orphan> orphans;
  std::vector<kept> trimmed;
  std::vector<cut> cuts;  ///< in read-only use: what would be cut
  std::vector<damaged> damages;
  std::vector<summary> streams;  ///< only of verify
};

/// What may be removed.
struct trim_limits {
  /// Only segments of md:ticks whose records were all received before, in market time.
  market::timestamp before = 0;
  /// Up to where nobody needs a stream any more; a stream that is not named is kept whole.
  std::map<std::string, record::position> passed;
};

struct stream_size {
  std::string stream;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;
};
struct trim_report {
  std::vector<stream_size> removed;
  std::optional<open_report::kept> kept;  ///< of md:ticks, when something of it was removed
};

/// Removes whole segments from the front of streams while the journal is written and read. Calls
/// block; one at a time.
class trimmer {
 public:
  virtual ~trimmer() = default;
  /// Of md:ticks what the limits allow; of derived streams what came from records that are gone.
  /// Never the last segment of a stream. What is in force where md:ticks begins then stands in
  /// front, so that the rest can be read on its own.
  virtual result<trim_report> trim(const trim_limits& limits) = 0;
  /// What the files of each stream come to.
  [[nodiscard]] virtual std::vector<stream_size> sizes() const = 0;
};

/// Makes copies of other journals' streams.
class replicator {
 public:
  virtual ~replicator() = default;
  /// errc::conflict when the stream has a writer; once the replica is destroyed, it can be written
  /// on in a later epoch.
  virtual result<std::unique_ptr<replica>> open_replica(std::string_view stream) = 0;
};

struct opened {
  std::unique_ptr<bridge> journal;
  open_report report;
  std::shared_ptr<local::trimmer> trimmer;        ///< null when open for reading only
  std::shared_ptr<local::replicator> replicator;  ///< likewise
  /// The seq of the last record of a stream, of what was appended and is not written yet included:
  /// the stream's tops come there. Empty when open for reading only.
  std::function<std::uint64_t(std::string_view stream)> last_appended;
};

/// Opens for reading and appending. Cuts torn tails; cuts derived records whose cause did not
/// survive (if their source stream is in this journal), or is moved out. errc::conflict when
/// another process has it open, naming it.
[[nodiscard]] result<opened> open(options o);

/// Opens what is there now for reading: changes nothing, may stand beside a writer, does not follow
/// it. Streams end before a torn tail.
[[nodiscard]] result<opened> open_read_only(const std::filesystem::path& dir);

/// The pid, as text, of the process that has the journal open for appending; nothing when none has.
[[nodiscard]] result<std::optional<std::string>> writer_of(const std::filesystem::path& dir);

/// Checks every block of every segment and every object. Changes nothing.
[[nodiscard]] result<open_report> verify(const std::filesystem::path& dir);

}  // namespace artham::bridge::local

#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bridge/bridge.hpp"
#include "bridge/common/record_walk.hpp"
#include "bridge/local/file.hpp"
#include "bridge/local/segment_format.hpp"
#include "bridge/local/segment_index.hpp"
#include "runtime/metrics.hpp"

namespace artham::bridge::local {

using file_ptr = std::shared_ptr<const file>;
using index_ptr = std::shared_ptr<const segment_index>;

/// One segment file. File and index are opened when somebody reads it and closed with the last
/// reader.
class segment {
 public:
  segment(std::filesystem::path path, segment_id id) : path_(std::move(path)), id_(id) {}
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t first_seq() const { return id_.first_seq; }
  [[nodiscard]] std::uint32_t epoch() const { return id_.epoch; }

  [[nodiscard]] result<file_ptr> open();
  /// From the index file, else from the segment itself (the index file is then written anew if
  /// `writable`).
  [[nodiscard]] result<index_ptr> index(std::string_view stream, std::uint64_t end_seq,
                                        bool writable);
  /// Keeps an index that cannot be had from a file.
  void pin(index_ptr index);

 private:
  std::filesystem::path path_;
  segment_id id_;
  std::mutex mutex_;
  std::weak_ptr<const file> file_;
  std::weak_ptr<const segment_index> index_;
  index_ptr pinned_;
};
using segment_ptr = std::shared_ptr<segment>;

/// Records on their way into one block.
struct batch {
  std::shared_ptr<record::block> block = std::make_shared<record::block>();
  std::vector<mark_place> places;
  std::vector<std::uint32_t> tokens;
  bool any_token = false;
};

/// What readers, the writer and the journal's threads share of one stream.
struct stream {
  stream(std::string stream_name, std::filesystem::path directory, runtime::metrics& metrics);

  const std::string name;
  const std::filesystem::path dir;
  const bool source;
  runtime::counter& bytes_written;
  runtime::counter& damaged_blocks;

  mutable std::mutex mutex;  ///< of everything below
  bool has_writer = false;
  std::uint32_t epoch = 0;     ///< the largest that a segment or a writer has had
  std::uint64_t next_seq = 1;  ///< of the next append
  std::deque<batch> pending;
  record::position appended;
  record::position durable;
  std::vector<segment_ptr> segments;
  /// The last segment while it grows.
  file_ptr active_file;
  index_builder active_index;
  std::deque<record::block_ptr> tail;  ///< adjacent, up to `appended`
  std::uint64_t trimmed_until = 0;     ///< what the tail has before is removed from the stream
  struct waiting_reader {
    std::uint64_t next_seq;
    top until;
    std::function<void()> ready;
  };
  std::map<const void*, waiting_reader> waiting;

  [[nodiscard]] record::position limit(top until) const {
    return until == top::appended ? appended : durable;
  }
  /// The last segment that begins at or before `seq`, which must not lie before the first; with its
  /// end.
  struct place {
    segment_ptr at;
    std::uint64_t end_seq = 0;
  };
  [[nodiscard]] place segment_of(std::uint64_t seq) const;
  /// Sets the tops to the record in front of next_seq.
  void set_tops();
  /// Takes the callbacks of readers that have something to pull now.
  [[nodiscard]] std::vector<std::function<void()>> wake();
};
using stream_ptr = std::shared_ptr<stream>;

}  // namespace artham::bridge::local

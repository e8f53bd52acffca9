#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "bridge/common/block_maker.hpp"
#include "market/error.hpp"
#include "messages/record/record.hpp"
#include "messages/record/tick_part.hpp"

namespace artham::bridge {

/// Puts md:ticks together again from its shards: the same records in the same places. The inverse
/// of split_by_shard, whatever blocks the shards' records come in.
class shard_merge {
 public:
  /// Begins right behind `after`.
  shard_merge(std::uint32_t shards, record::position after, record::tick_cutter frames);

  /// The next of a shard: `b` stands for [from, its last]. What the merge has already is left out.
  /// errc::not_found when `from` is not right behind what the shard gave before: something between
  /// is not there any more; conflict when a later epoch begins at or before what the shard gave.
  /// errc::corrupt when two shards have the same positions.
  [[nodiscard]] result<void> push(std::uint32_t shard, const record::block_ptr& b,
                                  record::position from);
  /// What is complete: all that every shard has spoken of. At most one block of each epoch, or more
  /// of about 1 MiB.
  [[nodiscard]] result<std::vector<record::block_ptr>> take();
  /// No shard has more: everything that is left. Positions that nobody has stay `elsewhere`; a
  /// record of which a part is missing stays in parts.
  [[nodiscard]] result<std::vector<record::block_ptr>> take_rest();

  /// Up to where a shard has spoken: seq.
  [[nodiscard]] std::uint64_t covered(std::uint32_t shard) const { return shards_[shard].covered; }
  /// The shard that holds the others up.
  [[nodiscard]] std::uint32_t slowest() const;
  /// Bytes of what waits for others.
  [[nodiscard]] std::uint64_t waiting_bytes() const { return waiting_; }
  /// Behind everything that was taken.
  [[nodiscard]] record::position after() const { return after_; }

 private:
  struct cursor {
    std::deque<record::block_ptr> blocks;
    std::size_t at = 0;         ///< byte in the first block
    std::uint64_t seq = 0;      ///< of the record there
    std::size_t mark = 0;       ///< marks of the first block before it
    std::uint64_t covered = 0;  ///< the last position that the shard spoke of
    std::uint32_t epoch = 0;    ///< that it spoke of last
  };
  struct piece {
    record::header head;
    std::string body;
  };

  /// Puts records in their places up to `end`.
  [[nodiscard]] result<void> place_to(std::uint64_t end);
  /// Moves to the shard's next record that is not elsewhere; its header, if there is one.
  [[nodiscard]] std::optional<record::header> front_of(cursor& c);
  static void pop(cursor& c, const record::header& h);
  [[nodiscard]] result<void> take_record(cursor& from, const record::header& h);
  void take_ticks(const record::header& h, std::string_view body);
  void join();
  /// Lays down the parts that are open as records of their own.
  void give_up_joining();
  void skip(std::uint64_t count);
  void begin_block(std::uint64_t seq);
  void end_block();
  [[nodiscard]] std::vector<record::block_ptr> finish();

  std::vector<cursor> shards_;
  record::position after_;
  std::uint64_t next_;   ///< the position of the next record
  std::uint32_t epoch_;  ///< of the record before it
  record::tick_cutter frames_;
  record::tick_cutter packed_;
  std::vector<piece> open_;  ///< parts of a record that goes on
  std::uint64_t open_count_ = 0;
  std::optional<block_maker> out_;
  std::vector<record::block_ptr> done_;
  std::uint64_t waiting_ = 0;
  record::header last_;  ///< times for what is elsewhere
};

}  // namespace artham::bridge

#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "messages/record/record.hpp"

namespace artham::bridge {

/// Makes a block record by record.
class block_maker {
 public:
  explicit block_maker(record::position first);

  void add(const record::header& h, std::string_view body);
  /// With the mark that the body holds.
  void add_mark(const record::header& h, std::string_view body, const market::mark& m);
  /// Positions that are in other shards; `like` gives the times.
  void add_elsewhere(const record::header& like, std::uint64_t count);

  [[nodiscard]] record::position next() const;
  [[nodiscard]] bool empty() const { return block_->count == 0; }
  /// True while nothing but `elsewhere` was added.
  [[nodiscard]] bool only_elsewhere() const { return only_elsewhere_; }
  [[nodiscard]] std::size_t bytes() const { return block_->payload.size(); }
  /// The block; nothing may be added afterwards.
  [[nodiscard]] record::block_ptr finish();

 private:
  void put_elsewhere();

  std::shared_ptr<record::block> block_;
  record::header elsewhere_;   ///< times of the first of those below
  std::uint64_t waiting_ = 0;  ///< positions elsewhere that are not in the payload yet
  bool only_elsewhere_ = true;
};

}  // namespace artham::bridge

#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

#include "app/bar_check.hpp"
#include "app/feature_drain.hpp"
#include "app/findings.hpp"
#include "bridge/memory/memory.hpp"
#include "messages/record/feature_codec.hpp"
#include "store/audit.hpp"

namespace artham::app {

/// Compares stored features, field by field, with those made again, while they are made.
class feature_check {
 public:
  struct counts {
    std::size_t chains = 0;       ///< made again and compared
    std::size_t instruments = 0;  ///< likewise
    std::size_t behind = 0;       ///< not stored, and their cause lies behind `until`
  };

  /// `stored`, `until`, `context` and `found` must outlive it.
  [[nodiscard]] static result<std::unique_ptr<feature_check>> begin(store::audit& stored,
                                                                    const stored_progress& until,
                                                                    const check_context& context,
                                                                    findings& found);

  /// Takes what has come into md:features since the last call, and lets go of it.
  result<void> take(bridge::memory::memory_bridge& rebuilt);
  /// What is stored and was not made again is a difference.
  result<counts> finish();

 private:
  /// One kind of row, stored.
  struct side {
    store::audit::feature_rows rows;
    std::optional<record::feature_record> next;
    /// Of several shards, the rows of one mark: sorted as one shard has them.
    std::deque<record::feature_record> mark;
    bool sorted = false;
    std::optional<record::feature_record> behind;  ///< the first of the next mark
  };

  feature_check(const stored_progress& until, const check_context& context, findings& found)
      : until_(until), context_(context), found_(found) {}
  result<void> advance(side& s);
  result<std::optional<record::feature_record>> next_row(side& s) const;
  result<void> compare(const record::feature_record& rebuilt);
  void compare_fields(const record::feature_record& stored, const record::feature_record& rebuilt);
  void report(const record::feature_record& r, const char* what, const char* text);
  [[nodiscard]] bool is_wanted(const record::feature_record& r) const;
  [[nodiscard]] std::string name_of(const record::feature_record& r) const;
  [[nodiscard]] std::string place(const record::feature_record& r) const;

  const stored_progress& until_;
  const check_context& context_;
  findings& found_;
  side chains_;
  side instruments_;
  feature_drain drain_;
  counts counts_;
};

}  // namespace artham::app

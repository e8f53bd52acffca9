#include "app/journal_slice.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "app/slice_letters.hpp"
#include "app/token_slice.hpp"
#include "bridge/common/marks_in_force.hpp"
#include "bridge/local/journal_copy.hpp"
#include "feed/kite/frame_decoder.hpp"

namespace artham::app {

namespace {

constexpr std::uint64_t records_at_once = 65'536;

/// Finds where a range lies, and what is in force where it begins.
class range_search {
 public:
  explicit range_search(const record_filter& filter) : filter_(filter) {}

  /// False when the range is over.
  bool take(const record::block& b) {
    auto mark = b.marks.begin();
    if (b.damaged) return take_record(b.marks.front().time, b.first(), b.last(), &b.marks.front());
    bool more = true;
    record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
      if (!more) return;
      const bool is_mark = h.kind == record::kind::mark;
      more = take_record(record::receive_time(h), {b.epoch, seq}, {b.epoch, seq + h.count - 1},
                         is_mark ? &*mark : nullptr);
      if (is_mark) ++mark;
    });
    return more;
  }

  [[nodiscard]] result<record_range> found() const {
    if (!first_) {
      return fail(errc::usage, "--from, --to: the journal has no record in between; it has from " +
                                   market::to_rfc3339(earliest_, market::india_offset) + " to " +
                                   market::to_rfc3339(latest_, market::india_offset));
    }
    record_range r{before_, until_, nullptr};
    if (begins_with_epoch_ || before_.seq == 0) return r;
    // The preamble takes the places of what was there; where there is no room, all is taken.
    r.preamble = in_force_.block_before(*first_, filter_.from);
    if (!r.preamble) return record_range{{}, until_, nullptr};
    return r;
  }

 private:
  bool take_record(market::timestamp t, record::position first, record::position last,
                   const market::mark* mark) {
    if (earliest_ == 0) earliest_ = t;
    latest_ = t;
    if (t >= filter_.to) return false;
    if (!first_ && t < filter_.from) {
      before_ = last;
      if (mark != nullptr) in_force_.note(*mark);
      return true;
    }
    if (!first_) {
      first_ = first;
      begins_with_epoch_ = mark != nullptr && mark->kind == market::mark_kind::epoch;
    }
    until_ = last;
    return true;
  }

  const record_filter& filter_;
  bridge::marks_in_force in_force_;
  market::timestamp earliest_ = 0;
  market::timestamp latest_ = 0;
  std::optional<record::position> first_;
  bool begins_with_epoch_ = false;
  record::position before_;
  record::position until_;
};

/// Calls fn for each block of md:ticks until it returns false or an error.
result<void> for_each_block(bridge::bridge& journal,
                            const std::function<result<bool>(const record::block&)>& fn) {
  const auto cursor = journal.open_reader(record::ticks_stream(), {}, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  for (;;) {
    const auto blocks = (*cursor)->pull(records_at_once);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return {};
    for (const auto& b : *blocks) {
      const auto more = fn(*b);
      if (!more) return tl::unexpected(more.error());
      if (!*more) return {};
    }
  }
}

}  // namespace

result<record_range> find_range(bridge::bridge& journal, const record_filter& filter) {
  range_search search(filter);
  auto done = for_each_block(
      journal, [&](const record::block& b) -> result<bool> { return search.take(b); });
  if (!done) return tl::unexpected(done.error());
  return search.found();
}

result<slice_summary> write_slice(bridge::bridge& journal, const record_filter& filter,
                                  const std::filesystem::path& out) {
  const auto range = find_range(journal, filter);
  if (!range) return tl::unexpected(range.error());
  journal_range records(journal, *range);
  const feed::kite::frame_decoder decoder;
  token_slice chosen(decoder, filter.tokens);
  const auto known = actors::read_dead_letters(journal);
  if (!known) return tl::unexpected(known.error());
  slice_letters letters(*known, *range, filter.tokens);
  chosen.watch(letters.positions());
  record::position last;
  bridge::local::stream_copy copy(out, record::ticks_stream());
  slice_summary sum;
  sum.renumbered = !filter.tokens.empty();
  std::set<market::content_hash> objects;
  const auto add = [&](const record::block& b) -> result<bool> {
    for (const auto& m : b.marks) {
      if (m.kind == market::mark_kind::epoch || m.kind == market::mark_kind::config)
        objects.insert({m.hashes.settings, m.hashes.calendar, m.hashes.instruments});
    }
    record::block_ptr left;
    if (sum.renumbered) {
      auto taken = chosen.take(b);
      if (!taken) return tl::unexpected(taken.error());
      left = std::move(*taken);
      if (!left) return true;
    } else if (b.damaged) {
      return true;
    }
    const auto& kept = left ? *left : b;
    if (auto added = copy.add(kept); !added) return tl::unexpected(added.error());
    sum.positions += kept.count;
    last = kept.last();
    return true;
  };
  if (auto done = for_each_block(records, add); !done) return tl::unexpected(done.error());
  if (auto done = copy.finish(); !done) return tl::unexpected(done.error());
  if (sum.renumbered) letters.move(chosen, last);
  if (auto done = letters.write(out); !done) return tl::unexpected(done.error());
  for (const auto& hash : objects) {
    const auto content = journal.get_object(hash);
    if (!content) return tl::unexpected(content.error());
    if (auto put = bridge::local::copy_object(out, *content); !put)
      return tl::unexpected(put.error());
  }
  return sum;
}

result<void> check_new_directory(const std::filesystem::path& dir) {
  std::error_code ec;
  if (!std::filesystem::exists(dir, ec)) return {};
  if (std::filesystem::is_directory(dir, ec) && std::filesystem::is_empty(dir, ec)) return {};
  return fail(errc::usage, dir.string() + " is there already: give a new directory");
}

}  // namespace artham::app

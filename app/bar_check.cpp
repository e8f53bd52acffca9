#include "app/bar_check.hpp"

#include <algorithm>
#include <utility>

#include "store/bar_tables.hpp"

namespace artham::app {

namespace {

using store::audited_bar;
using store::bar_columns;

constexpr std::size_t revision_column = 0;

/// Walks stored and rebuilt rows side by side, a bar with all its revisions at a time.
class bar_check {
 public:
  bar_check(market::timeframe tf, const std::vector<record::bar_record>& rebuilt,
            const stored_progress& until, const check_context& context, findings& found)
      : timeframe_(market::to_string(tf)),
        table_(store::bar_table(tf)),
        rebuilt_(rebuilt),
        until_(until),
        context_(context),
        found_(found) {}

  void take(const audited_bar& row) {
    if (!group_.empty() && key(row) != key(group_.front())) end_group();
    group_.push_back(row);
  }

  std::size_t finish() {
    if (!group_.empty()) end_group();
    for (; next_ < rebuilt_.size(); ++next_) missing(rebuilt_[next_]);
    return behind_;
  }

 private:
  static std::pair<std::int64_t, std::int64_t> key(const audited_bar& row) {
    return {row.token, row.start};
  }
  static std::pair<std::int64_t, std::int64_t> key(const record::bar_record& r) {
    return {r.bar.token, r.bar.start};
  }

  void end_group() {
    const auto at = key(group_.front());
    for (; next_ < rebuilt_.size() && key(rebuilt_[next_]) < at; ++next_) missing(rebuilt_[next_]);
    const auto first = next_;
    while (next_ < rebuilt_.size() && key(rebuilt_[next_]) == at) ++next_;
    if (next_ - first == group_.size()) {
      for (std::size_t i = 0; i < group_.size(); ++i)
        compare(group_[i], store::as_row(rebuilt_[first + i]));
    } else {
      match_revisions(first, next_);
    }
    group_.clear();
  }

  void match_revisions(std::size_t first, std::size_t end) {
    const auto revision = [](const audited_bar& r) { return r.values[revision_column]; };
    for (; first != end; ++first) {
      const auto row = store::as_row(rebuilt_[first]);
      const auto same = std::ranges::find(group_, revision(row), revision);
      if (same == group_.end()) {
        missing(rebuilt_[first]);
      } else {
        compare(*same, row);
        group_.erase(same);
      }
    }
    for (const auto& row : group_)
      report(row, "surplus", "stored, and the journal gives no such bar");
  }

  void missing(const record::bar_record& r) {
    if (r.cause > until_.of(r.bar.token)) {
      ++behind_;
    } else if (!context_.may_lack(table_, r.bar.start, record::final_bars_stream(timeframe_),
                                  r.cause, r.bar.token)) {
      report(store::as_row(r), "missing", "the journal gives this bar, and it is not stored");
    }
  }

  void compare(const audited_bar& stored, const audited_bar& rebuilt) {
    for (std::size_t i = 0; i < bar_columns.size(); ++i) {
      if (stored.values[i] == rebuilt.values[i]) continue;
      if (until_.counts_by_shard() && bar_columns[i] == "cause_ordinal") continue;
      const auto zone = offset(stored);
      const auto was = store::column_text(bar_columns[i], stored.values[i], zone);
      const auto is = store::column_text(bar_columns[i], rebuilt.values[i], zone);
      auto fields = fields_of(stored, "column");
      fields["column"] = bar_columns[i];
      fields["stored"] = was;
      fields["rebuilt"] = is;
      found_.difference(
          place(stored) + std::string(bar_columns[i]) + ": stored " + was + ", rebuilt " + is,
          std::move(fields));
    }
  }

  void report(const audited_bar& row, const char* what, const char* text) {
    const auto revision = std::to_string(row.values[revision_column].value_or(0));
    auto fields = fields_of(row, what);
    fields["revision"] = row.values[revision_column].value_or(0);
    found_.difference(place(row) + "revision " + revision + " " + what + ": " + text,
                      std::move(fields));
  }

  [[nodiscard]] market::duration offset(const audited_bar& row) const {
    return context_.calendar_of(static_cast<std::uint32_t>(row.token)).utc_offset(row.start);
  }
  [[nodiscard]] std::string name(const audited_bar& row) const {
    return context_.name_of(static_cast<std::uint32_t>(row.token));
  }
  [[nodiscard]] std::string place(const audited_bar& row) const {
    return name(row) + " " + timeframe_ + " " + market::to_rfc3339(row.start, offset(row)) + " ";
  }
  [[nodiscard]] nlohmann::json fields_of(const audited_bar& row, const char* what) const {
    return {{"what", what},
            {"instrument", name(row)},
            {"timeframe", timeframe_},
            {"start", market::to_rfc3339(row.start, offset(row))}};
  }

  std::string timeframe_;
  std::string table_;
  const std::vector<record::bar_record>& rebuilt_;
  const stored_progress& until_;
  const check_context& context_;
  findings& found_;
  std::size_t next_ = 0;
  std::vector<audited_bar> group_;
  std::size_t behind_ = 0;
};

}  // namespace

result<std::size_t> check_bars(store::audit& stored, market::timeframe tf,
                               const std::vector<record::bar_record>& rebuilt,
                               const stored_progress& until, const check_context& context,
                               findings& found) {
  std::size_t not_kept = 0;
  bar_check check(tf, rebuilt, until, context, found);
  auto done = stored.for_each_bar(tf, [&](const audited_bar& row) {
    const auto token = static_cast<std::uint32_t>(row.token);
    if (!context.wanted(token, row.start)) return;
    if (context.is_kept(token, row.start)) {
      check.take(row);
    } else {
      ++not_kept;
    }
  });
  if (!done) return tl::unexpected(done.error());
  if (not_kept != 0) {
    found.note("note: " + market::to_string(tf) + ": " + std::to_string(not_kept) +
               " stored bars are not compared: their ticks are not kept any more");
  }
  return check.finish();
}

}  // namespace artham::app

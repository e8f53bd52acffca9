#include "actors/session/stored_stretch.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "store/bar_tables.hpp"

namespace artham::actors {

namespace {

using what = stream_list::what;

constexpr std::size_t rows_a_page = 2'048;
/// With a hundred options each.
constexpr std::size_t chains_a_page = 16;
/// Positions that are looked at at a time: more where little was found in them.
constexpr std::uint64_t first_width = 65'536;
constexpr std::uint64_t largest_width = std::uint64_t{1} << 40U;
/// A crash takes back fewer positions than this; those that come after it may be given again in a
/// later epoch.
constexpr std::uint64_t taken_back_at_most = 1'000'000;
constexpr auto last_ordinal = std::numeric_limits<std::uint32_t>::max();

record::cause bar_cause(const record::bar_record& r) {
  return r.cause;
}
record::cause chain_cause(const record::feature_record& r) {
  return r.cause;
}
record::cause tick_cause(const store::stored_tick& t) {
  return {t.at, last_ordinal};
}

}  // namespace

stored_stretch::stored_stretch(store::record_source& from, stretch_wants wants)
    : from_(from), wants_(std::move(wants)) {}

result<record::position> stored_stretch::stored_upto() {
  const auto positions = from_.positions();
  if (!positions) return tl::unexpected(positions.error());
  std::set<std::uint32_t> shards{0};
  std::string_view consumer = wants_.of == what::bars ? "bar_store" : "feature_store";
  if (wants_.of == what::ticks) {
    consumer = "tick_store";
    if (from_.shards_of_ticks() > 1) {
      for (const auto token : wants_.tokens) shards.insert(store::tick_shard(token));
    }
  }
  record::position least{UINT32_MAX, UINT64_MAX};
  for (const auto& p : *positions) {
    if (p.consumer != consumer || p.stream != wants_.stream || shards.erase(p.shard) == 0) continue;
    least = std::min(least, p.at);
  }
  return shards.empty() ? least : record::position{};
}

result<market::timestamp> stored_stretch::kept_since() {
  market::timestamp since = 0;
  std::vector<std::string> tables;
  if (wants_.of == what::ticks && !wants_.tokens.empty()) tables = {"ticks", "tick_packs"};
  if (wants_.of == what::bars) tables = {store::bar_table(wants_.timeframe)};
  if (wants_.of == what::features) tables = {"chain_features", "option_greeks"};
  for (const auto& t : tables) {
    const auto kept = from_.kept_since(t);
    if (!kept) return kept;
    since = std::max(since, *kept);
  }
  return since;
}

void stored_stretch::begin(record::cause after, record::cause before) {
  rows_.clear();
  range_.after = begin_ = after;
  range_.before = before;
  width_ = first_width;
  range_.seq_above = after.at.seq - std::min(after.at.seq, taken_back_at_most);
  range_.seq_upto = std::min(after.at.seq + width_, before.at.seq);
  gaps_above_ = range_.seq_above;
  at_end_ = !(after < before);
}

result<const stored_stretch::row*> stored_stretch::front() {
  while (rows_.empty() && !at_end_) {
    if (auto read = read_page(); !read) return tl::unexpected(read.error());
  }
  return rows_.empty() ? nullptr : &rows_.front();
}

result<void> stored_stretch::read_page() {
  switch (wants_.of) {
    case what::bars:
      return read_bars();
    case what::features:
      return read_chains();
    case what::ticks:
      return read_ticks();
  }
  return {};
}

/// A full page may have more of its window behind it.
template <class T>
void stored_stretch::take(std::vector<T> page, std::size_t limit,
                          record::cause (*cause_of)(const T&)) {
  const bool full = page.size() >= limit;
  if (full) range_.after = cause_of(page.back());
  for (auto& r : page) rows_.emplace_back(std::move(r));
  if (full) {
    width_ = std::max(width_ / 2, first_width);
  } else {
    next_window();
  }
}

void stored_stretch::next_window() {
  at_end_ = range_.seq_upto >= range_.before.at.seq;
  width_ = std::min(width_ * 4, largest_width);
  range_.seq_above = range_.seq_upto;
  range_.seq_upto = std::min(range_.seq_upto + width_, range_.before.at.seq);
}

result<void> stored_stretch::read_bars() {
  range_.limit = rows_a_page;
  if (wants_.tokens.empty()) {
    at_end_ = true;
    return {};
  }
  auto page = from_.bars_between(wants_.timeframe, wants_.tokens, range_);
  if (!page) return tl::unexpected(page.error());
  take(std::move(*page), rows_a_page, bar_cause);
  return {};
}

result<void> stored_stretch::read_chains() {
  range_.limit = chains_a_page;
  if (wants_.chains.empty()) {
    at_end_ = true;
    return {};
  }
  auto page = from_.chains_between(wants_.chains, range_);
  if (!page) return tl::unexpected(page.error());
  take(std::move(*page), chains_a_page, chain_cause);
  return {};
}

/// The ticks of a page, and the gaps among them, in one order.
result<void> stored_stretch::read_ticks() {
  range_.limit = rows_a_page;
  if (wants_.tokens.empty()) {
    at_end_ = true;
    return read_gaps(range_.before.at.seq);
  }
  auto page = from_.ticks_between(wants_.tokens, range_);
  if (!page) return tl::unexpected(page.error());
  const auto seen = page->size() < rows_a_page ? range_.seq_upto : page->back().at.seq;
  take(std::move(*page), rows_a_page, tick_cause);
  if (auto read = read_gaps(seen); !read) return read;
  const auto at = [](const row& r) {
    const auto* const tick = std::get_if<store::stored_tick>(&r);
    return tick != nullptr ? tick->at : std::get<store::gap_row>(r).at;
  };
  std::ranges::stable_sort(rows_, {}, at);
  return {};
}

result<void> stored_stretch::read_gaps(std::uint64_t upto) {
  if (!wants_.gaps) return {};
  store::record_range r;
  r.after = begin_;
  r.before = range_.before;
  r.seq_upto = upto;
  r.limit = rows_a_page;
  while (gaps_above_ < upto) {
    r.seq_above = gaps_above_;
    auto page = from_.gaps_between(r);
    if (!page) return tl::unexpected(page.error());
    gaps_above_ = page->size() < r.limit ? upto : page->back().at.seq;
    for (auto& g : *page) rows_.emplace_back(std::move(g));
  }
  return {};
}

}  // namespace artham::actors

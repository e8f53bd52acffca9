#include "market/revision_book.hpp"

#include <algorithm>
#include <utility>

namespace artham::market {

namespace {

auto key_of(const revised_bar& r) {
  return std::pair(r.timeframe, r.start);
}

}  // namespace

std::vector<revised_bar>::const_iterator revision_book::find(std::uint32_t timeframe,
                                                             timestamp start) const {
  return std::lower_bound(bars_.begin(), bars_.end(), std::pair(timeframe, start),
                          [](const revised_bar& r, const auto& key) { return key_of(r) < key; });
}

bool revision_book::knows(std::uint32_t timeframe, timestamp start) const {
  const auto at = find(timeframe, start);
  return at != bars_.end() && key_of(*at) == std::pair(timeframe, start);
}

std::uint32_t revision_book::take(std::uint32_t timeframe, timestamp start, timestamp end,
                                  bool given_out) {
  const auto at = bars_.begin() + (find(timeframe, start) - bars_.begin());
  if (at != bars_.end() && key_of(*at) == std::pair(timeframe, start)) {
    at->end = end;
    return ++at->revision;
  }
  return bars_.insert(at, {timeframe, given_out ? 1U : 0U, start, end})->revision;
}

bool revision_book::is_sorted() const {
  return std::is_sorted(bars_.begin(), bars_.end(),
                        [](const auto& a, const auto& b) { return key_of(a) < key_of(b); });
}

}  // namespace artham::market

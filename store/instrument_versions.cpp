#include "store/instrument_versions.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace artham::store {

namespace {

constexpr std::string_view unknown_exchange = "TOKEN";

}  // namespace

instrument_versions::identity instrument_versions::identity_of(const market::instrument& i) {
  return {i.exchange, i.symbol, i.expiry.days};
}

void instrument_versions::clear() {
  newest_.clear();
  by_token_.clear();
  cache_.clear();
  next_id_ = 1;
}

void instrument_versions::add(const stored_instrument& row) {
  const version v{row.id, row.valid_from.days, row.valid_to ? row.valid_to->days : INT32_MAX};
  newest_.insert_or_assign(identity_of(row.instrument), newest_version{v, row.instrument});
  by_token_[row.instrument.token].push_back(v);
  cache_.erase(row.instrument.token);
  next_id_ = std::max(next_id_, row.id + 1);
}

instrument_versions::changes instrument_versions::compare(std::span<const market::instrument> list,
                                                          market::date valid_from) const {
  changes all;
  auto next = next_id_;
  std::set<identity> seen;
  for (const auto& i : list) {
    const auto key = identity_of(i);
    const bool again = !seen.insert(key).second;
    const auto it = newest_.find(key);
    if (it == newest_.end()) {
      if (!again) all.written.push_back({next++, i, valid_from, std::nullopt});
      continue;
    }
    const auto& [v, instrument] = it->second;
    const bool in_force = v.to == INT32_MAX;
    if (again || (in_force && instrument == i) || v.from > valid_from.days) continue;
    if (in_force && v.from < valid_from.days) all.ended.emplace_back(v.id, market::date{v.from});
    all.written.push_back({v.id, i, valid_from, std::nullopt});
  }
  for (const auto& [key, newest] : newest_) {
    const auto& v = newest.v;
    const bool made_up = std::get<0>(key) == unknown_exchange;
    if (v.to == INT32_MAX && v.from < valid_from.days && !made_up && !seen.contains(key))
      all.ended.emplace_back(v.id, market::date{v.from});
  }
  return all;
}

std::optional<std::int64_t> instrument_versions::id(std::uint32_t token, market::timestamp t) {
  const auto day = static_cast<std::int32_t>((t + market::india_offset) / market::day);
  if (const auto it = cache_.find(token); it != cache_.end() && it->second.day == day)
    return it->second.id;
  const auto versions = by_token_.find(token);
  if (versions == by_token_.end()) return std::nullopt;
  const version* best = &versions->second.back();
  for (const auto& v : versions->second) {
    if (v.from <= day && day < v.to) best = &v;
  }
  cache_.insert_or_assign(token, cached{day, best->id});
  return best->id;
}

stored_instrument instrument_versions::made_up(std::uint32_t token) const {
  return {next_id_, market::unknown_instrument(token), market::date{0}, std::nullopt};
}

}  // namespace artham::store

#include "actors/session/chain_board.hpp"

#include <iterator>
#include <utility>

#include "messages/actors.hpp"

namespace artham::actors {

std::optional<std::uint64_t> chain_board::take(market::feature::chain_row row, bool final) {
  const auto number = number_of(*plan_, row.underlying);
  if (!number) return std::nullopt;
  const auto key = messages::chain_key(*number, row.expiry);
  auto& s = chains_[key];
  if (!final && s.row.at > row.at) return std::nullopt;
  for (std::size_t i = 0; i < row.options.size(); ++i)
    options_.insert_or_assign(row.options[i].token, place{key, i});
  s.row = std::move(row);
  s.final = final;
  return key;
}

const chain_board::shown* chain_board::chain(std::uint64_t key) const {
  const auto it = chains_.find(key);
  return it == chains_.end() ? nullptr : &it->second;
}

std::optional<chain_board::shown_option> chain_board::option(std::uint32_t token) const {
  const auto it = options_.find(token);
  if (it == options_.end()) return std::nullopt;
  const auto& s = chains_.at(it->second.key);
  if (it->second.index >= s.row.options.size()) return std::nullopt;
  const auto& o = s.row.options[it->second.index];
  if (o.token != token) return std::nullopt;
  return shown_option{&s, &o};
}

std::optional<std::uint32_t> chain_board::number_of(const market::feature::feature_plan& plan,
                                                    std::string_view underlying) {
  const auto it = plan.chains().find(underlying);
  if (it == plan.chains().end()) return std::nullopt;
  return static_cast<std::uint32_t>(std::distance(plan.chains().begin(), it));
}

const market::feature::group_plan* chain_board::group(const market::feature::feature_plan& plan,
                                                      std::uint32_t number) {
  if (number >= plan.chains().size()) return nullptr;
  return std::next(plan.chains().begin(), number)->second.get();
}

const market::feature::group_plan* chain_board::group_of_option(
    const market::feature::feature_plan& plan, std::uint32_t token) {
  const auto it = plan.chains().find(plan.group_of(token)->name);
  return it == plan.chains().end() ? nullptr : it->second.get();
}

}  // namespace artham::actors

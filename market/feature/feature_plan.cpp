#include "market/feature/feature_plan.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace artham::market::feature {

namespace {

/// Exchanges with derivatives, and where their underlyings trade; in the order in which they get a
/// name.
struct derivatives_exchange {
  std::string_view exchange;
  std::string_view spot;  ///< empty: options there are on futures
};
constexpr std::array<derivatives_exchange, 6> derivatives_exchanges{
    {{"NFO", "NSE"}, {"BFO", "BSE"}, {"MCX", ""}, {"CDS", ""}, {"BCD", ""}, {"NCO", ""}}};

/// Derivatives' names of NSE's indices, which differ from the index's own.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> index_names{
    {{"NIFTY", "NIFTY 50"},
     {"BANKNIFTY", "NIFTY BANK"},
     {"FINNIFTY", "NIFTY FIN SERVICE"},
     {"MIDCPNIFTY", "NIFTY MID SELECT"},
     {"NIFTYNXT50", "NIFTY NEXT 50"}}};

bool is_option(const instrument& i) {
  return i.type == "CE" || i.type == "PE";
}
bool is_derivative(const instrument& i) {
  return i.expiry.days != 0 && (is_option(i) || i.type == "FUT");
}

std::size_t rank_of(std::string_view exchange) {
  const auto it =
      std::ranges::find(derivatives_exchanges, exchange, &derivatives_exchange::exchange);
  return static_cast<std::size_t>(it - derivatives_exchanges.begin());
}

}  // namespace

std::shared_ptr<const feature_plan> feature_plan::make(std::span<const instrument> list,
                                                       const calendar_of_exchange& calendar_of,
                                                       feature_rules rules) {
  auto plan = std::make_shared<feature_plan>();
  plan->rules_ = std::move(rules);
  plan->other_ = calendar_of("NSE");

  std::map<std::uint32_t, const instrument*> by_token;
  for (const auto& i : list) by_token[i.token] = &i;

  using group_key = std::tuple<std::string, std::size_t, std::string>;  // name, rank, exchange
  std::map<group_key, std::shared_ptr<group_plan>> groups;
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> spots;
  for (const auto& [token, i] : by_token) {
    if (!is_derivative(*i)) {
      spots.try_emplace({i->exchange, i->symbol}, token);
      continue;
    }
    auto& g = groups[{i->name, rank_of(i->exchange), i->exchange}];
    if (!g) g = std::make_shared<group_plan>();
    if (is_option(*i)) {
      const auto type = i->type == "CE" ? option::side::call : option::side::put;
      g->options.push_back({{token, type, i->strike}, i->expiry});
    } else {
      g->futures.push_back({token, i->expiry});
    }
  }

  for (auto& [key, g] : groups) {
    const auto& [name, rank, exchange] = key;
    const bool taken = plan->chains_.contains(name);
    g->name = taken ? exchange + ":" + name : name;
    g->cal = calendar_of(exchange);
    if (rank < derivatives_exchanges.size()) {
      const auto* const alias = std::ranges::find(
          index_names, name, &std::pair<std::string_view, std::string_view>::first);
      const std::string_view symbol =
          alias == index_names.end() ? std::string_view(name) : alias->second;
      const auto spot = spots.find({derivatives_exchanges[rank].spot, symbol});
      if (spot != spots.end()) g->spot = spot->second;
    }
    std::ranges::sort(g->futures, {}, [](const auto& f) { return std::pair(f.expiry, f.token); });
    std::ranges::sort(g->options, {}, [](const auto& o) {
      return std::tuple(o.expiry, o.what.strike, o.what.type == option::side::put, o.what.token);
    });
    if (g->spot != 0) plan->by_token_.try_emplace(g->spot, g);
    for (const auto& f : g->futures) plan->by_token_.try_emplace(f.token, g);
    for (const auto& o : g->options) plan->by_token_.try_emplace(o.what.token, g);
    plan->chains_.emplace(g->name, g);
  }
  for (const auto& [token, i] : by_token) {
    if (plan->by_token_.contains(token)) continue;
    auto g = std::make_shared<group_plan>();
    g->name = display_key(*i);
    g->cal = calendar_of(trading_exchange(*i));
    g->spot = token;
    plan->by_token_.emplace(token, std::move(g));
  }
  std::erase_if(plan->chains_, [](const auto& entry) { return !entry.second->has_options(); });
  return plan;
}

std::shared_ptr<const group_plan> feature_plan::group_of(std::uint32_t token) const {
  if (const auto it = by_token_.find(token); it != by_token_.end()) return it->second;
  auto g = std::make_shared<group_plan>();
  g->name = display_key(unknown_instrument(token));
  g->cal = other_;
  g->spot = token;
  return g;
}

}  // namespace artham::market::feature

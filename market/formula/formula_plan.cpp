#include "market/formula/formula_plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "market/feature/feature_plan.hpp"

namespace artham::market::formula {

namespace {

using feature::feature_plan;
using feature::group_plan;

constexpr std::uint32_t synthetic_segment = 255;
constexpr std::size_t expiries_subscribed = 2;
constexpr std::size_t expiries_named = 8;

tl::unexpected<error> refuse(const formula& f, const std::string& why) {
  return fail(errc::usage, "formula " + f.name + ": " + why);
}

class binder {
 public:
  binder(std::span<const instrument> list, const formula_plan::calendar_of_exchange& calendar_of)
      : list_(list), calendar_of_(calendar_of) {
    for (const auto& i : list) {
      by_key_.emplace(display_key(i), &i);
      by_token_.emplace(i.token, &i);
    }
  }

  result<bound_formula> bind(const formula& f) {
    bound_formula b;
    b.name = f.name;
    b.token = token_of(f.name);
    auto bound = std::holds_alternative<weighted_sum>(f.what)
                     ? bind_sum(f, std::get<weighted_sum>(f.what), b)
                     : bind_straddle(f, std::get<rolling_straddle>(f.what), b);
    if (!bound) return tl::unexpected(bound.error());
    b.cal = calendar_of_(b.exchange);
    if (const auto it = by_token_.find(b.token); it != by_token_.end()) {
      return refuse(f, "its token " + std::to_string(b.token) + " is that of " +
                           display_key(*it->second) + ": choose another name");
    }
    if (const auto [it, fresh] = taken_.emplace(b.token, f.name); !fresh) {
      return refuse(f, "its token " + std::to_string(b.token) + " is that of formula " +
                           it->second + ": choose another name");
    }
    return b;
  }

 private:
  result<void> bind_sum(const formula& f, const weighted_sum& s, bound_formula& out) {
    bound_sum bound{{}, s.constant};
    for (const auto& t : s.terms) {
      const auto it = by_key_.find(t.key);
      if (it == by_key_.end()) {
        return refuse(f, "unknown instrument '" + t.key +
                             "'; expected a listed one such as NSE:INFY or [NSE:NIFTY 50]");
      }
      if (out.exchange.empty()) out.exchange = it->second->exchange;
      bound.terms.push_back({t.coefficient, it->second->token});
    }
    out.what = std::move(bound);
    return {};
  }

  result<void> bind_straddle(const formula& f, const rolling_straddle& s, bound_formula& out) {
    if (!groups_) groups_ = feature_plan::make(list_, calendar_of_, {});
    const auto& chains = groups_->chains();
    const auto it = chains.find(s.underlying);
    if (it == chains.end()) {
      return refuse(f, "no options on '" + s.underlying +
                           "' are listed; expected their underlying's name, such as NIFTY");
    }
    const group_plan& group = *it->second;
    if (group.spot == 0) {
      return refuse(f, "options on '" + s.underlying +
                           "' have no spot; expected an underlying with one, such as NIFTY");
    }
    bound_straddle bound{group.spot, expiries_of(group)};
    if (s.expiry) {
      const auto listed = names_of(bound.expiries);
      std::erase_if(bound.expiries, [&](const auto& e) { return e.day != *s.expiry; });
      if (bound.expiries.empty()) {
        return refuse(f, "no options on " + s.underlying + " expire on " + to_string(*s.expiry) +
                             "; expected one of " + listed + ", or nearest");
      }
    }
    out.exchange = by_token_.at(group.options.front().what.token)->exchange;
    out.what = std::move(bound);
    return {};
  }

  static std::vector<listed_expiry> expiries_of(const group_plan& group) {
    std::map<date, std::map<price, listed_strike>> all;
    for (const auto& o : group.options) {
      auto& s = all[o.expiry][o.what.strike];
      s.strike = o.what.strike;
      (o.what.type == option::side::call ? s.call : s.put) = o.what.token;
    }
    std::vector<listed_expiry> expiries;
    for (const auto& [day, strikes] : all) {
      listed_expiry e{day, {}};
      for (const auto& entry : strikes) {
        if (entry.second.call != 0 && entry.second.put != 0) e.strikes.push_back(entry.second);
      }
      if (!e.strikes.empty()) expiries.push_back(std::move(e));
    }
    return expiries;
  }

  static std::string names_of(const std::vector<listed_expiry>& expiries) {
    std::string out;
    for (std::size_t i = 0; i < std::min(expiries.size(), expiries_named); ++i)
      out += (out.empty() ? "" : ", ") + to_string(expiries[i].day);
    return out;
  }

  std::span<const instrument> list_;
  const formula_plan::calendar_of_exchange& calendar_of_;
  std::map<std::string, const instrument*, std::less<>> by_key_;
  std::map<std::uint32_t, const instrument*> by_token_;
  std::map<std::uint32_t, std::string> taken_;
  std::shared_ptr<const feature_plan> groups_;
};

}  // namespace

std::uint32_t token_of(std::string_view name) {
  // FNV-1a, folded to 24 bits.
  std::uint32_t h = 0x811c9dc5u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return ((h >> 24U) ^ (h & 0xffffffU)) << 8U | synthetic_segment;
}

result<std::shared_ptr<const formula_plan>> formula_plan::make(
    std::span<const formula> formulas, std::span<const instrument> list,
    const calendar_of_exchange& calendar_of) {
  auto plan = std::make_shared<formula_plan>();
  binder b(list, calendar_of);
  for (const auto& f : formulas) {
    auto bound = b.bind(f);
    if (!bound) return tl::unexpected(bound.error());
    plan->formulas_.push_back(std::move(*bound));
  }
  return plan;
}

std::vector<instrument> formula_plan::instruments() const {
  std::vector<instrument> list;
  for (const auto& f : formulas_) {
    auto& i = list.emplace_back();
    i.token = f.token;
    i.exchange_token = f.token >> 8U;
    i.exchange = i.type = i.segment = synthetic_exchange;
    i.symbol = f.name;
    i.name = f.exchange;
  }
  return list;
}

std::vector<std::uint32_t> formula_plan::legs(date today) const {
  std::set<std::uint32_t> tokens;
  for (const auto& f : formulas_) {
    if (const auto* s = std::get_if<bound_sum>(&f.what)) {
      for (const auto& t : s->terms) tokens.insert(t.token);
      continue;
    }
    const auto& s = std::get<bound_straddle>(f.what);
    tokens.insert(s.spot);
    std::size_t coming = 0;
    for (const auto& e : s.expiries) {
      if (coming == expiries_subscribed) break;
      if (e.day >= today) ++coming;
      for (const auto& k : e.strikes) tokens.insert({k.call, k.put});
    }
  }
  return {tokens.begin(), tokens.end()};
}

}  // namespace artham::market::formula

#include "market/alert/rule_set.hpp"

#include <algorithm>

namespace artham::market::alert {

namespace {

std::string shown(const rule& r, const values& v) {
  std::string out = "{";
  const auto names = fields_of(r.key.of);
  for (const auto index : r.condition.fields()) {
    if (!v[index]) continue;
    if (out.size() > 1) out += ',';
    out += '"' + std::string(names[index]) + "\":\"" + to_string(*v[index]) + '"';
  }
  return out + "}";
}

}  // namespace

std::string alert_id(const fired& f) {
  return std::to_string(f.rule) + '-' + std::to_string(f.version) + '-' +
         std::to_string(f.cause.at.epoch) + '-' + std::to_string(f.cause.at.seq) + '-' +
         std::to_string(f.cause.ordinal);
}

rule_set::rule_set(std::vector<bound_rule> rules)
    : rules_(std::move(rules)), changed_(rules_.size()) {
  std::ranges::sort(rules_, {}, [](const bound_rule& r) { return std::pair(r.id, r.version); });
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& r = rules_[i];
    switch (r.what.key.of) {
      case subject::tick:
        ticks_[r.token].push_back(i);
        break;
      case subject::bar:
        bars_[{r.what.key.timeframe, r.token}].push_back(i);
        break;
      case subject::greeks:
        greeks_[r.token].push_back(i);
        break;
      case subject::chain:
        chains_[{r.what.key.instrument, r.what.key.expiry}].push_back(i);
        break;
      case subject::gap:
        gaps_.push_back(i);
        break;
    }
  }
}

bool rule_set::empty(subject of) const {
  switch (of) {
    case subject::tick:
      return ticks_.empty();
    case subject::bar:
      return bars_.empty();
    case subject::greeks:
      return greeks_.empty();
    case subject::chain:
      return chains_.empty();
    default:
      return gaps_.empty();
  }
}

bool rule_set::counts(const bound_rule& r, position at, timestamp time) {
  return at > r.from && (!r.until || at <= *r.until) && time < r.ends;
}

template <class Take>
void rule_set::each(const places& which, const cause& c, timestamp at, const values& v,
                    std::vector<fired>& out, Take take_it) {
  for (const auto i : which) {
    auto& r = rules_[i];
    if (!counts(r, c.at, at)) continue;
    changed_[i] = true;
    const std::optional<firing> f = take_it(r);
    if (f) out.push_back({r.id, r.version, c, at, f->left_out, shown(r.what, v)});
  }
}

void rule_set::on_tick(const bar_input& core, const values& known, std::vector<fired>& out) {
  const auto found = ticks_.find(core.token);
  // A tick that far ahead of market time is used by nothing derived.
  if (found == ticks_.end() || (core.fields & bar_input::ahead) != 0) return;
  const auto volume =
      (core.fields & bar_input::volume) != 0 ? std::optional(core.volume_or_size) : std::nullopt;
  each(found->second, {core.position(), 0}, core.time, known, out,
       [&](bound_rule& r) -> std::optional<firing> {
         if (!is_news(r.state, core.time, volume)) return std::nullopt;
         return take(r.what, r.state, known, core.time);
       });
}

void rule_set::on_bar(timeframe tf, const bar& b, const cause& c, std::vector<fired>& out) {
  const auto found = bars_.find({tf, b.token});
  // One without ticks withdraws another.
  if (found == bars_.end() || b.ticks == 0) return;
  const auto v = values_of(b);
  each(found->second, c, b.end, v, out, [&](bound_rule& r) -> std::optional<firing> {
    if (b.revision == 0) return take(r.what, r.state, v, b.end);
    return r.what.revisions ? take_alone(r.what, r.state, v, b.end) : std::nullopt;
  });
}

void rule_set::on_chain(const feature::chain_row& row, const cause& c, std::vector<fired>& out) {
  const auto begin = out.size();
  if (const auto found = chains_.find({row.underlying, row.expiry}); found != chains_.end()) {
    const auto v = values_of(row);
    each(found->second, c, row.at, v, out,
         [&](bound_rule& r) { return take(r.what, r.state, v, row.at); });
  }
  if (!greeks_.empty()) {
    for (const auto& o : row.options) {
      const auto found = greeks_.find(o.token);
      if (found == greeks_.end()) continue;
      const auto v = values_of(o);
      each(found->second, c, row.at, v, out,
           [&](bound_rule& r) { return take(r.what, r.state, v, row.at); });
    }
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
            [](const fired& a, const fired& b) {
              return std::pair(a.rule, a.version) < std::pair(b.rule, b.version);
            });
}

void rule_set::on_mark(const mark& m, std::vector<fired>& out) {
  if (m.kind != mark_kind::gap || gaps_.empty()) return;
  const auto v = values_of(m);
  each(gaps_, {m.position, 0}, m.time, v, out, [&](bound_rule& r) -> std::optional<firing> {
    const bool concerns =
        r.token == 0 || m.tokens.empty() || std::ranges::binary_search(m.tokens, r.token);
    return concerns ? take_alone(r.what, r.state, v, m.time) : std::nullopt;
  });
}

std::vector<const bound_rule*> rule_set::changed() {
  std::vector<const bound_rule*> all;
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (changed_[i]) all.push_back(&rules_[i]);
  changed_.assign(changed_.size(), false);
  return all;
}

}  // namespace artham::market::alert

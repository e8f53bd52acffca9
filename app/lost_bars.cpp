#include "app/lost_bars.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "app/journal_ticks.hpp"

namespace artham::app {

namespace {

using token_list = std::shared_ptr<const std::vector<std::uint32_t>>;

/// No instrument has it, so that only blocks with marks are read.
constexpr std::uint32_t no_token = 0;

/// Whom each gap mark of the journal concerns.
struct concerned {
  std::map<record::position, token_list> at;
  std::set<std::uint32_t> named;  ///< by any subscription
};

class subscriptions {
 public:
  void take(const market::mark& m) {
    if (m.kind == market::mark_kind::subscription) {
      for (const auto token : m.tokens) {
        if (m.flag != 0) {
          in_force_.insert(token);
          all_.named.insert(token);
        } else {
          in_force_.erase(token);
        }
      }
      now_ = nullptr;
    }
    // A restart takes subscriptions back by its epoch mark, but they were in force before.
    if (m.kind != market::mark_kind::gap || m.flag == market::gap_begins) return;
    if (!m.tokens.empty()) {
      all_.at[m.position] = std::make_shared<const std::vector<std::uint32_t>>(m.tokens);
      return;
    }
    if (!now_) {
      now_ = std::make_shared<const std::vector<std::uint32_t>>(in_force_.begin(), in_force_.end());
    }
    all_.at[m.position] = now_;
  }

  concerned done() { return std::move(all_); }

 private:
  concerned all_;
  std::set<std::uint32_t> in_force_;
  token_list now_;
};

/// The bars of sessions that [from, to) touches.
void add_bars(const market::calendar& cal, market::timeframe tf, market::timestamp from,
              market::timestamp to, std::vector<market::bar_bounds>& out) {
  to = std::max(to, from + 1);
  for (auto s = cal.next_session(from); s && s->open < to; s = cal.next_session(s->close)) {
    const auto first = std::max(from, s->open);
    const auto last = std::min(to, s->close) - 1;
    const auto zone = market::zone_at(cal, first);
    out.push_back(
        {market::bounds_of(tf, zone, first).start, market::bounds_of(tf, zone, last).end});
  }
}

void unite(std::vector<market::bar_bounds>& stretches) {
  std::ranges::sort(stretches, {}, &market::bar_bounds::start);
  std::vector<market::bar_bounds> united;
  for (const auto& s : stretches) {
    if (!united.empty() && s.start <= united.back().end) {
      united.back().end = std::max(united.back().end, s.end);
    } else {
      united.push_back(s);
    }
  }
  stretches = std::move(united);
}

}  // namespace

result<lost_bars> find_lost_bars(
    bridge::bridge& journal, const feed::decoder& decoder, std::span<const store::gap_row> gaps,
    market::timeframe tf, const std::function<market::calendar_ptr(std::uint32_t)>& calendar_of) {
  subscriptions marks;
  auto read = for_each_in(
      journal, decoder, [](const journaled_tick&) { return true; },
      [&](const market::mark& m) {
        marks.take(m);
        return true;
      },
      {{}, {no_token}});
  if (!read) return tl::unexpected(read.error());
  const auto whom = marks.done();
  const std::vector<std::uint32_t> everybody(whom.named.begin(), whom.named.end());
  lost_bars all;
  for (const auto& g : gaps) {
    const auto known = whom.at.find(g.at);
    const auto& subscribed = known == whom.at.end() ? everybody : *known->second;
    for (const auto token : g.tokens.empty() ? subscribed : g.tokens) {
      auto& stretches = all[token];
      if (const auto cal = calendar_of(token)) add_bars(*cal, tf, g.from, g.to, stretches);
    }
  }
  for (auto& [token, stretches] : all) unite(stretches);
  std::erase_if(all, [](const auto& entry) { return entry.second.empty(); });
  return all;
}

}  // namespace artham::app

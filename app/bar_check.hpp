#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "app/findings.hpp"
#include "app/stored_progress.hpp"
#include "bridge/local/journal.hpp"
#include "market/calendar.hpp"
#include "messages/record/bar_codec.hpp"
#include "store/audit.hpp"

namespace artham::app {

/// What a check needs to know of instruments.
struct check_context {
  std::function<std::string(std::uint32_t token)> name_of;
  std::function<const market::calendar&(std::uint32_t token)> calendar_of;
  std::optional<market::date> day;  ///< only this trading date

  /// Where md:ticks begins, when retention removed what came before.
  std::optional<bridge::local::open_report::kept> kept;

  /// Everything that a bar of the trading day at `t` may depend on is in the journal: the first day
  /// of which something is kept may lack its beginning.
  [[nodiscard]] bool is_kept(std::uint32_t token, market::timestamp t) const {
    if (!kept) return true;
    const auto& c = calendar_of(token);
    return c.day_of(t).trading_date > c.day_of(kept->from).trading_date;
  }
  /// Of each table: what the store's own retention may have removed lies before.
  std::map<std::string, market::timestamp, std::less<>> removed_before;
  /// What the database would not take: stream, cause, token.
  std::set<std::tuple<std::string, record::cause, std::uint32_t>> refused;

  /// A record need not be stored.
  [[nodiscard]] bool may_lack(std::string_view table, market::timestamp at,
                              const std::string& stream, const record::cause& cause,
                              std::uint32_t token) const {
    const auto it = removed_before.find(table);
    return (it != removed_before.end() && at < it->second) ||
           refused.contains({stream, cause, token});
  }
  [[nodiscard]] bool wanted(std::uint32_t token, market::timestamp t) const {
    return !day || calendar_of(token).day_of(t).trading_date == *day;
  }
};

/// Compares the stored bars of a timeframe, column by column, with those made again, which are
/// sorted as bars_of does. A bar that is not stored and whose cause lies behind `until` is
/// no difference: the number of those is returned.
[[nodiscard]] result<std::size_t> check_bars(store::audit& stored, market::timeframe tf,
                                             const std::vector<record::bar_record>& rebuilt,
                                             const stored_progress& until,
                                             const check_context& context, findings& found);

}  // namespace artham::app

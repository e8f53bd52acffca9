#include "store/audit.hpp"

namespace artham::store {

audited_bar as_row(const record::bar_record& r) {
  using field = market::bar::field;
  const auto& b = r.bar;
  const auto has = [&b](field f, std::int64_t value) {
    return (b.fields & f) != 0 ? std::optional(value) : std::nullopt;
  };
  const auto seq = [](const market::position& p) { return static_cast<std::int64_t>(p.seq); };
  return {b.token,
          b.start,
          {b.revision,
           b.end,
           b.open.units,
           b.high.units,
           b.low.units,
           b.close.units,
           has(field::volume_known, b.volume),
           has(field::oi_known, b.oi),
           has(field::oi_change_known, b.oi_change),
           has(field::vwap_known, b.vwap.units),
           b.ticks,
           b.flags,
           b.first.epoch,
           seq(b.first),
           b.last.epoch,
           seq(b.last),
           r.cause.at.epoch,
           seq(r.cause.at),
           r.cause.ordinal,
           std::nullopt}};
}

}  // namespace artham::store

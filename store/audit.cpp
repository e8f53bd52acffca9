#include "store/audit.hpp"

#include "market/price.hpp"

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

std::string column_text(std::string_view column, const std::optional<std::int64_t>& value,
                        market::duration utc_offset) {
  if (!value) return column == "instrument_id" ? "one of this token" : "none";
  if (column == "bar_end_ts") return market::to_rfc3339(*value, utc_offset);
  for (const auto* price : {"open", "high", "low", "close", "vwap"}) {
    if (column == price) return market::to_string(market::price{*value});
  }
  if (column == "flags") {
    const auto known = static_cast<std::uint16_t>(*value);
    const auto text = market::flags_text(known);
    if (known == *value && !text.empty()) return text;
  }
  return std::to_string(*value);
}

}  // namespace artham::store

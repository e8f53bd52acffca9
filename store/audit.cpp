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

record::bar_record as_record(const audited_bar& row) {
  using field = market::bar::field;
  record::bar_record r;
  auto& b = r.bar;
  b.token = static_cast<std::uint32_t>(row.token);
  b.start = row.start;
  std::size_t column = 0;
  const auto next = [&] { return row.values[column++].value_or(0); };
  const auto optional = [&](field f) {
    if (row.values[column]) b.fields = static_cast<std::uint8_t>(b.fields | f);
    return next();
  };
  const auto position = [&] {
    const auto epoch = static_cast<std::uint32_t>(next());
    return record::position{epoch, static_cast<std::uint64_t>(next())};
  };
  b.revision = static_cast<std::uint32_t>(next());
  b.end = next();
  for (auto* p : {&b.open, &b.high, &b.low, &b.close}) p->units = next();
  b.volume = optional(field::volume_known);
  b.oi = optional(field::oi_known);
  b.oi_change = optional(field::oi_change_known);
  b.vwap.units = optional(field::vwap_known);
  b.ticks = static_cast<std::uint32_t>(next());
  b.flags = static_cast<std::uint16_t>(next());
  b.first = position();
  b.last = position();
  r.cause.at = position();
  r.cause.ordinal = static_cast<std::uint32_t>(next());
  return r;
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

#include "store/postgres/import.hpp"

#include "store/postgres/connection.hpp"
#include "store/postgres/copy_rows.hpp"
#include "store/postgres/server.hpp"
#include "store/postgres/sqlstate.hpp"

namespace artham::store::postgres {

namespace {

copy_rows rows_of(std::span<const stored_instrument> versions) {
  copy_rows out;
  std::int64_t last_id = 0;
  for (const auto& v : versions) {
    const auto& i = v.instrument;
    out.row(15);
    out.int32(static_cast<std::int32_t>(v.id));
    out.date(v.valid_from);
    v.valid_to ? out.date(*v.valid_to) : out.null();
    out.int64(i.token);
    out.int64(i.exchange_token);
    out.text(i.exchange);
    out.text(i.symbol);
    out.text(i.name);
    i.expiry.days != 0 ? out.date(i.expiry) : out.null();
    out.int64(i.strike.units);
    out.int64(i.tick_size.units);
    out.int64(i.lot_size);
    out.text(i.type);
    out.text(i.segment);
    out.bytes(std::string_view(v.id != last_id ? "\1" : "\0", 1));
    last_id = v.id;
  }
  out.finish();
  return out;
}

outcome<bool> fill(connection& c, std::span<const stored_instrument> versions) {
  auto begun = c.begin_copy(
      "BEGIN; LOCK TABLE artham.instruments IN SHARE ROW EXCLUSIVE MODE; SELECT 1 FROM "
      "artham.instruments LIMIT 1; COPY artham.instruments (instrument_id, valid_from, valid_to, "
      "instrument_token, exchange_token, exchange, tradingsymbol, name, expiry, strike, tick_size, "
      "lot_size, instrument_type, segment, is_first) FROM STDIN (FORMAT binary)");
  if (!begun) return tl::unexpected(begun.error());
  // The connection is closed, and with it the transaction undone.
  if ((*begun)[2].rows() != 0) return false;
  const auto rows = rows_of(versions);
  if (auto put = c.put(rows.bytes()); !put) return tl::unexpected(put.error());
  if (auto ended = c.end_copy(); !ended) return tl::unexpected(ended.error());
  if (auto committed = c.run("COMMIT"); !committed) return tl::unexpected(committed.error());
  return true;
}

}  // namespace

result<void> import_instruments(const server& s, std::span<const stored_instrument> versions) {
  const auto info = conninfo(s, "artham import");
  if (!info) return tl::unexpected(info.error());
  const auto place = place_of(s);
  auto c = connection::open(*info, s.timeout);
  if (!c) return tl::unexpected(error_of(place, c.error().sqlstate, c.error().message));
  const auto filled = fill(**c, versions);
  if (!filled)
    return tl::unexpected(error_of(place, filled.error().sqlstate, filled.error().message));
  if (!*filled) return fail(errc::conflict, place + " has instruments already");
  return {};
}

}  // namespace artham::store::postgres

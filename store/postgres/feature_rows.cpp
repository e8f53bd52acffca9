#include "store/postgres/feature_rows.hpp"

#include <string_view>

#include "store/feature_columns.hpp"

namespace artham::store::postgres {

namespace {

using market::feature::chain_row;
using market::feature::instrument_row;
using market::feature::option_row;
using market::option::side;

const std::string chain_columns = "underlying, expiry, at_ts, state, forward_source, fields, " +
                                  std::string(chain_value_columns) +
                                  ", cause_epoch, cause_seq, cause_ordinal";
constexpr std::int16_t chain_column_count = 28;
const std::string option_columns =
    "at_ts, strike, instrument_token, instrument_id, fields, type, state, " +
    std::string(option_value_columns);
constexpr std::int16_t option_column_count = 24;
const std::string instrument_columns =
    "at_ts, instrument_token, instrument_id, fields, " + std::string(instrument_value_columns) +
    ", quote_epoch, quote_seq, cause_epoch, cause_seq, cause_ordinal";
constexpr std::int16_t instrument_column_count = 18;

/// Values into the row that is being written.
struct row_values {
  copy_rows& out;
  void operator()(std::int64_t v) const { out.int64(v); }
  void operator()(double v) const { out.real(v); }
  template <class T>
  void known(bool is, T v) const {
    out.known(is, v);
  }
};

void append_cause(copy_rows& out, const record::cause& c) {
  out.int64(c.at.epoch);
  out.int64(static_cast<std::int64_t>(c.at.seq));
  out.int64(c.ordinal);
}

void append_chain(copy_rows& out, const record::cause& cause, const chain_row& c) {
  out.row(chain_column_count);
  out.text(c.underlying);
  out.date(c.expiry);
  out.time(split(c.at));
  out.text(market::option::name(c.is));
  out.text(market::feature::name(c.source));
  out.int32(c.fields);
  row_values values{out};
  put_chain_values(values, c);
  append_cause(out, cause);
}

/// With the cause of its chain in front.
void append_option(copy_rows& out, const record::cause& cause, market::timestamp at,
                   const option_row& o, std::int32_t id) {
  out.row(option_column_count + 3);
  append_cause(out, cause);
  out.time(split(at));
  out.int64(o.strike.units);
  out.int64(o.token);
  out.int32(id);
  out.int32(o.fields);
  out.text(o.type == side::call ? "CE" : "PE");
  out.text(market::option::name(o.is));
  row_values values{out};
  put_option_values(values, o);
}

void append_instrument(copy_rows& out, const record::cause& cause, const instrument_row& r,
                       std::int32_t id) {
  out.row(instrument_column_count);
  out.time(split(r.mark));
  out.int64(r.token);
  out.int32(id);
  out.int32(r.fields);
  row_values values{out};
  put_instrument_values(values, r);
  out.int64(r.cause.epoch);
  out.int64(static_cast<std::int64_t>(r.cause.seq));
  append_cause(out, cause);
}

outcome<void> copy(connection& c, const std::string& table, const std::string& columns,
                   copy_rows& rows) {
  rows.finish();
  auto begun =
      c.begin_copy("COPY pg_temp." + table + " (" + columns + ") FROM STDIN (FORMAT binary)");
  if (!begun) return tl::unexpected(std::move(begun.error()));
  if (auto sent = c.put(rows.bytes()); !sent) return sent;
  if (auto ended = c.end_copy(); !ended) return tl::unexpected(std::move(ended.error()));
  return {};
}

}  // namespace

const std::string make_new_features =
    "CREATE TEMP TABLE new_chains ON COMMIT DELETE ROWS AS SELECT " + chain_columns +
    " FROM artham.chain_features WITH NO DATA; CREATE TEMP TABLE new_options ON COMMIT DELETE ROWS "
    "AS SELECT 0::bigint AS cause_epoch, 0::bigint AS cause_seq, 0::bigint AS cause_ordinal, " +
    option_columns +
    " FROM artham.option_greeks WITH NO DATA; CREATE TEMP TABLE new_instrument_features ON COMMIT "
    "DELETE ROWS AS SELECT " +
    instrument_columns + " FROM artham.instrument_features WITH NO DATA";

outcome<void> write_features(
    connection& c, std::span<const record::feature_record> records,
    const std::function<std::int32_t(std::uint32_t token, market::timestamp t)>& id_of) {
  copy_rows chains;
  copy_rows options;
  copy_rows instruments;
  for (const auto& r : records) {
    if (const auto* chain = r.chain()) {
      append_chain(chains, r.cause, *chain);
      for (const auto& o : chain->options)
        append_option(options, r.cause, chain->at, o, id_of(o.token, chain->at));
    } else {
      const auto& i = *r.instrument();
      append_instrument(instruments, r.cause, i, id_of(i.token, i.mark));
    }
  }
  std::string sql;
  if (chains.rows() != 0) {
    if (auto done = copy(c, "new_chains", chain_columns, chains); !done) return done;
    if (auto done = copy(c, "new_options",
                         "cause_epoch, cause_seq, cause_ordinal, " + option_columns, options);
        !done) {
      return done;
    }
    // Options of a chain that is there already are not looked at: it came with its own.
    sql = "WITH made AS (INSERT INTO artham.chain_features (" + chain_columns + ") SELECT " +
          chain_columns +
          " FROM pg_temp.new_chains ON CONFLICT DO NOTHING RETURNING chain_id, cause_epoch, "
          "cause_seq, cause_ordinal) INSERT INTO artham.option_greeks (chain_id, " +
          option_columns + ") SELECT chain_id, " + option_columns +
          " FROM pg_temp.new_options JOIN made USING (cause_epoch, cause_seq, cause_ordinal) ON "
          "CONFLICT DO NOTHING; DELETE FROM pg_temp.new_chains; DELETE FROM pg_temp.new_options; ";
  }
  if (instruments.rows() != 0) {
    if (auto done = copy(c, "new_instrument_features", instrument_columns, instruments); !done)
      return done;
    sql += "INSERT INTO artham.instrument_features (" + instrument_columns + ") SELECT " +
           instrument_columns +
           " FROM pg_temp.new_instrument_features ON CONFLICT DO NOTHING; DELETE FROM "
           "pg_temp.new_instrument_features";
  }
  if (sql.empty()) return {};
  auto put = c.run(sql);
  if (!put) return tl::unexpected(std::move(put.error()));
  return {};
}

}  // namespace artham::store::postgres

#include "store/sqlite/feature_rows.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "store/feature_columns.hpp"

namespace artham::store::sqlite {

using market::feature::chain_row;
using market::feature::instrument_row;
using market::feature::option_row;

const std::string chain_columns = "underlying, expiry, at_ts, state, forward_source, fields, " +
                                  std::string(chain_value_columns) +
                                  ", cause_epoch, cause_seq, cause_ordinal";
const std::string option_columns =
    "instrument_token, type, strike, state, fields, " + std::string(option_value_columns);
const std::string instrument_feature_columns =
    "at_ts, instrument_token, fields, " + std::string(instrument_value_columns) +
    ", quote_epoch, quote_seq, cause_epoch, cause_seq, cause_ordinal";

namespace {

std::string insert_sql(std::string_view table, std::string_view more, const std::string& columns) {
  const auto all = std::string(more) + columns;
  const auto count = 1 + std::ranges::count(all, ',');
  std::string marks = "?";
  for (auto i = count; i > 1; --i) marks += ", ?";
  return "INSERT OR IGNORE INTO " + std::string(table) + " (" + all + ") VALUES (" + marks + ")";
}

/// Binds the columns of a row one after the other.
struct binder {
  insert_statement& s;
  int column = 1;

  void operator()(std::int64_t v) { s.bind(column++, v); }
  void operator()(std::uint64_t v) { s.bind(column++, static_cast<std::int64_t>(v)); }
  void operator()(std::uint32_t v) { s.bind(column++, std::int64_t{v}); }
  void operator()(double v) { s.bind_real(column++, v); }
  void operator()(std::string_view v) { s.bind(column++, v); }
  void cause(const record::cause& c) {
    (*this)(c.at.epoch);
    (*this)(c.at.seq);
    (*this)(c.ordinal);
  }
  template <class T>
  void known(bool is, T v) {
    if (is) {
      (*this)(v);
    } else {
      ++column;
    }
  }
};

/// Reads the columns of a row one after the other; NULL gives 0.
struct taker {
  SQLite::Statement& row;
  int column = 0;

  std::int64_t integer() { return row.getColumn(column++).getInt64(); }
  std::uint32_t small() { return row.getColumn(column++).getUInt(); }
  double real() { return row.getColumn(column++).getDouble(); }
  std::string text() { return row.getColumn(column++).getString(); }
  market::timestamp time() { return integer(); }
  record::position position() {
    record::position p;
    p.epoch = small();
    p.seq = static_cast<std::uint64_t>(integer());
    return p;
  }
  record::cause cause() {
    record::cause c;
    c.at = position();
    c.ordinal = small();
    return c;
  }
};

void bind_option(insert_statement& s, std::int64_t chain_id, std::int64_t id, const option_row& o) {
  s.next_row();
  binder put{s};
  put(chain_id);
  put(id);
  put(o.token);
  put(std::string_view(o.type == market::option::side::call ? "CE" : "PE"));
  put(o.strike.units);
  put(market::option::name(o.is));
  put(std::uint32_t{o.fields});
  put_option_values(put, o);
}

void bind_chain(insert_statement& s, const record::cause& cause, const chain_row& c) {
  s.next_row();
  binder put{s};
  put(std::string_view(c.underlying));
  put(std::int64_t{c.expiry.days});
  put(c.at);
  put(market::option::name(c.is));
  put(market::feature::name(c.source));
  put(std::uint32_t{c.fields});
  put_chain_values(put, c);
  put.cause(cause);
}

void bind_instrument(insert_statement& s, std::int64_t id, const record::cause& cause,
                     const instrument_row& r) {
  s.next_row();
  binder put{s};
  put(id);
  put(r.mark);
  put(r.token);
  put(std::uint32_t{r.fields});
  put_instrument_values(put, r);
  put(r.cause.epoch);
  put(r.cause.seq);
  put.cause(cause);
}

}  // namespace

feature_inserts::feature_inserts(SQLite::Database& db)
    : db_(db),
      chains_(db, insert_sql("chain_features", "", chain_columns)),
      options_(db, insert_sql("option_greeks", "chain_id, instrument_id, ", option_columns)),
      instruments_(
          db, insert_sql("instrument_features", "instrument_id, ", instrument_feature_columns)) {}

void feature_inserts::write_chain(
    const record::feature_record& r,
    const std::function<std::int64_t(std::uint32_t, market::timestamp)>& id_of) {
  const auto& c = *r.chain();
  bind_chain(chains_, r.cause, c);
  chains_.write_row();
  const bool there_already = db_.getChanges() == 0;
  chains_.end();
  if (there_already) return;
  const auto chain_id = db_.getLastInsertRowid();
  for (const auto& o : c.options) {
    bind_option(options_, chain_id, id_of(o.token, c.at), o);
    options_.write_row();
  }
  options_.end();
}

void feature_inserts::write(
    std::span<const record::feature_record> records,
    const std::function<std::int64_t(std::uint32_t token, market::timestamp t)>& id_of) {
  for (const auto& r : records) {
    if (r.chain() != nullptr) {
      write_chain(r, id_of);
      continue;
    }
    const auto& i = *r.instrument();
    bind_instrument(instruments_, id_of(i.token, i.mark), r.cause, i);
    instruments_.write_row();
    instruments_.end();
  }
}

record::feature_record read_chain(SQLite::Statement& row) {
  taker in{row, 1};
  return take_chain(in);
}

option_row read_option(SQLite::Statement& row, int first) {
  taker in{row, first};
  return take_option(in);
}

std::vector<option_row> read_options(SQLite::Database& db, std::int64_t chain_id) {
  SQLite::Statement s(db, "SELECT " + option_columns +
                              " FROM option_greeks WHERE chain_id = ? ORDER BY strike, type, "
                              "instrument_token");
  s.bind(1, chain_id);
  std::vector<option_row> options;
  while (s.executeStep()) options.push_back(read_option(s, 0));
  return options;
}

record::feature_record read_instrument_feature(SQLite::Statement& row) {
  taker in{row};
  return take_instrument_feature(in);
}

}  // namespace artham::store::sqlite

#include "store/postgres/record_source.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "store/postgres/bytes_text.hpp"
#include "store/postgres/read_pool.hpp"
#include "store/postgres/statement.hpp"
#include "store/postgres/stored_rows.hpp"
#include "store/postgres/time_tables.hpp"
#include "store/token_book.hpp"
#include "store/token_list.hpp"

namespace artham::store::postgres {

namespace {

using transaction = pqxx::transaction_base;

std::int64_t count_of(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, INT64_MAX));
}

void cause_value(statement& s, const record::cause& c) {
  s << "(";
  s.value(c.at.epoch) << "::bigint, ";
  s.value(static_cast<std::int64_t>(c.at.seq)) << "::bigint, ";
  s.value(c.ordinal) << "::bigint)";
}

/// The ends of the range, of a row whose cause is `columns`.
void between(statement& s, std::string_view columns, const record_range& r) {
  s << "(" << columns << ") > ";
  cause_value(s, r.after);
  s << " AND (" << columns << ") < ";
  cause_value(s, r.before);
}

/// Both ends, and the window, which is what the index goes by.
void causes_in_range(statement& s, const record_range& r) {
  s << "cause_seq > ";
  s.value(static_cast<std::int64_t>(r.seq_above)) << " AND cause_seq <= ";
  s.value(static_cast<std::int64_t>(r.seq_upto)) << " AND ";
  between(s, "cause_epoch, cause_seq, cause_ordinal", r);
}

void by_cause(statement& s, const record_range& r) {
  s << " ORDER BY cause_epoch, cause_seq, cause_ordinal LIMIT ";
  s.value(count_of(r.limit));
}

std::string array_of(std::span<const std::uint32_t> tokens) {
  return '{' + joined(tokens) + '}';
}

/// The instruments that ever had one of the tokens, and their ids as an array.
std::pair<token_book, std::string> instruments_of(transaction& t,
                                                  std::span<const std::uint32_t> tokens) {
  statement s;
  s << "SELECT " << instrument_columns
    << " FROM artham.instruments WHERE instrument_id IN (SELECT instrument_id FROM "
       "artham.instruments WHERE instrument_token = ANY(";
  s.value(array_of(tokens)) << "::bigint[])) ORDER BY instrument_id, valid_from";
  std::vector<stored_instrument> versions;
  std::string ids;
  for (const auto& row : s.run(t)) {
    taker in(row);
    versions.push_back(take_instrument(in));
    ids += (ids.empty() ? "{" : ",") + std::to_string(versions.back().id);
  }
  return {token_book(versions), ids.empty() ? "{}" : ids + "}"};
}

/// Of the options of these chains, into them.
void add_options(transaction& t, std::map<std::int64_t, market::feature::chain_row*>& by_id) {
  if (by_id.empty()) return;
  std::string ids;
  auto from = market::never;
  market::timestamp to = INT64_MIN;
  for (const auto& [id, chain] : by_id) {
    ids += (ids.empty() ? "{" : ",") + std::to_string(id);
    from = std::min(from, chain->at);
    to = std::max(to, chain->at);
  }
  statement s;
  s << "SELECT chain_id, " << option_columns << " FROM artham.option_greeks WHERE chain_id = ANY(";
  s.value(ids + "}") << ") AND at_ts >= ";
  s.time(from) << " AND at_ts <= ";
  s.time(to) << " ORDER BY strike, type, instrument_token";
  for (const auto& row : s.run(t)) {
    taker in(row);
    const auto id = in.integer();
    by_id.at(id)->options.push_back(take_option(in));
  }
}

/// Ticks of both layouts in one form. A pack is taken apart where it lies.
void select_ticks(statement& s, const std::string& ids, const record_range& r) {
  const auto above = static_cast<std::int64_t>(r.seq_above);
  const auto upto = static_cast<std::int64_t>(r.seq_upto);
  s << "SELECT epoch, seq, instrument_id, receive_ns, exchange_ns, last_price, packet FROM ("
       "SELECT t.epoch::bigint AS epoch, t.seq, t.instrument_id, (extract(epoch FROM "
       "t.receive_ts) * 1000000)::bigint * 1000 + t.fraction / 1000000 AS receive_ns, "
       "(extract(epoch FROM t.exchange_ts) * 1000000)::bigint * 1000 + t.fraction % 1000 AS "
       "exchange_ns, t.last_price, t.packet FROM artham.ticks AS t WHERE t.instrument_id = ANY(";
  s.value(ids) << "::integer[]) AND t.seq > ";
  s.value(above) << " AND t.seq <= ";
  s.value(upto) << " UNION ALL SELECT p.epoch::bigint, p.first_seq + u.seq, p.instrument_id, "
                   "u.receive_ns, coalesce(u.exchange_ns, u.receive_ns), u.last_price, "
                   "substring(p.packets FROM ((u.n - 1) * p.packet_size + 1)::integer FOR "
                   "p.packet_size) FROM artham.tick_packs AS p CROSS JOIN LATERAL unnest(p.seq, "
                   "p.receive_ns, p.exchange_ns, p.last_price) WITH ORDINALITY AS u (seq, "
                   "receive_ns, exchange_ns, last_price, n) WHERE p.instrument_id = ANY(";
  s.value(ids) << "::integer[]) AND p.last_seq > ";
  s.value(above) << " AND p.first_seq <= ";
  s.value(upto) << " AND p.first_seq + u.seq > ";
  s.value(above) << " AND p.first_seq + u.seq <= ";
  s.value(upto) << ") AS a WHERE ";
  between(s, "epoch, seq, 0::bigint", r);
  s << " ORDER BY seq LIMIT ";
  s.value(count_of(r.limit));
}

class postgres_records final : public record_source {
 public:
  explicit postgres_records(server s) : pool_(std::move(s)) {}

  [[nodiscard]] std::uint32_t shards_of_ticks() const override { return tick_shards; }

  result<std::vector<stored_position>> positions() override {
    return pool_.with(
        [](transaction& t) -> result<std::vector<stored_position>> { return read_positions(t); });
  }

  result<market::timestamp> kept_since(std::string_view table) override {
    return pool_.with([&](transaction& t) -> result<market::timestamp> {
      statement s;
      s << "SELECT before_ts FROM artham.removed WHERE table_name = lower(";
      s.value(std::string(table)) << ")";
      const auto rows = s.run(t);
      if (rows.empty()) return 0;
      const auto row = rows[0];
      return taker(row).time();
    });
  }

  result<std::vector<record::bar_record>> bars_between(market::timeframe tf,
                                                       std::span<const std::uint32_t> tokens,
                                                       const record_range& r) override {
    return pool_.with([&](transaction& t) -> result<std::vector<record::bar_record>> {
      statement s;
      s << "SELECT " << bar_columns_of_record << " FROM artham." << bar_table_name(tf) << " WHERE ";
      causes_in_range(s, r);
      s << " AND instrument_token = ANY(";
      s.value(array_of(tokens)) << "::bigint[])";
      by_cause(s, r);
      std::vector<record::bar_record> found;
      for (const auto& row : s.run(t)) {
        taker in(row);
        found.push_back(take_bar(in));
      }
      return found;
    });
  }

  result<std::vector<record::feature_record>> chains_between(std::span<const chain_name> chains,
                                                             const record_range& r) override {
    return pool_.with([&](transaction& t) -> result<std::vector<record::feature_record>> {
      statement s;
      s << "SELECT chain_id, " << chain_columns << " FROM artham.chain_features WHERE ";
      causes_in_range(s, r);
      s << " AND (underlying, expiry) IN (";
      for (const auto& c : chains) {
        s << (&c == chains.data() ? "(" : ", (");
        s.value(c.underlying) << "::text, date '1970-01-01' + ";
        s.value(c.expiry.days) << "::integer)";
      }
      s << ")";
      by_cause(s, r);
      std::vector<record::feature_record> found;
      std::vector<std::int64_t> ids;
      for (const auto& row : s.run(t)) {
        taker in(row);
        ids.push_back(in.integer());
        found.push_back(take_chain(in));
      }
      std::map<std::int64_t, market::feature::chain_row*> by_id;
      for (std::size_t i = 0; i < found.size(); ++i)
        by_id.emplace(ids[i], &std::get<market::feature::chain_row>(found[i].row));
      add_options(t, by_id);
      return found;
    });
  }

  result<std::vector<stored_tick>> ticks_between(std::span<const std::uint32_t> tokens,
                                                 const record_range& r) override {
    return pool_.with([&](transaction& t) -> result<std::vector<stored_tick>> {
      const auto [book, ids] = instruments_of(t, tokens);
      statement s;
      select_ticks(s, ids, r);
      std::vector<stored_tick> found;
      for (const auto& row : s.run(t)) {
        taker in(row);
        stored_tick tick;
        tick.at = in.position();
        const auto id = in.integer();
        tick.receive = in.integer();
        tick.exchange = in.integer();
        tick.last.units = in.integer();
        tick.packet = bytes_of(in.text());
        tick.token = book.token_of(id, tick.receive, tick.packet);
        found.push_back(std::move(tick));
      }
      return found;
    });
  }

  result<std::vector<gap_row>> gaps_between(const record_range& r) override {
    return pool_.with([&](transaction& t) -> result<std::vector<gap_row>> {
      statement s;
      s << "SELECT " << gap_columns << " FROM artham.gaps WHERE seq > ";
      s.value(static_cast<std::int64_t>(r.seq_above)) << " AND seq <= ";
      s.value(static_cast<std::int64_t>(r.seq_upto)) << " AND ";
      between(s, "epoch, seq, 0::bigint", r);
      s << " ORDER BY epoch, seq LIMIT ";
      s.value(count_of(r.limit));
      std::vector<gap_row> found;
      for (const auto& row : s.run(t)) {
        taker in(row);
        found.push_back(take_gap(in));
      }
      return found;
    });
  }

 private:
  read_pool pool_;
};

}  // namespace

std::unique_ptr<record_source> open_records(server s) {
  return std::make_unique<postgres_records>(std::move(s));
}

}  // namespace artham::store::postgres

#include "web/api/feature_queries.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "messages/protocol/feature_json.hpp"
#include "messages/protocol/json.hpp"
#include "web/api/query.hpp"

namespace artham::web {

namespace {

constexpr std::size_t max_rows = 10'000;
constexpr std::size_t usual_rows = 500;

/// The expiry that `at` asks of: the nearest with chains by then that has not passed, else the
/// last.
std::optional<market::date> nearest(const std::vector<store::stored_expiry>& all,
                                    market::timestamp at) {
  if (all.empty()) return std::nullopt;
  auto newest = all.front().newest;
  for (const auto& e : all) newest = std::max(newest, e.newest);
  const auto now = std::min(at, newest);
  const market::date today{static_cast<std::int32_t>((now + market::india_offset) / market::day)};
  for (const auto& e : all) {
    if (e.expiry >= today) return e.expiry;
  }
  return all.back().expiry;
}

std::string expiries_text(const std::vector<store::stored_expiry>& all) {
  std::string text;
  for (const auto& e : all) text += " " + market::to_string(e.expiry);
  return text;
}

std::string begin_rows(const market::instrument& i, std::string_view rows) {
  std::string out = "{\"instrument\":";
  protocol::append_text(out, market::display_key(i));
  out += ",\"" + std::string(rows) + "\":[";
  return out;
}

/// Writes the rows, without the one that tells that there are more.
template <class Row, class Write>
std::string with_rows(std::string out, std::vector<Row> rows, const store::feature_query& range,
                      Write&& write) {
  const bool more = rows.size() == range.limit;
  if (more) rows.erase(range.newest_first ? rows.begin() : std::prev(rows.end()));
  bool first = true;
  for (const auto& r : rows) {
    if (!std::exchange(first, false)) out += ',';
    write(out, r);
  }
  return out + (more ? "],\"more\":true}\n" : "],\"more\":false}\n");
}

}  // namespace

result<chain_request> read_chain_request(const text_pairs& query, std::string_view underlying) {
  if (auto ok = check_names(query, {"expiry", "at", "from", "to", "history"}); !ok)
    return tl::unexpected(ok.error());
  chain_request asked;
  asked.underlying = underlying;
  if (const auto text = find_value(query, "expiry")) {
    const auto expiry = market::parse_date(*text);
    if (!expiry) return fail(errc::bad_input, "expiry: " + expiry.error().message);
    asked.expiry = *expiry;
  }
  const auto at = read_time(query, "at", market::never);
  if (!at) return tl::unexpected(at.error());
  const auto from = read_time(query, "from", 0);
  if (!from) return tl::unexpected(from.error());
  const auto to = read_time(query, "to", market::never);
  if (!to) return tl::unexpected(to.error());
  const bool wants_history = find_value(query, "history").has_value();
  if (!wants_history && (find_value(query, "from") || find_value(query, "to"))) {
    return fail(
        errc::bad_input,
        "'from' and 'to' go with 'history', the number of chains wanted; 'at' asks for one");
  }
  if (wants_history) {
    if (find_value(query, "at"))
      return fail(errc::bad_input, "'at' asks for one chain, 'history' for many: leave one out");
    const auto count = read_count(query, "history", 1, max_rows);
    if (!count) return tl::unexpected(count.error());
    asked.history = *count;
  }
  asked.at = *at;
  asked.from = *from;
  asked.to = *to;
  return asked;
}

result<std::string> list_chains(store::reader& from) {
  const auto names = from.chain_underlyings();
  if (!names) return tl::unexpected(names.error());
  std::string out = "{\"chains\":[";
  for (const auto& name : *names) {
    const auto expiries = from.chain_expiries(name);
    if (!expiries) return tl::unexpected(expiries.error());
    if (out.back() == '}') out += ',';
    out += "{\"underlying\":";
    protocol::append_text(out, name);
    out += ",\"expiries\":[";
    for (std::size_t i = 0; i < expiries->size(); ++i) {
      out += i == 0 ? "\"" : ",\"";
      out += market::to_string((*expiries)[i].expiry) + "\"";
    }
    out += "]}";
  }
  return out + "]}\n";
}

result<std::string> read_chain(store::reader& from, const chain_request& asked) {
  const auto expiries = from.chain_expiries(asked.underlying);
  if (!expiries) return tl::unexpected(expiries.error());
  const auto expiry = asked.expiry ? asked.expiry : nearest(*expiries, asked.at);
  if (!expiry) {
    return fail(errc::not_found, "no chain of '" + asked.underlying.substr(0, 100) +
                                     "' is stored; /v1/chain lists those that are");
  }
  if (std::ranges::count(*expiries, *expiry, &store::stored_expiry::expiry) == 0) {
    return fail(errc::not_found, "no chain of '" + asked.underlying.substr(0, 100) +
                                     "' that expires on " + market::to_string(*expiry) +
                                     " is stored; there are:" + expiries_text(*expiries));
  }
  if (asked.history != 0) {
    store::feature_query q{asked.from, asked.to, asked.history + 1, asked.from == 0};
    auto rows = from.chain_history(asked.underlying, *expiry, q);
    if (!rows) return tl::unexpected(rows.error());
    return with_rows("{\"chains\":[", std::move(*rows), q,
                     [](std::string& out, const record::feature_record& r) {
                       protocol::append_chain(out, *r.chain(), true);
                     });
  }
  const auto found = from.chain(asked.underlying, *expiry, asked.at);
  if (!found) return tl::unexpected(found.error());
  if (!*found) {
    return fail(errc::not_found, "no chain of '" + asked.underlying + "', " +
                                     market::to_string(*expiry) + ", had been made by then");
  }
  std::string out = "{\"chain\":";
  protocol::append_chain(out, *(*found)->chain(), true);
  out += ",\"expiries\":[";
  for (std::size_t i = 0; i < expiries->size(); ++i) {
    out += i == 0 ? "\"" : ",\"";
    out += market::to_string((*expiries)[i].expiry) + "\"";
  }
  return out + "]}\n";
}

result<feature_request> read_feature_request(const text_pairs& query) {
  if (auto ok = check_names(query, {"instrument", "on", "from", "to", "limit"}); !ok)
    return tl::unexpected(ok.error());
  feature_request asked;
  const auto instrument = read_instrument(query);
  if (!instrument) return tl::unexpected(instrument.error());
  const auto from = read_time(query, "from", 0);
  if (!from) return tl::unexpected(from.error());
  const auto to = read_time(query, "to", market::never);
  if (!to) return tl::unexpected(to.error());
  if (*from > *to) return fail(errc::bad_input, "'from' is after 'to'; exchange them");
  const auto limit = read_count(query, "limit", usual_rows, max_rows);
  if (!limit) return tl::unexpected(limit.error());
  asked.instrument = *instrument;
  asked.range = {*from, *to, *limit + 1, !find_value(query, "from")};
  return asked;
}

result<std::string> read_greeks(store::reader& from, const market::instrument& i,
                                const store::feature_query& range) {
  auto rows = from.greeks(i.token, range);
  if (!rows) return tl::unexpected(rows.error());
  return with_rows(begin_rows(i, "greeks"), std::move(*rows), range,
                   [](std::string& out, const store::stored_greeks& g) {
                     market::feature::chain_row c;
                     c.underlying = g.underlying;
                     c.expiry = g.expiry;
                     c.at = g.at;
                     c.forward = g.forward;
                     if (g.forward > 0) c.fields = market::feature::chain_row::forward_known;
                     protocol::append_greeks(out, c, g.option, true);
                   });
}

result<std::string> read_features(store::reader& from, const market::instrument& i,
                                  const store::feature_query& range) {
  auto rows = from.instrument_features(i.token, range);
  if (!rows) return tl::unexpected(rows.error());
  return with_rows(begin_rows(i, "features"), std::move(*rows), range,
                   [](std::string& out, const record::feature_record& r) {
                     protocol::append_instrument_feature(out, *r.instrument());
                   });
}

}  // namespace artham::web

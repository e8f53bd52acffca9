#include "market/instrument.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace artham::market {

namespace {

enum column : std::size_t {
  instrument_token,
  exchange_token,
  tradingsymbol,
  name,
  last_price,
  expiry,
  strike,
  tick_size,
  lot_size,
  instrument_type,
  segment,
  exchange,
  column_count,
};
constexpr std::array<std::string_view, column_count> column_names{
    "instrument_token", "exchange_token",  "tradingsymbol", "name",
    "last_price",       "expiry",          "strike",        "tick_size",
    "lot_size",         "instrument_type", "segment",       "exchange"};

std::string at_line(std::size_t line) {
  return "instruments, line " + std::to_string(line);
}

/// Splits RFC 4180 text into rows without copying fields that need no unquoting.
class csv_reader {
 public:
  explicit csv_reader(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  [[nodiscard]] bool done() const { return rest_.empty(); }
  /// Where the row begins that `next` returned last, from 1.
  [[nodiscard]] std::size_t line() const { return row_line_; }

  result<void> next(std::vector<std::string>& fields) {
    row_line_ = line_;
    std::size_t count = 0;
    for (bool more = true; more; ++count) {
      if (fields.size() == count) fields.emplace_back();
      auto& field = fields[count];
      if (!rest_.empty() && rest_.front() == '"') {
        if (auto unquoted = take_quoted(field); !unquoted) return unquoted;
      } else {
        const auto end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
        field = rest_.substr(0, end);
        rest_.remove_prefix(end);
      }
      more = !rest_.empty() && rest_.front() == ',';
      if (more) rest_.remove_prefix(1);
    }
    fields.resize(count);
    return take_line_end();
  }

 private:
  result<void> take_quoted(std::string& field) {
    field.clear();
    rest_.remove_prefix(1);
    while (true) {
      const auto quote = rest_.find('"');
      if (quote == std::string_view::npos) {
        return fail(errc::bad_input, at_line(row_line_) + ": a quoted field is never closed");
      }
      for (const char c : rest_.substr(0, quote)) line_ += c == '\n' ? 1 : 0;
      field += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (rest_.empty() || rest_.front() != '"') return {};
      field += '"';
      rest_.remove_prefix(1);
    }
  }

  result<void> take_line_end() {
    if (rest_.starts_with("\r\n")) {
      rest_.remove_prefix(2);
    } else if (rest_.starts_with('\n') || rest_.starts_with('\r')) {
      rest_.remove_prefix(1);
    } else if (!rest_.empty()) {
      return fail(errc::bad_input, at_line(row_line_) + ": text follows a closing quote");
    }
    ++line_;
    return {};
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  std::size_t row_line_ = 1;
};

using column_places = std::array<std::size_t, column_count>;

result<column_places> find_columns(const std::vector<std::string>& header) {
  column_places places{};
  for (std::size_t wanted = 0; wanted < column_count; ++wanted) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (header[i] != column_names[wanted]) continue;
      if (found) {
        return fail(errc::bad_input, "instruments, line 1: column " +
                                         std::string(column_names[wanted]) + " appears twice");
      }
      found = i;
    }
    if (!found) {
      return fail(errc::bad_input, "instruments, line 1: column " +
                                       std::string(column_names[wanted]) +
                                       " is missing; expected the header of Kite's dump");
    }
    places[wanted] = *found;
  }
  return places;
}

/// The fields of one row by column; remembers the first failure.
class row_reader {
 public:
  row_reader(const std::vector<std::string>& fields, const column_places& places, std::size_t line)
      : fields_(fields), places_(places), line_(line) {}

  const std::string& text(column c) const { return fields_[places_[c]]; }

  std::uint32_t number32(column c) {
    const auto& field = text(c);
    std::uint32_t value = 0;
    const auto end = field.data() + field.size();
    const auto [stop, failure] = std::from_chars(field.data(), end, value);
    if (failure != std::errc() || stop != end) {
      refuse(c, "'" + field + "' is not a whole number below 2^32");
    }
    return value;
  }

  market::price decimal(column c) { return take(c, parse_price(text(c)), market::price{}); }
  std::int64_t whole(column c) { return take(c, parse_scaled(text(c), 0), std::int64_t{0}); }
  date day(column c) { return text(c).empty() ? date{} : take(c, parse_date(text(c)), date{}); }

  [[nodiscard]] const std::optional<error>& failure() const { return failure_; }

 private:
  template <class T>
  T take(column c, result<T> parsed, T otherwise) {
    if (parsed) return *parsed;
    refuse(c, parsed.error().message);
    return otherwise;
  }

  void refuse(column c, const std::string& why) {
    if (failure_) return;
    failure_ = error{errc::bad_input,
                     at_line(line_) + ", column " + std::string(column_names[c]) + ": " + why};
  }

  const std::vector<std::string>& fields_;
  const column_places& places_;
  std::size_t line_;
  std::optional<error> failure_;
};

void append_field(std::string& out, std::string_view field) {
  if (field.find_first_of("\",\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

std::string display_key(const instrument& i) {
  return i.exchange + ":" + i.symbol;
}

instrument unknown_instrument(std::uint32_t token) {
  instrument i;
  i.token = token;
  i.exchange_token = token >> 8;
  i.exchange = "TOKEN";
  i.symbol = std::to_string(token);
  return i;
}

std::string_view trading_exchange(const instrument& i) {
  return i.exchange == synthetic_exchange ? i.name : i.exchange;
}

std::string_view calendar_of(std::string_view exchange) {
  for (const std::string_view own : {"NFO", "BSE", "CDS", "MCX"}) {
    if (exchange == own) return own;
  }
  if (exchange == "BFO") return "NFO";
  if (exchange == "BCD") return "CDS";
  if (exchange == "NCO") return "MCX";
  return "NSE";
}

result<std::vector<instrument>> parse_instruments(std::string_view csv) {
  csv_reader in(csv);
  std::vector<std::string> fields;
  if (auto header = in.next(fields); !header) return tl::unexpected(std::move(header.error()));
  const auto places = find_columns(fields);
  if (!places) return tl::unexpected(places.error());
  const auto width = fields.size();

  std::vector<instrument> list;
  while (!in.done()) {
    if (auto row = in.next(fields); !row) return tl::unexpected(std::move(row.error()));
    if (fields.size() == 1 && fields.front().empty()) continue;
    if (fields.size() != width) {
      return fail(errc::bad_input, at_line(in.line()) + ": " + std::to_string(fields.size()) +
                                       " fields where the header has " + std::to_string(width));
    }
    row_reader row(fields, *places, in.line());
    auto& i = list.emplace_back();
    i.token = row.number32(instrument_token);
    i.exchange_token = row.number32(exchange_token);
    i.symbol = row.text(tradingsymbol);
    i.name = row.text(name);
    i.expiry = row.day(expiry);
    i.strike = row.decimal(strike);
    i.tick_size = row.decimal(tick_size);
    i.lot_size = row.whole(lot_size);
    i.type = row.text(instrument_type);
    i.segment = row.text(segment);
    i.exchange = row.text(exchange);
    if (row.failure()) return tl::unexpected(*row.failure());
  }
  return list;
}

std::string write_instruments(const std::vector<instrument>& list) {
  std::string out;
  for (const auto column_name : column_names) {
    if (!out.empty()) out += ',';
    out += column_name;
  }
  out += '\n';
  for (const auto& i : list) {
    out += std::to_string(i.token) + ',' + std::to_string(i.exchange_token) + ',';
    append_field(out, i.symbol);
    out += ',';
    append_field(out, i.name);
    out += ",0," + (i.expiry.days == 0 ? std::string() : to_string(i.expiry)) + ',';
    out += to_string(i.strike) + ',' + to_string(i.tick_size) + ',' + std::to_string(i.lot_size);
    for (const auto* field : {&i.type, &i.segment, &i.exchange}) {
      out += ',';
      append_field(out, *field);
    }
    out += '\n';
  }
  return out;
}

}  // namespace artham::market

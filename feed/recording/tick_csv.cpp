#include "feed/recording/tick_csv.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace artham::feed::recording {

using market::depth_level;
using market::tick;

namespace {

constexpr std::size_t longest_line = 64 * 1024;
/// Text that an error message quotes.
constexpr std::size_t longest_quote = 40;
/// Integers below this are no nanoseconds of any recording (April 1970), but seconds, milli- or
/// microseconds.
constexpr market::timestamp earliest = 10'000'000 * market::second;
/// The low byte of an index's token.
constexpr std::uint32_t index_segment = 9;

/// Bytes of an unknown file, fit for one line of a terminal.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, longest_quote)) {
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out + (text.size() > longest_quote ? "...'" : "'");
}

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_integer(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

result<std::uint32_t> parse_u32(std::string_view text) {
  std::uint32_t out = 0;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (why != std::errc() || end != text.data() + text.size()) {
    return fail(errc::bad_input, quoted(text) + " is no whole number of 0..4294967295");
  }
  return out;
}

result<market::timestamp> parse_time(std::string_view text) {
  if (!is_integer(text)) {
    return market::parse_rfc3339(text);
  }
  market::timestamp out = 0;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (why != std::errc() || end != text.data() + text.size() || out < earliest) {
    return fail(
        errc::bad_input,
        quoted(text) + " is no time in nanoseconds since 1970; give nanoseconds or RFC 3339");
  }
  return out;
}

result<std::int64_t> parse_quantity(std::string_view text, int digits, std::string_view hint) {
  auto out = market::parse_scaled(text, digits);
  if (!out) {
    return fail(errc::bad_input, out.error().message + std::string(hint));
  }
  if (*out < 0) {
    return fail(errc::bad_input, quoted(text) + " is negative");
  }
  return out;
}

std::int64_t tick::*quantity_field(column c) {
  switch (c) {
    case column::last_traded_quantity:
      return &tick::last_quantity;
    case column::volume_traded:
      return &tick::volume;
    case column::total_buy_quantity:
      return &tick::buy_quantity;
    case column::total_sell_quantity:
      return &tick::sell_quantity;
    default:
      return nullptr;
  }
}

std::int64_t tick::*interest_field(column c) {
  switch (c) {
    case column::oi:
      return &tick::oi;
    case column::oi_day_high:
      return &tick::oi_day_high;
    case column::oi_day_low:
      return &tick::oi_day_low;
    default:
      return nullptr;
  }
}

market::price tick::*price_field(column c) {
  switch (c) {
    case column::last_price:
      return &tick::last;
    case column::average_traded_price:
      return &tick::average;
    case column::open:
      return &tick::open;
    case column::high:
      return &tick::high;
    case column::low:
      return &tick::low;
    case column::close:
      return &tick::close;
    default:
      return nullptr;
  }
}

template <class Row>
auto& time_of(Row& row, column c) {
  switch (c) {
    case column::last_trade_time:
      return row.tick.last_trade_time;
    case column::receive_timestamp:
      return row.receive_time;
    default:
      return row.tick.exchange_time;
  }
}

template <class Tick>
auto& level_of(Tick& t, const depth_cell& cell) {
  return cell.is_buy ? t.bids[cell.level] : t.offers[cell.level];
}

/// Stores a parsed value, or passes the error on.
template <class T, class U>
result<void> store(result<T> parsed, U& out) {
  if (!parsed) {
    return tl::unexpected(std::move(parsed.error()));
  }
  out = *parsed;
  return {};
}

result<void> read_depth(const depth_cell& cell, std::string_view text, tick& t) {
  auto& level = level_of(t, cell);
  switch (cell.what) {
    case depth_cell::part::price:
      return store(market::parse_price(text), level.px);
    case depth_cell::part::quantity:
      return store(parse_u32(text), level.quantity);
    case depth_cell::part::orders:
      return store(parse_u32(text), level.orders);
  }
  return {};
}

}  // namespace

tl::unexpected<error> tick_csv_reader::refuse(const std::string& why) const {
  return fail(errc::bad_input, path() + ", line " + std::to_string(lines_.line()) + ": " + why);
}

result<tick_csv_reader> tick_csv_reader::open(const std::string& path) {
  return open(path, {});
}

result<tick_csv_reader> tick_csv_reader::open(const std::string& path, options o) {
  if (o.quantity_digits < 0 || o.quantity_digits > 18) {
    return fail(errc::usage, "a quantity scale of " + std::to_string(o.quantity_digits) +
                                 " digits: 0 to 18 are possible");
  }
  auto lines = line_reader::open(path, longest_line);
  if (!lines) {
    return tl::unexpected(std::move(lines.error()));
  }
  tick_csv_reader reader(std::move(*lines), o);
  if (auto done = reader.read_header(); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  return reader;
}

result<void> tick_csv_reader::read_header() {
  auto line = lines_.next();
  if (!line) {
    return tl::unexpected(std::move(line.error()));
  }
  if (!*line) {
    return fail(errc::bad_input,
                path() + " is empty; a tick CSV begins with a line of column names");
  }
  std::string_view header = **line;
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (header.substr(0, byte_order_mark.size()) == byte_order_mark) {
    header.remove_prefix(byte_order_mark.size());
  }
  if (auto done = split(header); !done) {
    return done;
  }
  for (const auto name : cells_) {
    const auto c = find_column(name);
    if (!c) {
      ignored_.emplace_back(name);
    } else if (columns_[*c]) {
      return refuse("the column " + std::string(name) + " appears twice");
    } else {
      columns_.set(*c);
    }
    layout_.push_back(c);
  }
  for (const auto c : {column::exchange_timestamp, column::instrument_token, column::last_price}) {
    if (!columns_[index_of(c)]) {
      return refuse("no column " + column_name(index_of(c)) +
                    "; a tick CSV begins with a line of column names, exchange_timestamp, "
                    "instrument_token and last_price among them");
    }
  }
  if (options_.volume == volume_use::sizes && !columns_[index_of(column::last_traded_quantity)]) {
    return refuse("no column last_traded_quantity, of which --volume sizes makes the volume");
  }
  return {};
}

result<void> tick_csv_reader::split(std::string_view line) {
  cells_.clear();
  unquoted_.clear();
  unquoted_.reserve(line.size());  // views into it stay valid
  std::size_t at = 0;
  for (;;) {
    if (at < line.size() && line[at] == '"') {
      const std::size_t begin = unquoted_.size();
      for (++at;; ++at) {
        if (at == line.size()) {
          return refuse("a quote is not closed");
        }
        if (line[at] == '"' && (++at == line.size() || line[at] != '"')) {
          break;
        }
        unquoted_ += line[at];
      }
      cells_.emplace_back(unquoted_.data() + begin, unquoted_.size() - begin);
      if (at < line.size() && line[at] != ',') {
        return refuse("something follows a closing quote");
      }
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      cells_.push_back(trimmed(line.substr(at, end - at)));
      at = end;
    }
    if (at == line.size()) {
      return {};
    }
    ++at;
  }
}

result<void> tick_csv_reader::read_cell(column_index i, std::string_view text,
                                        tick_row& row) const {
  if (i >= index_of(column::depth)) {
    return read_depth(depth_cell_of(i), text, row.tick);
  }
  const auto c = static_cast<column>(i);
  if (const auto field = price_field(c)) {
    return store(market::parse_price(text), row.tick.*field);
  }
  if (const auto field = quantity_field(c)) {
    return store(
        parse_quantity(text, options_.quantity_digits, "; --quantity-scale 8 reads eight decimals"),
        row.tick.*field);
  }
  if (const auto field = interest_field(c)) {
    return store(parse_quantity(text, 0, ""), row.tick.*field);
  }
  if (c == column::instrument_token) {
    return store(parse_u32(text), row.tick.token);
  }
  return store(parse_time(text), time_of(row, c));
}

result<std::optional<tick_row>> tick_csv_reader::next() {
  std::string_view text;
  do {
    auto line = lines_.next();
    if (!line) {
      return tl::unexpected(std::move(line.error()));
    }
    if (!*line) {
      return std::nullopt;
    }
    text = **line;
  } while (text.empty());

  if (auto done = split(text); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  if (cells_.size() != layout_.size()) {
    return refuse(std::to_string(cells_.size()) + " cells where the header has " +
                  std::to_string(layout_.size()));
  }
  tick_row row;
  row.line = lines_.line();
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const auto c = layout_[i];
    if (!c || cells_[i].empty() ||
        (*c >= index_of(column::depth) && options_.quantity_digits != 0)) {
      continue;
    }
    if (auto done = read_cell(*c, cells_[i], row); !done) {
      return refuse("column " + column_name(*c) + ": " + done.error().message);
    }
    row.present.set(*c);
  }
  for (const auto c : {column::exchange_timestamp, column::instrument_token, column::last_price}) {
    if (!row.has(c)) {
      return refuse("column " + column_name(index_of(c)) + ": the cell is empty");
    }
  }
  if (row.tick.token == 0) {
    return refuse("column instrument_token: no instrument has the token 0");
  }
  row.tick.mode = (row.tick.token & 0xff) == index_segment ? market::tick_mode::index_full
                                                           : market::tick_mode::full;
  return row;
}

void append_csv_header(std::string& out, const column_set& columns) {
  const std::size_t begin = out.size();
  for (column_index i = 0; i < column_count; ++i) {
    if (columns[i]) {
      out += (out.size() == begin ? "" : ",") + column_name(i);
    }
  }
  out += '\n';
}

void append_csv_row(std::string& out, const tick_row& row, const column_set& columns) {
  const auto cell = [&row](column_index i) -> std::string {
    const tick& t = row.tick;
    if (i >= index_of(column::depth)) {
      const auto at = depth_cell_of(i);
      const auto& level = level_of(t, at);
      switch (at.what) {
        case depth_cell::part::price:
          return to_string(level.px);
        case depth_cell::part::quantity:
          return std::to_string(level.quantity);
        case depth_cell::part::orders:
          return std::to_string(level.orders);
      }
    }
    const auto c = static_cast<column>(i);
    if (const auto field = price_field(c)) {
      return to_string(t.*field);
    }
    if (const auto field = quantity_field(c)) {
      return std::to_string(t.*field);
    }
    if (const auto field = interest_field(c)) {
      return std::to_string(t.*field);
    }
    if (c == column::instrument_token) {
      return std::to_string(t.token);
    }
    return market::to_rfc3339(time_of(row, c), 0);
  };
  bool first = true;
  for (column_index i = 0; i < column_count; ++i) {
    if (columns[i]) {
      out += first ? "" : ",";
      first = false;
      out += row.present[i] ? cell(i) : "";
    }
  }
  out += '\n';
}

}  // namespace artham::feed::recording

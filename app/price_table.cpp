#include "app/price_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace artham::app {

namespace {

namespace option = market::option;

enum field : std::size_t {
  model_field,
  type_field,
  underlying_field,
  strike_field,
  years_field,
  rate_field,
  dividend_field,
  volatility_field,
  price_field,
  field_count,
};
constexpr std::array<std::string_view, field_count> field_names = {
    "model", "type", "underlying", "strike", "years", "rate", "dividend", "volatility", "price"};
constexpr std::string_view header =
    "model,type,underlying,strike,years,rate,dividend,volatility,price,iv,delta,gamma,theta,vega,"
    "rho,state\n";

std::string_view trimmed(std::string_view cell) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!cell.empty() && blank(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && blank(cell.back())) cell.remove_suffix(1);
  return cell;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const auto comma = line.find(',');
    cells.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

using cell_list = std::array<std::string_view, field_count>;

tl::unexpected<error> bad_cell(std::size_t line, field f, std::string_view cell,
                               const std::string& wanted) {
  return fail(errc::bad_input, "row " + std::to_string(line) + ", " + std::string(field_names[f]) +
                                   ": '" + std::string(cell) + "' is not " + wanted);
}

result<double> number(std::size_t line, field f, std::string_view cell) {
  auto digits = cell;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double x = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), x);
  if (digits.empty() || end != digits.data() + digits.size() || ec == std::errc::invalid_argument ||
      digits.starts_with('-') != cell.starts_with('-') || (ec == std::errc() && !std::isfinite(x)))
    return bad_cell(line, f, cell, "a number, such as 0.065 or 1e-5");
  if (ec == std::errc::result_out_of_range)
    return bad_cell(line, f, cell, "a number that 64 bits of floating point can hold");
  return x;
}

result<price_row> row_of(std::size_t line, const cell_list& cells) {
  price_row row;
  if (cells[model_field] == "black76") {
    row.model = option::pricing::black76;
  } else if (cells[model_field] != "bs") {
    return bad_cell(line, model_field, cells[model_field], "a model: black76 or bs");
  }
  if (cells[type_field] == "put") {
    row.terms.type = option::side::put;
  } else if (cells[type_field] != "call") {
    return bad_cell(line, type_field, cells[type_field], "a type: call or put");
  }
  const std::pair<field, double*> numbers[] = {{underlying_field, &row.terms.underlying},
                                               {strike_field, &row.terms.strike},
                                               {years_field, &row.terms.years},
                                               {rate_field, &row.terms.rate},
                                               {dividend_field, &row.terms.dividend}};
  for (const auto& [f, to] : numbers) {
    // The forward of black76 holds the dividends already.
    if (f == dividend_field && row.model == option::pricing::black76 && cells[f].empty()) continue;
    const auto x = number(line, f, cells[f]);
    if (!x) return tl::unexpected(x.error());
    *to = *x;
  }
  row.by_volatility = !cells[volatility_field].empty();
  if (row.by_volatility == !cells[price_field].empty()) {
    return fail(errc::bad_input,
                "row " + std::to_string(line) +
                    ", volatility and price: " + (row.by_volatility ? "both are" : "neither is") +
                    " filled; fill the one that is known and leave the other empty");
  }
  const auto f = row.by_volatility ? volatility_field : price_field;
  const auto given = number(line, f, cells[f]);
  if (!given) return tl::unexpected(given.error());
  row.given = *given;
  row.given_text = cells[f];
  for (std::size_t i = model_field; i <= dividend_field; ++i) {
    if (i != 0) row.terms_text += ',';
    row.terms_text += cells[i];
  }
  return row;
}

void append(std::string& out, double x) {
  std::array<char, 32> text;
  // No negative zero: it says nothing.
  const auto end = std::to_chars(text.data(), text.data() + text.size(), x == 0 ? 0.0 : x).ptr;
  out.append(text.data(), end);
}

void append_row(std::string& out, const price_row& row) {
  auto state = option::state::ok;
  std::optional<double> volatility;
  std::optional<double> price;
  if (row.by_volatility) {
    volatility = row.given;
  } else {
    const auto found = option::implied_volatility(row.model, row.terms, row.given);
    state = found.is;
    if (state == option::state::ok) volatility = found.volatility;
  }
  option::valuation v;
  if (volatility) {
    v = option::value(row.model, row.terms, *volatility);
    state = v.is;
    if (state == option::state::ok || state == option::state::intrinsic ||
        state == option::state::expired)
      price = v.price;
  }
  const bool known = state == option::state::ok;
  out += row.terms_text;
  out += ',';
  if (row.by_volatility) {
    out += row.given_text;
  } else if (known) {
    append(out, *volatility);
  }
  out += ',';
  if (!row.by_volatility) {
    out += row.given_text;
  } else if (price) {
    append(out, *price);
  }
  out += ',';
  if (known) append(out, *volatility);
  for (const double greek : {v.delta, v.gamma, v.theta, v.vega, v.rho}) {
    out += ',';
    if (known) append(out, greek);
  }
  out += ',';
  out += option::name(state);
  out += '\n';
}

}  // namespace

result<std::vector<price_row>> parse_price_table(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto names = cells_of(next_line(text));
  std::array<std::size_t, field_count> place{};
  for (std::size_t f = 0; f < field_count; ++f) {
    const auto at = std::find(names.begin(), names.end(), field_names[f]);
    if (at == names.end()) {
      return fail(errc::bad_input, "row 1: the column " + std::string(field_names[f]) +
                                       " is missing; the header must name model, type, "
                                       "underlying, strike, years, rate, dividend, volatility and "
                                       "price");
    }
    if (std::find(at + 1, names.end(), field_names[f]) != names.end()) {
      return fail(errc::bad_input,
                  "row 1: the column " + std::string(field_names[f]) + " is there twice");
    }
    place[f] = static_cast<std::size_t>(at - names.begin());
  }
  std::vector<price_row> rows;
  for (std::size_t line = 2; !text.empty(); ++line) {
    const auto content = next_line(text);
    if (trimmed(content).empty()) continue;
    const auto cells = cells_of(content);
    if (cells.size() != names.size()) {
      return fail(errc::bad_input, "row " + std::to_string(line) + " has " +
                                       std::to_string(cells.size()) + " fields, the header has " +
                                       std::to_string(names.size()));
    }
    cell_list picked;
    for (std::size_t f = 0; f < field_count; ++f) picked[f] = cells[place[f]];
    auto row = row_of(line, picked);
    if (!row) return tl::unexpected(row.error());
    rows.push_back(*std::move(row));
  }
  return rows;
}

std::string priced_table(const std::vector<price_row>& rows) {
  std::string out(header);
  for (const auto& row : rows) append_row(out, row);
  return out;
}

}  // namespace artham::app

#include "market/formula/formula.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace artham::market::formula {

namespace {

constexpr std::size_t max_shown = 100;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_name(char c) {
  return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}
/// Of keys that need no brackets.
bool is_plain_key(char c) {
  return is_letter(c) || is_digit(c) || c == ':' || c == '_' || c == '&';
}
bool is_decimal(char c) {
  return is_digit(c) || c == '.';
}

class parser {
 public:
  explicit parser(std::string_view text) : text_(text) {}

  result<formula> parse() {
    formula f;
    f.name = std::string(take_while(is_name));
    if (f.name.empty() || f.name.size() > max_name) {
      at_ = 0;
      return refuse("expected a name of at most 40 letters, digits, - and _");
    }
    if (!take('=')) return refuse("expected = behind the name");
    auto what = starts_straddle() ? straddle() : sum();
    if (!what) return tl::unexpected(what.error());
    f.what = std::move(*what);
    return f;
  }

 private:
  using body = decltype(formula::what);

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  [[nodiscard]] bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }
  [[nodiscard]] char peek() { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  template <class Accepts>
  std::string_view take_while(Accepts accepts) {
    skip_spaces();
    const auto begin = at_;
    while (at_ < text_.size() && accepts(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  tl::unexpected<error> refuse(const std::string& why) {
    const auto rest = text_.substr(std::min(at_, text_.size()), 20);
    const auto there = rest.empty() ? std::string("the end") : "'" + std::string(rest) + "'";
    return fail(errc::bad_input, "formula '" + std::string(text_.substr(0, max_shown)) +
                                     "', character " + std::to_string(at_ + 1) + ", at " + there +
                                     ": " + why);
  }

  [[nodiscard]] bool starts_straddle() {
    skip_spaces();
    const auto before = at_;
    const bool is = take_while(is_letter) == "straddle" && take('(');
    if (!is) at_ = before;
    return is;
  }

  result<body> straddle() {
    auto underlying = key();
    if (!underlying) return tl::unexpected(underlying.error());
    if (!take(',')) return refuse("expected , and an expiry behind the underlying");
    rolling_straddle s{std::move(*underlying), std::nullopt};
    skip_spaces();
    const auto begin = at_;
    const auto word = take_while(is_name);
    if (word != "nearest") {
      const auto day = parse_date(word);
      at_ = day ? at_ : begin;
      if (!day) return refuse("expected an expiry such as 2026-11-24, or nearest");
      s.expiry = *day;
    }
    if (!take(')')) return refuse("expected ) behind the expiry");
    if (!at_end()) return refuse("expected nothing behind straddle(UNDERLYING, EXPIRY)");
    return s;
  }

  result<body> sum() {
    weighted_sum s;
    bool minus = take('-');
    for (;;) {
      if (auto done = add_term(s, minus); !done) return tl::unexpected(done.error());
      if (at_end()) break;
      minus = peek() == '-';
      if (!take('-') && !take('+'))
        return refuse(
            "expected + or -; a key with spaces or hyphens stands in brackets, as "
            "[NSE:NIFTY 50] does");
    }
    if (s.terms.empty()) return refuse("there is no leg: expected an instrument such as NSE:INFY");
    return s;
  }

  /// NUMBER, NUMBER * KEY or KEY.
  result<void> add_term(weighted_sum& s, bool minus) {
    term t;
    t.coefficient = price_scale;
    skip_spaces();
    const auto begin = at_;
    if (is_digit(peek())) {
      const auto number = parse_price(take_while(is_decimal));
      if (!number) {
        at_ = begin;
        return refuse("expected a number with at most nine decimals");
      }
      if (!take('*')) return add_constant(s, minus ? -number->units : number->units, begin);
      t.coefficient = number->units;
      if (t.coefficient == 0 || t.coefficient > max_coefficient * price_scale) {
        at_ = begin;
        return refuse("expected a coefficient above 0 and up to 1000000");
      }
    }
    auto leg = key();
    if (!leg) return tl::unexpected(leg.error());
    if (s.terms.size() == max_legs) return refuse("expected no more than 64 legs");
    if (minus) t.coefficient = -t.coefficient;
    t.key = std::move(*leg);
    s.terms.push_back(std::move(t));
    return {};
  }

  result<void> add_constant(weighted_sum& s, std::int64_t units, std::size_t begin) {
    if (!__builtin_add_overflow(s.constant.units, units, &s.constant.units)) return {};
    at_ = begin;
    return refuse("expected constants whose sum is a price, below 9.2e9");
  }

  result<std::string> key() {
    if (!take('[')) {
      const auto plain = is_letter(peek()) ? take_while(is_plain_key) : std::string_view();
      if (plain.empty()) return refuse("expected an instrument such as NSE:INFY or [NSE:NIFTY 50]");
      return std::string(plain);
    }
    const auto end = text_.find(']', at_);
    if (end == std::string_view::npos) return refuse("expected ] behind a key in brackets");
    if (end == at_) return refuse("expected a key such as NSE:INFY in the brackets");
    std::string inside(text_.substr(at_, end - at_));
    at_ = end + 1;
    return inside;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

result<formula> parse_formula(std::string_view text) {
  return parser(text).parse();
}

result<std::vector<formula>> parse_formulas(std::span<const std::string> texts) {
  if (texts.size() > max_formulas) {
    return fail(errc::bad_input, std::to_string(texts.size()) + " formulas are more than 1000");
  }
  std::vector<formula> list;
  std::set<std::string> names;
  for (const auto& text : texts) {
    auto f = parse_formula(text);
    if (!f) return tl::unexpected(f.error());
    if (!names.insert(f->name).second) {
      return fail(errc::bad_input, "formula '" + text.substr(0, max_shown) +
                                       "', character 1: the name " + f->name +
                                       " is given twice: expected one of its own for each formula");
    }
    list.push_back(std::move(*f));
  }
  return list;
}

std::vector<std::string> split_formulas(std::string_view text) {
  std::vector<std::string> items;
  int depth = 0;
  std::string item;
  const auto end_item = [&] {
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    items.push_back(std::exchange(item, {}));
  };
  for (const char c : text) {
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (c == ',' && depth <= 0) {
      end_item();
    } else {
      item += c;
    }
  }
  if (!text.empty()) end_item();
  return items;
}

}  // namespace artham::market::formula

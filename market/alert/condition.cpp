#include "market/alert/condition.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace artham::market::alert {

namespace {

constexpr std::size_t max_shown = 100;
constexpr int max_depth = 16;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_decimal(char c) {
  return (c >= '0' && c <= '9') || c == '.';
}
bool is_operator(char c) {
  return c == '<' || c == '>' || c == '=' || c == '!';
}

}  // namespace

class condition_parser {
 public:
  condition_parser(std::string_view text, subject of) : text_(text), of_(of) {}

  result<condition> parse() {
    if (text_.size() > condition::max_text) {
      return fail(errc::bad_input, "a condition of " + std::to_string(text_.size()) +
                                       " characters is longer than " +
                                       std::to_string(condition::max_text));
    }
    if (of_ == subject::gap && at_end()) return std::move(made_);
    if (auto done = any_of(0); !done) return tl::unexpected(done.error());
    if (!at_end()) return refuse("expected and, or, or nothing more");
    std::ranges::sort(made_.fields_);
    made_.fields_.erase(std::unique(made_.fields_.begin(), made_.fields_.end()),
                        made_.fields_.end());
    return std::move(made_);
  }

 private:
  using compare = condition::compare;

  [[nodiscard]] bool at_end() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    return at_ == text_.size();
  }
  template <class Accepts>
  std::string_view take_while(Accepts accepts) {
    static_cast<void>(at_end());
    const auto begin = at_;
    while (at_ < text_.size() && accepts(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    static_cast<void>(at_end());
    const auto before = at_;
    if (take_while(is_word) == word) return true;
    at_ = before;
    return false;
  }

  tl::unexpected<error> refuse(const std::string& why) {
    const auto rest = text_.substr(std::min(at_, text_.size()), 20);
    const auto there = rest.empty() ? std::string("the end") : "'" + std::string(rest) + "'";
    return fail(errc::bad_input, "condition '" + std::string(text_.substr(0, max_shown)) +
                                     "', character " + std::to_string(at_ + 1) + ", at " + there +
                                     ": " + why);
  }

  result<void> any_of(int depth) {
    if (auto done = all_of(depth); !done) return done;
    while (take_word("or")) {
      if (auto done = all_of(depth); !done) return done;
      made_.steps_.emplace_back(condition::join::any);
    }
    return {};
  }

  result<void> all_of(int depth) {
    if (auto done = one(depth); !done) return done;
    while (take_word("and")) {
      if (auto done = one(depth); !done) return done;
      made_.steps_.emplace_back(condition::join::all);
    }
    return {};
  }

  result<void> one(int depth) {
    if (!take('(')) return comparison();
    if (depth == max_depth) return refuse("expected no more brackets in brackets");
    if (auto done = any_of(depth + 1); !done) return done;
    if (!take(')')) return refuse("expected )");
    return {};
  }

  result<void> comparison() {
    if (++comparisons_ > condition::max_comparisons)
      return refuse("expected no more than 16 comparisons");
    auto left = operand();
    if (!left) return tl::unexpected(left.error());
    const auto how = comparator();
    if (!how) return tl::unexpected(how.error());
    auto right = operand();
    if (!right) return tl::unexpected(right.error());
    condition::comparison c{*how, *left, *right, 0};
    if (*how >= compare::crosses_above) {
      if (of_ == subject::gap) return refuse("a gap is no series: nothing crosses in it");
      c.crossing = static_cast<std::uint8_t>(made_.crossings_++);
    }
    made_.steps_.emplace_back(c);
    return {};
  }

  result<compare> comparator() {
    static constexpr std::pair<std::string_view, compare> known[] = {
        {">", compare::above},
        {">=", compare::at_least},
        {"<", compare::below},
        {"<=", compare::at_most},
        {"==", compare::equal},
        {"!=", compare::unequal},
        {"crosses_above", compare::crosses_above},
        {"crosses_below", compare::crosses_below},
        {"crosses", compare::crosses}};
    static_cast<void>(at_end());
    const auto begin = at_;
    auto written = take_while(is_operator);
    if (written.empty()) written = take_while(is_word);
    for (const auto& [text, how] : known)
      if (text == written) return how;
    at_ = begin;
    return refuse(
        "expected one of > >= < <= == != crosses_above crosses_below crosses behind a value");
  }

  result<condition::operand> operand() {
    static_cast<void>(at_end());
    const auto begin = at_;
    const bool minus = take('-');
    if (const auto digits = take_while(is_decimal); !digits.empty()) {
      auto n = parse_number(digits);
      if (!n) {
        at_ = begin;
        return refuse("expected a decimal of at most 18 digits and nine decimals");
      }
      if (minus) n->units = -n->units;
      return condition::operand(*n);
    }
    if (minus) return refuse("expected a number behind -");
    const auto name = take_while(is_word);
    const auto names = fields_of(of_);
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) {
      at_ = begin;
      std::string offered;
      for (const auto n : names) offered += " " + std::string(n);
      return refuse("expected a number or a field of " + std::string(to_string(of_)) +
                    "; there are:" + offered);
    }
    const auto index = static_cast<std::uint8_t>(found - names.begin());
    made_.fields_.push_back(index);
    return condition::operand(condition::field{index});
  }

  std::string_view text_;
  subject of_;
  std::size_t at_ = 0;
  std::size_t comparisons_ = 0;
  condition made_;
};

result<condition> condition::parse(std::string_view text, subject of) {
  return condition_parser(text, of).parse();
}

verdict condition::decide(const comparison& c, const values& v, std::vector<side>* sides) {
  const auto read = [&](const operand& o) -> std::optional<number> {
    if (const auto* n = std::get_if<number>(&o)) return *n;
    return v[std::get<field>(o).index];
  };
  const auto left = read(c.left);
  const auto right = read(c.right);
  if (!left || !right) return verdict::unknown;
  const auto said = [](bool yes) { return yes ? verdict::yes : verdict::no; };
  switch (c.how) {
    case compare::above:
      return said(*left > *right);
    case compare::at_least:
      return said(*left >= *right);
    case compare::below:
      return said(*left < *right);
    case compare::at_most:
      return said(*left <= *right);
    case compare::equal:
      return said(*left == *right);
    case compare::unequal:
      return said(*left != *right);
    default:
      break;
  }
  if (sides == nullptr) return verdict::unknown;
  if (*left == *right) return verdict::no;
  const auto now = *left > *right ? side::above : side::below;
  const auto before = std::exchange((*sides)[c.crossing], now);
  const bool crossed = before != side::unknown && before != now;
  const bool wanted =
      c.how == compare::crosses || (c.how == compare::crosses_above) == (now == side::above);
  return said(crossed && wanted);
}

verdict condition::decide(const values& v, std::vector<side>* sides) const {
  bool crossed = false;
  return decide(v, sides, crossed);
}

verdict condition::decide(const values& v, std::vector<side>* sides, bool& crossed) const {
  if (steps_.empty()) return verdict::yes;
  // Everything is looked at, also where the answer is known already: crossings remember.
  std::array<verdict, max_comparisons> stack{};
  std::size_t size = 0;
  for (const auto& s : steps_) {
    if (const auto* c = std::get_if<comparison>(&s)) {
      const auto one = stack[size++] = decide(*c, v, sides);
      if (c->how >= compare::crosses_above && one == verdict::yes) crossed = true;
      continue;
    }
    const auto decisive = std::get<join>(s) == join::all ? verdict::no : verdict::yes;
    const auto right = stack[--size];
    auto& left = stack[size - 1];
    if (left == decisive) continue;
    if (right == decisive || left == right || right == verdict::unknown) left = right;
    // Else the left one is unknown and the right one does not decide, or both are what is neutral.
  }
  return stack.front();
}

}  // namespace artham::market::alert

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "market/alert/fields.hpp"
#include "market/alert/number.hpp"
#include "market/error.hpp"

namespace artham::market::alert {

enum class verdict : std::uint8_t {
  no,
  yes,
  unknown,  ///< the record does not have what the answer depends on
};

/// On which side of another a value was last; where they are equal it stays what it was.
enum class side : std::uint8_t { unknown, below, above };

/// `last_price > 1500.05 and volume >= 100000`, of one subject's fields. Comparisons are exact.
/// `a crosses_above b`: `a` is above, and the last time that it was not equal it was below; it
/// takes no notice of whether the rest of the condition holds. Immutable.
class condition {
 public:
  static constexpr std::size_t max_text = 500;
  static constexpr std::size_t max_comparisons = 16;

  /// The error names the text, the place in it, and what is accepted there. Of a gap the text may
  /// be empty: any.
  [[nodiscard]] static result<condition> parse(std::string_view text, subject of);

  /// How many comparisons are crossings.
  [[nodiscard]] std::size_t crossings() const { return crossings_; }
  /// `sides` has an entry for each crossing, and is brought up to date. Without `sides` crossings
  /// are unknown.
  [[nodiscard]] verdict decide(const values& v, std::vector<side>* sides) const;
  /// Likewise; `crossed`: something crossed as one of its comparisons wants it.
  [[nodiscard]] verdict decide(const values& v, std::vector<side>* sides, bool& crossed) const;
  /// The fields that it names, ascending.
  [[nodiscard]] const std::vector<std::uint8_t>& fields() const { return fields_; }

 private:
  friend class condition_parser;

  enum class compare : std::uint8_t {
    above,
    at_least,
    below,
    at_most,
    equal,
    unequal,
    crosses_above,
    crosses_below,
    crosses,
  };
  struct field {
    std::uint8_t index;
  };
  using operand = std::variant<number, field>;
  struct comparison {
    compare how;
    operand left;
    operand right;
    std::uint8_t crossing = 0;  ///< which
  };
  enum class join : std::uint8_t { all, any };
  /// In the order of their evaluation: operands stand before what joins them.
  using step = std::variant<comparison, join>;

  [[nodiscard]] static verdict decide(const comparison& c, const values& v,
                                      std::vector<side>* sides);

  std::vector<step> steps_;
  std::vector<std::uint8_t> fields_;
  std::size_t crossings_ = 0;
};

}  // namespace artham::market::alert

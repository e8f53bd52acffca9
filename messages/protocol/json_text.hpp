#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "market/price.hpp"

/// Members of JSON objects, written as text. `member` is what stands in front of the value.
namespace artham::protocol {

inline void put(std::string& out, std::string_view member, std::int64_t value) {
  out += member;
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

inline void put(std::string& out, std::string_view member, market::price p) {
  out += member;
  char text[market::price_text_max];
  out += '"';
  out.append(text, market::write_price(text, p));
  out += '"';
}

/// A finite number, to nine significant digits.
void put(std::string& out, std::string_view member, double value);

/// A text that needs no escapes.
inline void put_name(std::string& out, std::string_view member, std::string_view name) {
  out += member;
  out += '"';
  out += name;
  out += '"';
}

}  // namespace artham::protocol

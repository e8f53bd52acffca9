#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "market/price.hpp"

/// Members of JSON objects, written as text. `member` is what stands in front of the value.
namespace artham::protocol {

/// What a number of any kind takes at most.
inline constexpr std::size_t number_text_max = 24;
static_assert(number_text_max >= market::price_text_max);

/// A finite number, to nine significant digits; returns the end of what was written.
char* write_number(char* out, double value);

/// Puts members into room that its owner knows to be enough, so that nothing is checked or moved.
class member_writer {
 public:
  explicit member_writer(char* at) : at_(at) {}
  [[nodiscard]] char* end() const { return at_; }

  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put(std::string_view member, std::int64_t value) {
    put(member);
    at_ = std::to_chars(at_, at_ + number_text_max, value).ptr;
  }
  void put(std::string_view member, double value) {
    put(member);
    at_ = write_number(at_, value);
  }
  void put(std::string_view member, market::price p) {
    put(member);
    *at_++ = '"';
    at_ = market::write_price(at_, p);
    *at_++ = '"';
  }
  /// A text that needs no escapes.
  void put_name(std::string_view member, std::string_view name) {
    put(member);
    *at_++ = '"';
    put(name);
    *at_++ = '"';
  }

 private:
  char* at_;
};

// The same at the end of a string.

template <class Value>
void put(std::string& out, std::string_view member, Value value) {
  out += member;
  char text[number_text_max + 2];
  member_writer w(text);
  w.put("", value);
  out.append(text, w.end());
}

inline void put_name(std::string& out, std::string_view member, std::string_view name) {
  out += member;
  out += '"';
  out += name;
  out += '"';
}

}  // namespace artham::protocol

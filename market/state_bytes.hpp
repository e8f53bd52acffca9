#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

// State as bytes: little-endian, booleans as one byte, lists and texts with a u32 count in front.
namespace artham::market {

static_assert(std::endian::native == std::endian::little);

/// Appends what an actor keeps to a string.
class state_writer {
 public:
  explicit state_writer(std::string& out) : out_(out) {}

  template <class T>
  void number(T v) {
    char bytes[sizeof v];
    std::memcpy(bytes, &v, sizeof v);
    out_.append(bytes, sizeof v);
  }
  template <class List, class Fn>
  void list(const List& items, Fn each) {
    number(static_cast<std::uint32_t>(items.size()));
    for (const auto& item : items) each(*this, item);
  }
  void text(std::string_view bytes) {
    number(static_cast<std::uint32_t>(bytes.size()));
    out_ += bytes;
  }

 private:
  std::string& out_;
};

/// Takes it off again. Behind the end everything is zero and `is_short`.
class state_reader {
 public:
  explicit state_reader(std::string_view in) : in_(in) {}

  template <class T>
  void number(T& v) {
    if (in_.size() < sizeof v) {
      short_ = true;
      in_ = {};
      return;
    }
    if constexpr (std::is_same_v<T, bool>) {
      v = in_[0] != 0;
    } else {
      std::memcpy(&v, in_.data(), sizeof v);
    }
    in_.remove_prefix(sizeof v);
  }
  template <class List, class Fn>
  void list(List& items, Fn each) {
    std::uint32_t size = 0;
    number(size);
    // Every item takes more than one byte, so a wrong count cannot ask for much memory.
    if (size > in_.size()) short_ = true;
    if (short_) return;
    items.clear();
    items.reserve(size);
    for (std::uint32_t i = 0; i < size && !short_; ++i) each(*this, items.emplace_back());
  }

  /// Valid as long as what is read from.
  std::string_view text() {
    std::uint32_t size = 0;
    number(size);
    if (size > in_.size()) short_ = true;
    if (short_) return {};
    const auto bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }

  [[nodiscard]] bool is_short() const { return short_; }
  [[nodiscard]] std::string_view rest() const { return in_; }

 private:
  std::string_view in_;
  bool short_ = false;
};

template <class Io, class... T>
void numbers(Io& io, T&... v) {
  (io.number(v), ...);
}

}  // namespace artham::market

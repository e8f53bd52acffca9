#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

/// Little-endian bytes of the records' bodies.
namespace artham::record::bytes {

static_assert(
    std::endian::native == std::endian::little,
    "records are little-endian and copied as they are: a big-endian machine needs swaps here");

template <class T>
void put(std::string& out, T v) {
  static_assert(std::is_integral_v<T>);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

/// Takes integers from the front of a body whose length was checked before.
class taker {
 public:
  explicit taker(const char* p) : p_(p) {}

  template <class T>
  T take() {
    static_assert(std::is_integral_v<T>);
    T v;
    std::memcpy(&v, p_, sizeof v);
    p_ += sizeof v;
    return v;
  }
  template <class T>
  void take(T& v) {
    v = take<T>();
  }
  void take(void* out, std::size_t size) {
    if (size == 0) {
      return;  // `out` may be null then, which memcpy must not see
    }
    std::memcpy(out, p_, size);
    p_ += size;
  }

 private:
  const char* p_;
};

}  // namespace artham::record::bytes

#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace artham::test {

/// The packets of one of Kite's binary messages, which must be whole.
inline std::vector<std::string> packets_in(std::string_view frame) {
  const auto number = [&] {
    REQUIRE(frame.size() >= 2);
    const auto n = static_cast<std::size_t>(static_cast<std::uint8_t>(frame[0]) << 8U |
                                            static_cast<std::uint8_t>(frame[1]));
    frame.remove_prefix(2);
    return n;
  };
  std::vector<std::string> packets(number());
  for (auto& p : packets) {
    const auto size = number();
    REQUIRE(frame.size() >= size);
    p = frame.substr(0, size);
    frame.remove_prefix(size);
  }
  CHECK(frame.empty());
  return packets;
}

}  // namespace artham::test

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "exchange/subscription.hpp"

namespace artham::exchange {

/// The latest packet of each instrument.
class packet_book {
 public:
  struct change {
    bool ltp = true;    ///< differs from the packet before in what ltp mode shows
    bool quote = true;  ///< likewise quote mode
  };

  /// Packets of unknown length are news to nobody and not kept.
  change put(std::uint32_t token, std::string_view packet) {
    if (in_mode(packet, mode::ltp).empty()) {
      return {false, false};
    }
    auto& kept = packets_[token];
    const change c{in_mode(kept, mode::ltp) != in_mode(packet, mode::ltp),
                   in_mode(kept, mode::quote) != in_mode(packet, mode::quote)};
    kept.assign(packet);
    return c;
  }

  /// Empty if the instrument has not ticked.
  [[nodiscard]] std::string_view get(std::uint32_t token) const {
    const auto found = packets_.find(token);
    return found == packets_.end() ? std::string_view() : std::string_view(found->second);
  }

  void clear() { packets_.clear(); }

 private:
  std::unordered_map<std::uint32_t, std::string> packets_;
};

}  // namespace artham::exchange

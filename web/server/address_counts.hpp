#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/ip/address.hpp>

namespace artham::web {

/// How many connections each address has. What IPv6 gives to one subscriber, a /64, counts as one
/// address. One thread's.
class address_counts : public std::enable_shared_from_this<address_counts> {
 public:
  /// Counted while it lives; may outlive the counts.
  using admission = std::shared_ptr<const void>;

  /// Null when `limit` are there already; 0 for no limit.
  [[nodiscard]] admission admit(const boost::asio::ip::address& from, std::size_t limit) {
    const auto key = key_of(from);
    auto& count = counts_[key];
    if (limit != 0 && count >= limit) return nullptr;
    ++count;
    return {this, [self = weak_from_this(), key](const void*) {
              const auto counts = self.lock();
              if (!counts) return;
              const auto it = counts->counts_.find(key);
              if (--it->second == 0) counts->counts_.erase(it);
            }};
  }
  [[nodiscard]] std::size_t size() const { return counts_.size(); }

 private:
  static std::string key_of(const boost::asio::ip::address& a) {
    if (!a.is_v6()) return a.to_string();
    const auto v6 = a.to_v6();
    if (v6.is_v4_mapped())
      return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6).to_string();
    const auto bytes = v6.to_bytes();
    return {bytes.begin(), bytes.begin() + 8};
  }

  std::map<std::string, std::size_t> counts_;
};

}  // namespace artham::web

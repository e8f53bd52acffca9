#include "web/access/failure_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace artham::web {

namespace {

constexpr std::chrono::minutes window_length{1};
constexpr std::size_t v6_bytes = 16;
constexpr std::size_t network_bytes = 8;
constexpr std::size_t mapped_bytes = 12;

}  // namespace

std::string neighbour_of(std::string_view address) {
  std::string text(address);
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text.resize(text.find(':'));
  }
  std::array<unsigned char, v6_bytes> bytes{};
  if (inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), bytes.data()) != 1) return text;
  constexpr std::array<unsigned char, mapped_bytes> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
    return inet_ntop(AF_INET, bytes.data() + mapped_bytes, out.data(), out.size());
  std::fill(bytes.begin() + network_bytes, bytes.end(), 0);
  return std::string(inet_ntop(AF_INET6, bytes.data(), out.data(), out.size())) + "/64";
}

void failure_limit::forget_old(time now) {
  while (!windows_.empty() && now - windows_.front().began >= window_length) {
    by_name_.erase(windows_.front().who);
    windows_.pop_front();
  }
}

bool failure_limit::allows(const std::string& who, time now) {
  forget_old(now);
  const auto it = by_name_.find(who);
  return it == by_name_.end() || it->second->failures < per_minute_;
}

bool failure_limit::failed(const std::string& who, time now) {
  forget_old(now);
  auto it = by_name_.find(who);
  if (it == by_name_.end()) {
    if (windows_.size() >= addresses_) {
      by_name_.erase(windows_.front().who);
      windows_.pop_front();
    }
    windows_.push_back({who, now, 0});
    it = by_name_.emplace(who, std::prev(windows_.end())).first;
  }
  return ++it->second->failures == per_minute_;
}

}  // namespace artham::web

#include "web/server/handshake.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include <openssl/evp.h>

namespace artham::web {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.rfind(':'));
}

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

}  // namespace

std::optional<std::string> websocket_accept(std::string_view key) {
  key = trim(key);
  if (key.size() != 24 || !key.ends_with("==") ||
      !std::all_of(key.begin(), key.end() - 2, is_base64))
    return std::nullopt;
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    return std::nullopt;
  std::array<unsigned char, 64> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return std::string(encoded.begin(), encoded.begin() + length);
}

bool has_token(std::string_view value, std::string_view token) {
  while (true) {
    const auto comma = value.find(',');
    if (equal_ignoring_case(trim(value.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    value.remove_prefix(comma + 1);
  }
}

std::optional<messages::subprotocol> choose_subprotocol(
    const std::vector<std::string>& offered, const std::vector<messages::subprotocol>& spoken) {
  for (const auto& s : spoken)
    for (const auto& value : offered)
      if (has_token(value, s.name)) return s;
  return std::nullopt;
}

bool path_fits(std::string_view pattern, std::string_view path) {
  while (true) {
    const auto want = pattern.substr(0, pattern.find('/'));
    const auto have = path.substr(0, path.find('/'));
    const bool any = want.starts_with('{') && want.ends_with('}');
    if (any ? have.empty() : want != have) return false;
    const bool last = want.size() == pattern.size();
    if (last || have.size() == path.size()) return last && have.size() == path.size();
    pattern.remove_prefix(want.size() + 1);
    path.remove_prefix(have.size() + 1);
  }
}

bool origin_allowed(std::string_view origin, std::string_view host, bool encrypted,
                    const std::vector<std::string>& allowed) {
  if (origin.empty()) return true;
  if (!host.empty() && (equal_ignoring_case(origin, "https://" + std::string(host)) ||
                        (!encrypted && equal_ignoring_case(origin, "http://" + std::string(host)))))
    return true;
  if (allowed.empty()) {
    const auto scheme = origin.find("://");
    const auto name = scheme == std::string_view::npos ? "" : origin.substr(scheme + 3);
    return !name.empty() && host_allowed(name, {});
  }
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& a) { return equal_ignoring_case(a, origin); });
}

bool host_allowed(std::string_view host, const std::vector<std::string>& allowed) {
  if (host.empty()) return true;
  const std::string_view name = without_port(host);
  if (equal_ignoring_case(name, "localhost")) return true;
  if (std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) {
        return equal_ignoring_case(a, host) || equal_ignoring_case(a, name);
      }))
    return true;
  const bool bracketed = name.starts_with('[') && name.ends_with(']');
  const std::string_view bare = bracketed ? name.substr(1, name.size() - 2) : name;
  constexpr std::uint8_t loopback_network = 127;
  const std::string text(bare);
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  std::array<std::uint8_t, 4> v4{};
  return inet_pton(AF_INET, text.c_str(), v4.data()) == 1 && v4[0] == loopback_network;
}

}  // namespace artham::web

#include "web/hook/webhook_address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace artham::web {

namespace {

constexpr std::size_t longest_url = 500;
constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

struct network {
  std::uint32_t prefix;
  int bits;
};
constexpr std::array<network, 14> not_public_v4{{
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // carriers' own
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocols
    {0xc0000200, 24},  // documentation
    {0xc0586300, 24},  // relays
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xc6336400, 24},  // documentation
    {0xcb007100, 24},  // documentation
    {0xe0000000, 3},   // groups, reserved, broadcast
}};

bool is_public_v4(std::uint32_t a) {
  return std::ranges::none_of(not_public_v4, [&](const network& n) {
    return (a >> (32 - n.bits)) == (n.prefix >> (32 - n.bits));
  });
}

std::uint32_t v4_at(std::span<const unsigned char> bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24U |
         static_cast<std::uint32_t>(bytes[at + 1]) << 16U |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8U | bytes[at + 3];
}

bool is_public_v6(const boost::asio::ip::address_v6& a) {
  const auto b = a.to_bytes();
  const auto zeros = [&](std::size_t from, std::size_t to) {
    return std::all_of(b.begin() + static_cast<std::ptrdiff_t>(from),
                       b.begin() + static_cast<std::ptrdiff_t>(to),
                       [](unsigned char c) { return c == 0; });
  };
  if (a.is_v4_mapped()) return is_public_v4(v4_at(b, 12));
  // NAT64 and 6to4 carry an address of IPv4.
  if (b[0] == 0x00 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b)
    return zeros(4, 12) && is_public_v4(v4_at(b, 12));
  if (b[0] == 0x20 && b[1] == 0x02) return is_public_v4(v4_at(b, 2));
  // Teredo, documentation, and what else of 2001::/23 is no host's.
  if (b[0] == 0x20 && b[1] == 0x01 && (b[2] < 0x02 || (b[2] == 0x0d && b[3] == 0xb8))) return false;
  // Of all others only 2000::/3 is given to hosts.
  return (b[0] & 0xe0U) == 0x20;
}

}  // namespace

std::string webhook_address::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string out = v6 ? "[" + host + "]" : host;
  if (port != (tls ? https_port : http_port)) out += ":" + std::to_string(port);
  return out;
}

result<webhook_address> parse_webhook(std::string_view url) {
  const auto refuse = [&](const std::string& why) {
    return fail(errc::bad_input, "webhook \"" + std::string(url.substr(0, 100)) + "\": " + why);
  };
  if (url.size() > longest_url)
    return refuse("is longer than " + std::to_string(longest_url) + " characters");
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) return refuse("is no URL such as https://hooks.example/artham");
  const auto& u = *parsed;
  webhook_address a;
  if (u.scheme() == "https") {
    a.tls = true;
  } else if (u.scheme() != "http") {
    return refuse("begins neither with https:// nor with http://");
  }
  if (u.has_userinfo())
    return refuse("has a user or a password in it; the receiver knows us by the signature");
  if (u.has_fragment()) return refuse("has a fragment (#), which no server is sent");
  a.host = u.host_address();
  if (a.host.empty()) return refuse("names no host");
  a.port = a.tls ? https_port : http_port;
  if (u.has_port()) {
    const std::string_view text(u.port().data(), u.port().size());
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), a.port);
    if (ec != std::errc{} || end != text.data() + text.size() || a.port == 0)
      return refuse("has a port that there is not");
  }
  a.target = u.encoded_target();
  if (a.target.empty() || a.target.front() != '/') a.target.insert(0, "/");
  return a;
}

bool is_public_address(const boost::asio::ip::address& a) {
  return a.is_v4() ? is_public_v4(a.to_v4().to_uint()) : is_public_v6(a.to_v6());
}

bool is_inside(const webhook_address& a) {
  boost::system::error_code ec;
  const auto literal = boost::asio::ip::make_address(a.host, ec);
  return a.host == "localhost" || (!ec && !is_public_address(literal));
}

}  // namespace artham::web

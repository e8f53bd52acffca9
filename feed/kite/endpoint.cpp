#include "feed/kite/endpoint.hpp"

#include <charconv>

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace artham::feed::kite {

std::string endpoint::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (port != (tls ? 443 : 80)) text += ':' + std::to_string(port);
  return text;
}

bool endpoint::is_address() const {
  boost::system::error_code ec;
  boost::asio::ip::make_address(host, ec);
  return !ec;
}

result<endpoint> parse_endpoint(std::string_view url, std::string_view plain,
                                std::string_view secure) {
  const auto bad = [&](std::string_view why) {
    return fail(errc::bad_input, "URL \"" + std::string(url) + "\": " + std::string(why) +
                                     "; it looks like " + std::string(secure) +
                                     "://host[:port][/path]");
  };
  const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
  if (!parsed) return bad("not a URL");
  const boost::urls::url_view view = *parsed;
  if (view.has_userinfo() || view.has_query() || view.has_fragment()) {
    // The URL itself may hold a secret then, so it is not repeated.
    return fail(errc::bad_input,
                "a URL here has no user, query or fragment; give keys and tokens as settings");
  }
  endpoint out;
  const auto scheme = view.scheme();
  if (scheme == boost::urls::string_view(secure.data(), secure.size())) {
    out.tls = true;
  } else if (scheme != boost::urls::string_view(plain.data(), plain.size())) {
    return bad("the scheme must be " + std::string(plain) + " or " + std::string(secure));
  }
  out.host = view.host_address();
  if (out.host.empty()) return bad("no host");
  out.port = out.tls ? 443 : 80;
  if (view.has_port() && !view.port().empty()) {
    const auto port = view.port();
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (ec != std::errc{} || out.port == 0) return bad("the port must be 1 to 65535");
  }
  out.path.assign(view.encoded_path().data(), view.encoded_path().size());
  while (!out.path.empty() && out.path.back() == '/') out.path.pop_back();
  return out;
}

namespace {

void encode_to(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
}

}  // namespace

std::string encode_parameters(const parameters& p) {
  std::string out;
  for (const auto& [key, value] : p) {
    if (!out.empty()) out += '&';
    encode_to(out, key);
    out += '=';
    encode_to(out, value);
  }
  return out;
}

}  // namespace artham::feed::kite

#include "supervisors/cluster/endpoint.hpp"

#include <fmt/format.h>

#include <charconv>

namespace artham::supervisors {

result<endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  endpoint e;
  if (colon != std::string_view::npos) {
    auto host = text.substr(0, colon);
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, e.port);
    if (parsed.ec == std::errc() && parsed.ptr == end && e.port != 0 && !host.empty() &&
        host.find_first_of("[]") == host.npos &&
        brackets == (host.find(':') != std::string_view::npos)) {
      e.host = host;
      return e;
    }
  }
  return fail(errc::bad_input,
              fmt::format("\"{}\" is not a place to connect to; write host:port, such as "
                          "10.0.0.5:7001 or [2001:db8::5]:7001",
                          text));
}

std::string to_string(const endpoint& e) {
  return e.host.find(':') == std::string::npos ? fmt::format("{}:{}", e.host, e.port)
                                               : fmt::format("[{}]:{}", e.host, e.port);
}

}  // namespace artham::supervisors

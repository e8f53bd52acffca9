#pragma once

#include <boost/beast/http/message.hpp>

#include "web/server/http.hpp"

namespace artham::web {

/// Status and header fields of an answer, and those that every answer has.
template <class Body>
void set_fields(boost::beast::http::response<Body>& message, const http_response& r,
                unsigned version, bool keep_alive) {
  namespace http = boost::beast::http;
  message.version(version);
  message.result(r.status);
  message.set(http::field::server, "artham");
  message.set("X-Content-Type-Options", "nosniff");
  if (!r.content_type.empty()) message.set(http::field::content_type, r.content_type);
  bool cache = false;
  for (const auto& [name, value] : r.headers) {
    message.set(name, value);
    cache = cache || boost::beast::iequals(name, "cache-control");
  }
  if (!cache) message.set(http::field::cache_control, "no-store");
  message.keep_alive(keep_alive);
}

}  // namespace artham::web

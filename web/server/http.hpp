#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"
#include "runtime/secret.hpp"

/// HTTP as the routes see it: no socket, no library.
namespace artham::web {

using text_pairs = std::vector<std::pair<std::string, std::string>>;

struct http_request {
  std::string method;         ///< `GET`, `HEAD`, ...
  std::string target;         ///< as sent, path and query
  std::string path;           ///< percent-decoded
  text_pairs query;           ///< percent-decoded, in order; `+` is a space
  std::string if_none_match;  ///< empty when absent
  std::string accept;         ///< empty when absent
  std::string accept_encoding;
  std::string kite_version;  ///< `X-Kite-Version`; empty when absent
  std::string body;
  std::string content_type;       ///< of the body
  std::string origin;             ///< of the page that asks; empty when it is no browser
  runtime::secret authorization;  ///< the header's value
  std::string address;            ///< the client's, `203.0.113.7:50123`
  bool encrypted = false;         ///< by TLS
  std::string owner;              ///< who asks, as the guard in front knows him: `key:3`
  bool may_all = false;           ///< he may look after what is others'
};

/// The rest of a body whose length nobody knows beforehand.
class body_source {
 public:
  using taken = std::function<void(result<std::string> piece)>;
  virtual ~body_source() = default;
  /// Asked for when the socket has taken all that came before, so that one piece at a time is in
  /// memory. On the network thread: must not block. `done` is called once, from any thread, with
  /// more, or with nothing at the end; after an error the client is cut, so that it knows.
  virtual void next(taken done) = 0;
};

struct http_response {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  text_pairs headers;
  std::shared_ptr<body_source> rest = nullptr;  ///< comes behind the body; all of it in chunks
};

/// Splits and decodes a request target. The error names the part that cannot be decoded.
[[nodiscard]] result<http_request> parse_target(std::string_view target);

/// An RFC 9457 problem document. `kind` is the stable name of the problem (`bad-parameter`),
/// `detail` says what was wrong with this request and the way out, `instance` is the request's
/// target.
[[nodiscard]] http_response problem(unsigned status, std::string_view kind, std::string_view title,
                                    std::string_view detail, std::string_view instance);

/// The way back of one request. Copies share it; thread-safe; the first answer counts, later ones
/// are ignored, also when the client or the server is gone.
class responder {
 public:
  class target {
   public:
    virtual ~target() = default;
    virtual void answer(http_response r) = 0;
    virtual void limit(std::chrono::milliseconds time, std::string detail) = 0;
  };

  explicit responder(std::shared_ptr<target> t) : target_(std::move(t)) {}
  void operator()(http_response r) const { target_->answer(std::move(r)); }
  /// Unless answered within `time`, the client gets 503 with this detail. Call before the handler
  /// returns.
  void limit(std::chrono::milliseconds time, std::string detail) const {
    target_->limit(time, std::move(detail));
  }

 private:
  std::shared_ptr<target> target_;
};

/// Called on the server's network thread, which it must not block.
using http_handler = std::function<void(const http_request&, responder)>;

}  // namespace artham::web

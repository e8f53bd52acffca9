#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "web/server/engine.hpp"
#include "web/server/stream.hpp"

namespace artham::web {

/// One client's HTTP connection: requests one after another, until it closes, is cut, or becomes a
/// WebSocket.
class http_connection final : public connection,
                              public std::enable_shared_from_this<http_connection> {
 public:
  /// With TLS when there is a context.
  http_connection(std::shared_ptr<engine> e, tcp::socket socket, asio::ssl::context* tls,
                  address_counts::admission admission);
  void start();
  void finish() override;
  void abort() override;

 private:
  class pending;
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void on_secured(boost::system::error_code ec);
  void await_request(std::chrono::milliseconds limit);
  void read_request();
  void on_request(boost::system::error_code ec);
  void dispatch();
  void answer(http_response r);
  void answer_and_close(http_response r);
  void answered(boost::system::error_code ec, bool again);
  void start_chunks(http_response r);
  void write_chunks();
  void ask_for_piece();
  void take_piece(std::uint64_t turn, result<std::string> piece);
  void cut(std::string_view cause, std::string_view why);
  void upgrade(messages::gateway& gateway, http_request request);
  void linger();
  void discard();
  void close();

  /// An answer that is sent piece by piece.
  struct chunks {
    std::shared_ptr<body_source> rest;
    std::string bytes;  ///< of the piece in hand, framed
    std::size_t written = 0;
    std::uint64_t turn = 0;  ///< tells a piece that came too late
    std::uint64_t sent = 0;
    bool last = false;
  };

  std::shared_ptr<engine> engine_;
  const std::string address_;
  address_counts::admission admission_;
  std::unique_ptr<stream> stream_;  ///< null once a WebSocket has it
  boost::beast::flat_buffer buffer_;
  std::optional<parser> parser_;
  std::shared_ptr<pending> pending_;
  std::shared_ptr<chunks> chunks_;
  asio::steady_timer answer_deadline_;
  std::string deadline_detail_;
  std::string target_;
  unsigned version_ = 11;
  bool head_ = false;
  bool keep_alive_ = false;
  bool idle_ = true;  ///< between requests
  std::size_t requests_ = 0;
  std::size_t discarded_ = 0;
  std::array<char, 4096> scratch_{};
};

}  // namespace artham::web

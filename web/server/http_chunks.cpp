#include <netinet/tcp.h>

#include <charconv>
#include <sstream>
#include <utility>

#include <spdlog/logger.h>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/write.hpp>

#include "runtime/log.hpp"
#include "web/server/http_connection.hpp"
#include "web/server/response_fields.hpp"

/// Answers of any length: the next piece is asked for when the socket took the one before.
namespace artham::web {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

/// The kernel takes so much ahead of what the network does; else it would take megabytes.
constexpr int unsent_bytes = 128 << 10;

using unsent_limit = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;

std::string as_chunk(std::string piece) {
  char size[16];
  const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
  piece.insert(0, std::string(size, end) + "\r\n");
  piece += "\r\n";
  return piece;
}

}  // namespace

void http_connection::start_chunks(http_response r) {
  if (version_ < 11) {
    return answer_and_close(problem(505, "http-version", "HTTP/1.1 is needed",
                                    "an answer of any length is sent in chunks, which HTTP/1.0 "
                                    "does not know; ask by HTTP/1.1, or with a limit",
                                    target_));
  }
  boost::system::error_code ec;
  stream_->layer().socket().set_option(unsent_limit(unsent_bytes), ec);
  http::response<http::empty_body> message;
  set_fields(message, r, version_, keep_alive_);
  message.chunked(true);
  std::ostringstream head;
  head << message.base();
  chunks_ = std::make_shared<chunks>();
  chunks_->bytes = std::move(head).str();
  chunks_->last = head_;
  if (!head_) {
    chunks_->rest = std::move(r.rest);
    if (!r.body.empty()) chunks_->bytes += as_chunk(std::move(r.body));
  }
  write_chunks();
}

void http_connection::write_chunks() {
  // Anew for each part that is taken: who reads slowly is slow, who reads nothing is cut.
  stream_->layer().expires_after(engine_->options.idle_timeout);
  const std::string_view left = std::string_view(chunks_->bytes).substr(chunks_->written);
  stream_->async_write_some(
      asio::buffer(left.data(), left.size()),
      [self = shared_from_this(), kept = chunks_](boost::system::error_code ec, std::size_t n) {
        if (self->chunks_ != kept) return;
        auto& c = *kept;
        c.written += n;
        c.sent += n;
        if (ec == beast::error::timeout)
          return self->cut("slow_reader", "the client reads nothing");
        if (ec) return self->cut("client_left", "the client left: " + ec.message());
        if (c.written < c.bytes.size()) return self->write_chunks();
        if (!c.last) return self->ask_for_piece();
        self->chunks_.reset();
        self->answered({}, self->keep_alive_);
      });
}

void http_connection::ask_for_piece() {
  auto& c = *chunks_;
  c.bytes = {};
  c.written = 0;
  stream_->layer().expires_never();
  const auto turn = ++c.turn;
  answer_deadline_.expires_after(engine_->options.answer_timeout);
  // The wait keeps the connection alive: nothing else does while a piece is being made.
  answer_deadline_.async_wait([self = shared_from_this(), turn](boost::system::error_code ec) {
    if (ec || !self->chunks_ || self->chunks_->turn != turn) return;
    self->cut("answer_timeout", "the next piece did not come in time");
  });
  const auto rest = c.rest;
  rest->next(
      [weak = weak_from_this(), e = std::weak_ptr(engine_), turn](result<std::string> piece) {
        const auto server = e.lock();
        const auto self = weak.lock();
        if (!server || !self) return;
        server->post([self, turn, piece = std::move(piece)]() mutable {
          self->take_piece(turn, std::move(piece));
        });
      });
}

void http_connection::take_piece(std::uint64_t turn, result<std::string> piece) {
  if (!chunks_ || chunks_->turn != turn) return;
  ++chunks_->turn;
  answer_deadline_.cancel();
  if (!piece) return cut("answer_failed", piece.error().message);
  chunks_->last = piece->empty();
  chunks_->bytes = chunks_->last ? "0\r\n\r\n" : as_chunk(std::move(*piece));
  write_chunks();
}

void http_connection::cut(std::string_view cause, std::string_view why) {
  engine_->metrics.refused(cause);
  // That a client has had enough is no trouble of ours.
  runtime::log().log(cause == "client_left" ? spdlog::level::info : spdlog::level::warn,
                     "web: {} was cut behind {} bytes: {}", target_.substr(0, 300), chunks_->sent,
                     why);
  close();
}

}  // namespace artham::web

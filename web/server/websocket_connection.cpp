#include "web/server/websocket_connection.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace artham::web {
namespace {

/// Enough for a few hundred ticks in one write.
constexpr std::size_t write_size = 64 << 10;
/// Payloads from here on are not copied.
constexpr std::size_t large_payload = 16 << 10;
/// Smaller ones are sent as they are.
constexpr std::size_t worth_packing = 128;
/// What a queued message costs besides its bytes.
constexpr std::size_t frame_overhead = 32;
/// Small, so that conflation works on fresh values and a slow client is known as such soon.
constexpr int kernel_buffer = 256 << 10;

}  // namespace

websocket_connection::websocket_connection(std::shared_ptr<engine> e, std::unique_ptr<stream> s,
                                           address_counts::admission admission,
                                           messages::gateway& gateway, messages::opening how,
                                           bool binary_commands, bool deflate,
                                           const std::string& early)
    : engine_(std::move(e)),
      gateway_(gateway),
      how_(std::move(how)),
      address_(how_.address),
      admission_(std::move(admission)),
      stream_(std::move(s)),
      watch_(engine_->io),
      deflate_(deflate),
      parser_({engine_->options.max_message_bytes, binary_commands, deflate}) {
  parser_.append(early);
}

void websocket_connection::start(std::string handshake) {
  boost::system::error_code ec;
  stream_->layer().expires_never();
  stream_->layer().socket().set_option(asio::socket_base::send_buffer_size(kernel_buffer), ec);
  ++engine_->session_count;
  engine_->metrics.sessions.add(1);
  head_ = std::move(handshake);
  writing_ = true;
  scheduled_ = true;
  write_began_ = steady_clock::now();
  asio::async_write(*stream_, asio::buffer(head_),
                    [self = shared_from_this()](boost::system::error_code error, std::size_t n) {
                      self->on_written(error, n);
                    });
  watch();
  gateway_.open(shared_from_this(), std::move(how_), [self = shared_from_this()](opened s) {
    // The engine takes no job once it has closed all connections.
    if (self->engine_->post([self, s] { self->attach(s); })) return;
    if (s) (*s)->on_closed();
  });
}

void websocket_connection::attach(opened s) {
  if (gone_) {
    if (s) (*s)->on_closed();
    return;
  }
  if (!s) {
    engine_->metrics.refused("gateway");
    return request_close(
        is_transient(s.error().code) ? close_code::no_room : close_code::no_session,
        s.error().message, true);
  }
  session_ = std::move(*s);
  heard_at_ = steady_clock::now();
  process();
}

bool websocket_connection::send(messages::frame_ptr frame) {
  return queue(std::move(frame), false);
}

bool websocket_connection::send_binary(messages::frame_ptr frame) {
  return queue(std::move(frame), true);
}

bool websocket_connection::queue(messages::frame_ptr frame, bool binary) {
  const std::size_t cost = frame->size() + frame_overhead;
  const std::lock_guard lock(mutex_);
  if (gone_ || farewell_) return false;
  if (queued_bytes_ != 0 && queued_bytes_ + cost > engine_->options.session_budget_bytes) {
    refused_ = true;
    engine_->metrics.sends_refused.add();
    return false;
  }
  queue_.push_back({std::move(frame), binary});
  queued_bytes_ += cost;
  schedule();
  return true;
}

/// Under the mutex.
void websocket_connection::schedule() {
  if (scheduled_ || gone_) return;
  scheduled_ = true;
  asio::post(engine_->io, [self = shared_from_this()] { self->pump(); });
}

void websocket_connection::next_command() {
  const std::lock_guard lock(mutex_);
  if (gone_) return;
  asio::post(engine_->io, [self = shared_from_this()] {
    self->in_command_ = false;
    self->heard_at_ = steady_clock::now();
    self->process();
  });
}

void websocket_connection::close(std::uint16_t code, std::string reason) {
  request_close(code, std::move(reason), false);
}

void websocket_connection::finish() {
  request_close(close_code::going_away, "the server is stopping", false);
}

void websocket_connection::abort() {
  teardown();
}

void websocket_connection::request_close(std::uint16_t code, std::string reason, bool drop_queue) {
  const std::lock_guard lock(mutex_);
  if (gone_ || farewell_) return;
  farewell_ = farewell{code, std::move(reason)};
  close_deadline_ = steady_clock::now() + engine_->options.close_timeout;
  if (drop_queue) queue_.clear();
  schedule();
  // The peer's own close frame is to be read, whatever the session is doing.
  asio::post(engine_->io, [self = shared_from_this()] {
    self->watch();
    self->process();
  });
}

void websocket_connection::process() {
  if (gone_) return;
  while (!deaf_ && !peer_closed_) {
    const bool closing = [&] {
      const std::lock_guard lock(mutex_);
      return farewell_.has_value();
    }();
    if (!closing && (!session_ || in_command_)) return;
    switch (parser_.next()) {
      case frame_parser::event::need_more:
        return read();
      case frame_parser::event::text:
        if (closing) break;
        in_command_ = true;
        engine_->metrics.messages_in.add();
        session_->on_command(std::move(parser_.payload));
        break;
      case frame_parser::event::binary:
        if (closing) break;
        in_command_ = true;
        engine_->metrics.messages_in.add();
        session_->on_binary_command(std::move(parser_.payload));
        break;
      case frame_parser::event::ping: {
        pong_ = std::move(parser_.payload);
        const std::lock_guard lock(mutex_);
        schedule();
        break;
      }
      case frame_parser::event::pong:
        break;
      case frame_parser::event::close:
        peer_closed_ = true;
        if (close_sent_ && !writing_) return teardown();
        // The RFC has the code echoed; a frame without one is answered with "normal".
        request_close(parser_.code == 1005 ? close_code::normal : parser_.code, "", true);
        return;
      case frame_parser::event::error:
        engine_->metrics.refused("websocket_" + std::to_string(parser_.code));
        deaf_ = true;
        request_close(parser_.code, std::move(parser_.payload), true);
        break;
    }
  }
  if (deaf_) read();
}

void websocket_connection::read() {
  if (reading_ || gone_) return;
  reading_ = true;
  stream_->async_read_some(asio::buffer(inbox_), [self = shared_from_this()](
                                                     boost::system::error_code ec, std::size_t n) {
    self->reading_ = false;
    if (self->gone_) return;
    if (ec) return self->teardown();
    self->heard_at_ = steady_clock::now();
    self->ping_sent_ = false;
    if (!self->deaf_) self->parser_.append({self->inbox_.data(), n});
    self->process();
  });
}

void websocket_connection::pump() {
  if (writing_ || gone_) return;
  head_.clear();
  tail_.reset();
  releases_ = 0;
  std::size_t messages = 0;
  if (pong_) append_pong(head_, *std::exchange(pong_, std::nullopt));
  if (std::exchange(ping_, false)) {
    append_ping(head_, "");
    ping_sent_ = true;
  }
  bool closes = false;
  {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty() && head_.size() < write_size && !tail_) {
      auto [frame, binary] = std::move(queue_.front());
      queue_.pop_front();
      ++messages;
      releases_ += frame->size() + frame_overhead;
      bool packed = false;
      if (deflate_ && frame->size() >= worth_packing) {
        if (auto smaller = engine_->deflate.packed(frame)) {
          frame = std::move(smaller);
          packed = true;
        }
      }
      append_message_header(head_, binary, packed, frame->size());
      if (frame->size() >= large_payload)
        tail_ = std::move(frame);
      else
        head_ += *frame;
    }
    if (farewell_ && queue_.empty() && !close_sent_ && !tail_) {
      append_close(head_, farewell_->code, farewell_->reason);
      closes = true;
    }
    if (head_.empty()) {
      scheduled_ = false;
      return;
    }
  }
  close_sent_ = close_sent_ || closes;
  writing_ = true;
  write_began_ = steady_clock::now();
  engine_->metrics.messages_out.add(messages);
  engine_->metrics.writes.add();
  const std::array<asio::const_buffer, 2> buffers{
      asio::buffer(head_), tail_ ? asio::buffer(*tail_) : asio::const_buffer()};
  asio::async_write(*stream_, buffers,
                    [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
                      self->on_written(ec, n);
                    });
}

void websocket_connection::on_written(boost::system::error_code ec, std::size_t n) {
  writing_ = false;
  if (gone_) return;
  if (ec) return teardown();
  engine_->metrics.bytes_out.add(n);
  bool drained = false;
  {
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= releases_;
    releases_ = 0;
    drained = refused_ && !farewell_ && queued_bytes_ <= engine_->options.session_budget_bytes / 2;
    if (drained) refused_ = false;
  }
  if (drained && session_) session_->on_drained();
  if (close_sent_) {
    if (peer_closed_) return teardown();
    if (deaf_) {
      // Nothing more is said; what the peer still sends is read until it has seen why.
      boost::system::error_code ignored;
      stream_->layer().socket().shutdown(tcp::socket::shutdown_send, ignored);
    }
  }
  pump();
}

void websocket_connection::watch() {
  if (gone_) return;
  const auto& o = engine_->options;
  auto interval = std::min(o.idle_timeout, o.handshake_timeout) / 4;
  {
    const std::lock_guard lock(mutex_);
    if (farewell_) interval = std::min(interval, o.close_timeout / 4);
  }
  watch_.expires_after(std::max(interval, std::chrono::milliseconds(5)));
  watch_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
    if (!ec) self->on_watch();
  });
}

void websocket_connection::on_watch() {
  if (gone_) return;
  const auto now = steady_clock::now();
  const auto& o = engine_->options;
  bool closing = false;
  {
    const std::lock_guard lock(mutex_);
    closing = farewell_.has_value();
  }
  if (closing) {
    if (now >= close_deadline_) return cut("close_timeout");
  } else if (!session_) {
    if (now - opened_at_ > o.handshake_timeout) {
      engine_->metrics.refused("gateway_timeout");
      request_close(close_code::no_room, "no session in time; try again", true);
    }
  } else if (writing_ && now - write_began_ > o.idle_timeout) {
    return cut("stalled_reader");
  } else if (!in_command_) {
    const auto silent = now - heard_at_;
    if (silent > o.idle_timeout) return cut("idle");
    if (silent > o.idle_timeout / 2 && !ping_sent_ && !ping_) {
      ping_ = true;
      const std::lock_guard lock(mutex_);
      schedule();
    }
  }
  watch();
}

void websocket_connection::cut(std::string_view cause) {
  engine_->metrics.refused(cause);
  teardown();
}

void websocket_connection::teardown() {
  {
    const std::lock_guard lock(mutex_);
    if (gone_) return;
    gone_ = true;
    queue_.clear();
    queued_bytes_ = 0;
  }
  watch_.cancel();
  admission_.reset();
  end_stream(close_sent_ && peer_closed_);
  --engine_->session_count;
  engine_->metrics.sessions.add(-1);
  if (const auto s = std::exchange(session_, nullptr)) s->on_closed();
  engine_->remove(this);
}

/// The peer of a close in good order learns that TLS ends, too.
void websocket_connection::end_stream(bool in_order) {
  if (!in_order || !stream_->encrypted() || engine_->stopping) return stream_->layer().close();
  stream_->layer().expires_after(engine_->options.close_timeout);
  stream_->async_shutdown(
      [self = shared_from_this()](boost::system::error_code) { self->stream_->layer().close(); });
}

}  // namespace artham::web

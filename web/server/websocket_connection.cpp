#include "web/server/websocket_connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace artham::web {
namespace {

/// Messages, or batches of them, in one write.
constexpr std::size_t pieces_at_most = 32;
/// Smaller messages are sent as they are.
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
  stream_->layer().socket().non_blocking(true, ec);
  if (!stream_->encrypted() && !deflate_) socket_ = stream_->layer().socket().native_handle();
  head_ = std::move(handshake);
  busy_ = true;
  scheduled_ = true;
  write_began_ = steady_clock::now();
  write();
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
        s.error().message, true, engine_->options.close_timeout);
  }
  session_ = std::move(*s);
  heard_at_ = steady_clock::now();
  process();
}

bool websocket_connection::send(messages::frame_ptr frame) {
  return queue_message(std::move(frame), protocol::opcode::text);
}

bool websocket_connection::send_binary(messages::frame_ptr frame) {
  return queue_message(std::move(frame), protocol::opcode::binary);
}

bool websocket_connection::queue_message(messages::frame_ptr frame, protocol::opcode what) {
  outgoing o;
  o.header_size = protocol::write_frame_header(o.header.data(), what, frame->size());
  const auto size = frame->size();
  o.what = {std::move(frame), 0, size, 1};
  return queue(std::move(o));
}

bool websocket_connection::send_frames(messages::frames some) {
  outgoing o;
  o.what = std::move(some);
  return queue(std::move(o));
}

bool websocket_connection::queue(outgoing o) {
  o.cost = o.what.size + frame_overhead;
  const std::lock_guard lock(mutex_);
  if (gone_ || farewell_) return false;
  if (queued_bytes_ != 0 && queued_bytes_ + o.cost > engine_->options.session_budget_bytes) {
    refused_ = true;
    engine_->metrics.sends_refused.add();
    return false;
  }
  if (!scheduled_ && socket_ >= 0) {
    begun_ = write_at_once(o);
    if (begun_ == o.header_size + o.what.size) {
      begun_ = 0;
      engine_->metrics.messages_out.add(o.what.messages);
      return true;
    }
  }
  queued_bytes_ += o.cost;
  queue_.push_back(std::move(o));
  schedule();
  return true;
}

/// Under the mutex. An error shows again when the network thread writes the rest.
std::size_t websocket_connection::write_at_once(const outgoing& o) {
  const auto body = o.what.bytes();
  std::array<iovec, 2> parts{{{const_cast<char*>(o.header.data()), o.header_size},
                              {const_cast<char*>(body.data()), body.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const auto n = ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n <= 0) return 0;
  engine_->metrics.writes.add();
  engine_->metrics.bytes_out.add(static_cast<std::uint64_t>(n));
  return static_cast<std::size_t>(n);
}

/// Under the mutex.
void websocket_connection::schedule() {
  if (scheduled_ || gone_) return;
  scheduled_ = true;
  engine_->write_soon(shared_from_this());
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
  request_close(code, std::move(reason), false, engine_->options.close_timeout);
}

void websocket_connection::close_slow(messages::frames last, std::uint16_t code,
                                      std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || farewell_) return;
    outgoing o;
    o.what = std::move(last);
    o.cost = o.what.size + frame_overhead;
    queued_bytes_ += o.cost;
    queue_.push_back(std::move(o));
  }
  request_close(code, std::move(reason), false, engine_->options.idle_timeout);
}

void websocket_connection::finish() {
  close(close_code::going_away, "the server is stopping");
}

void websocket_connection::abort() {
  teardown();
}

void websocket_connection::request_close(std::uint16_t code, std::string reason, bool drop_queue,
                                         std::chrono::milliseconds patience) {
  const std::lock_guard lock(mutex_);
  if (gone_ || farewell_) return;
  farewell_ = farewell{code, std::move(reason)};
  close_deadline_ = steady_clock::now() + patience;
  // What is out in part must be whole, or the close frame cannot be read.
  if (drop_queue) queue_.erase(queue_.begin() + (begun_ == 0 ? 0 : 1), queue_.end());
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
        if (close_sent_ && !busy_) return teardown();
        // The RFC has the code echoed; a frame without one is answered with "normal".
        request_close(parser_.code == 1005 ? close_code::normal : parser_.code, "", true,
                      engine_->options.close_timeout);
        return;
      case frame_parser::event::error:
        engine_->metrics.refused("websocket_" + std::to_string(parser_.code));
        deaf_ = true;
        request_close(parser_.code, std::move(parser_.payload), true,
                      engine_->options.close_timeout);
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
  if (busy_ || gone_) return;
  {
    const std::lock_guard lock(mutex_);
    // Control frames stand between messages.
    if (pong_ && begun_ == 0) append_pong(head_, *std::exchange(pong_, std::nullopt));
    if (ping_ && begun_ == 0) {
      ping_ = false;
      append_ping(head_, "");
      ping_sent_ = true;
    }
    written_ = std::exchange(begun_, 0);
    while (!queue_.empty() && writing_.size() < pieces_at_most) {
      writing_.push_back(std::move(queue_.front()));
      queue_.pop_front();
      if (deflate_) pack(writing_.back());
    }
    if (farewell_ && queue_.empty() && !close_sent_) {
      append_close(last_, farewell_->code, farewell_->reason);
      close_sent_ = true;
    }
    if (head_.empty() && writing_.empty() && last_.empty()) {
      scheduled_ = false;
      return;
    }
  }
  busy_ = true;
  write_began_ = steady_clock::now();
  write();
}

void websocket_connection::pack(outgoing& o) {
  if (o.header_size == 0) {
    o.what = engine_->deflate.packed(o.what, worth_packing);
    return;
  }
  if (o.what.size < worth_packing) return;
  auto smaller = engine_->deflate.packed(o.what.of);
  if (!smaller) return;
  const auto what = static_cast<protocol::opcode>(static_cast<unsigned>(o.header[0]) & 0x0FU);
  o.header_size = protocol::write_frame_header(o.header.data(), what, smaller->size(), true);
  o.what.size = smaller->size();
  o.what.of = std::move(smaller);
}

void websocket_connection::write() {
  while (!(head_.empty() && writing_.empty() && last_.empty())) {
    const auto buffers = what_to_write();
    if (stream_->encrypted()) {
      stream_->async_write_some(
          buffers, [self = shared_from_this()](boost::system::error_code ec, std::size_t n) {
            if (self->gone_) return;
            if (ec) return self->teardown();
            self->wrote(n);
            self->write();
          });
      return;
    }
    auto& socket = stream_->layer().socket();
    boost::system::error_code ec;
    const auto n = socket.write_some(buffers, ec);
    if (ec == asio::error::would_block) {
      socket.async_wait(tcp::socket::wait_write,
                        [self = shared_from_this()](boost::system::error_code error) {
                          if (self->gone_) return;
                          if (error) return self->teardown();
                          self->write();
                        });
      return;
    }
    if (ec) return teardown();
    wrote(n);
  }
  on_written();
}

std::vector<asio::const_buffer> websocket_connection::what_to_write() const {
  std::vector<asio::const_buffer> buffers;
  buffers.reserve(2 * writing_.size() + 2);
  const auto add = [&](std::string_view bytes) {
    if (!bytes.empty()) buffers.push_back(asio::buffer(bytes));
  };
  add(head_);
  auto skipped = written_;
  for (const auto& o : writing_) {
    const std::string_view header(o.header.data(), o.header_size);
    add(header.substr(std::min(skipped, header.size())));
    add(o.what.bytes().substr(skipped - std::min(skipped, header.size())));
    skipped = 0;
  }
  add(last_);
  return buffers;
}

/// Lets go of what is out.
void websocket_connection::wrote(std::size_t n) {
  engine_->metrics.writes.add();
  engine_->metrics.bytes_out.add(n);
  write_began_ = steady_clock::now();
  const auto take = [&n](std::string& from) {
    const auto part = std::min(n, from.size());
    from.erase(0, part);
    n -= part;
  };
  take(head_);
  std::size_t messages = 0;
  while (n != 0 && !writing_.empty()) {
    const auto& o = writing_.front();
    const auto left = o.header_size + o.what.size - written_;
    const auto part = std::min(n, left);
    n -= part;
    written_ += part;
    if (part < left) break;
    messages += o.what.messages;
    releases_ += o.cost;
    writing_.pop_front();
    written_ = 0;
  }
  take(last_);
  engine_->metrics.messages_out.add(messages);
  if (releases_ == 0) return;
  bool drained = false;
  {
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= std::exchange(releases_, 0);
    drained = refused_ && !farewell_ && queued_bytes_ <= engine_->options.session_budget_bytes / 2;
    if (drained) refused_ = false;
  }
  if (drained && session_) session_->on_drained();
}

void websocket_connection::on_written() {
  busy_ = false;
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
      request_close(close_code::no_room, "no session in time; try again", true, o.close_timeout);
    }
  } else if (busy_ && now - write_began_ > o.idle_timeout) {
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

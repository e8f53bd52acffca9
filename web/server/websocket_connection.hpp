#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "messages/client.hpp"
#include "messages/protocol/frame.hpp"
#include "web/server/engine.hpp"
#include "web/server/frame_parser.hpp"
#include "web/server/stream.hpp"

namespace artham::web {

/// One WebSocket and the queue of messages in front of it. Nothing is copied: what a session sends
/// is written from where it is, together with all else that waits. With nothing in front of it, a
/// message is given to the socket by the thread that sends it, as no other need wake up for that;
/// not so with TLS or compression, which are the network thread's. Inbound: one command at a time,
/// none is read ahead of the session. A close in good order gets close_timeout, then the socket is
/// cut.
class websocket_connection final : public connection,
                                   public messages::client,
                                   public std::enable_shared_from_this<websocket_connection> {
 public:
  /// `early`: bytes that the client sent behind its handshake.
  websocket_connection(std::shared_ptr<engine> e, std::unique_ptr<stream> s,
                       address_counts::admission admission, messages::gateway& gateway,
                       messages::opening how, bool binary_commands, bool deflate,
                       const std::string& early);
  /// Sends the handshake's answer and asks the gateway for a session.
  void start(std::string handshake);

  // Any thread.
  /// A single message larger than the budget is taken when nothing else is queued. False also once
  /// the connection is closing; there is no on_drained then.
  bool send(messages::frame_ptr frame) override;
  bool send_binary(messages::frame_ptr frame) override;
  bool send_frames(messages::frames some) override;
  void next_command() override;
  void close(std::uint16_t code, std::string reason) override;
  void close_slow(messages::frames last, std::uint16_t code, std::string reason) override;
  [[nodiscard]] std::string address() const override { return address_; }

  // The network thread.
  /// Writes what is queued.
  void pump() override;
  void finish() override;
  void abort() override;

 private:
  using opened = result<std::shared_ptr<messages::session>>;
  struct farewell {
    std::uint16_t code;
    std::string reason;
  };

  /// A header of its own, maybe, and bytes that others may write as well.
  struct outgoing {
    std::array<char, protocol::frame_header_max> header{};
    std::size_t header_size = 0;
    messages::frames what;
    std::size_t cost = 0;  ///< of the budget
  };

  bool queue_message(messages::frame_ptr frame, protocol::opcode what);
  bool queue(outgoing o);
  /// Returns the bytes that the socket took, which may be none.
  std::size_t write_at_once(const outgoing& o);
  void attach(opened s);
  void process();
  void read();
  void request_close(std::uint16_t code, std::string reason, bool drop_queue,
                     std::chrono::milliseconds patience);
  void schedule();
  void pack(outgoing& o);
  /// Writes what the socket takes, and the rest when it takes more.
  void write();
  [[nodiscard]] std::vector<asio::const_buffer> what_to_write() const;
  void wrote(std::size_t n);
  void on_written();
  void watch();
  void on_watch();
  void cut(std::string_view cause);
  void teardown();
  void end_stream(bool in_order);

  const std::shared_ptr<engine> engine_;
  messages::gateway& gateway_;
  messages::opening how_;  ///< until the gateway is asked
  const std::string address_;

  // Shared with the session's threads.
  std::mutex mutex_;
  std::deque<outgoing> queue_;
  std::size_t begun_ = 0;         ///< bytes of the first of these that are out
  std::size_t queued_bytes_ = 0;  ///< what is being written included
  bool refused_ = false;          ///< a send was refused: on_drained is owed
  bool scheduled_ = false;        ///< a pump is posted or a write is under way; else all is out
  int socket_ = -1;               ///< that any thread may write to under the mutex
  bool gone_ = false;
  std::optional<farewell> farewell_;  ///< closing, once the queue is out
  steady_clock::time_point close_deadline_{};

  // The network thread's.
  address_counts::admission admission_;
  std::unique_ptr<stream> stream_;
  asio::steady_timer watch_;
  const bool deflate_;  ///< agreed with the peer
  frame_parser parser_;
  std::shared_ptr<messages::session> session_;
  std::array<char, 2048> inbox_{};
  std::string head_;              ///< being written first: the handshake, control frames
  std::deque<outgoing> writing_;  ///< being written behind it
  std::size_t written_ = 0;       ///< bytes of the first of these that are out
  std::string last_;              ///< being written behind them: a close frame
  std::size_t releases_ = 0;      ///< bytes of the budget that what is out frees
  std::optional<std::string> pong_;
  bool ping_ = false;
  bool ping_sent_ = false;
  bool reading_ = false;
  bool busy_ = false;  ///< a write is under way
  bool in_command_ = false;
  bool deaf_ = false;  ///< the peer's bytes are read, but not parsed any more
  bool close_sent_ = false;
  bool peer_closed_ = false;
  steady_clock::time_point opened_at_ = steady_clock::now();
  steady_clock::time_point heard_at_ = steady_clock::now();
  steady_clock::time_point write_began_{};
};

}  // namespace artham::web

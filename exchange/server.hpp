#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "exchange/options.hpp"
#include "market/error.hpp"

/// A Kite-speaking exchange to develop and test against: a ticker WebSocket at `/`, the instrument
/// dump, a login. It plays a recording or the synthetic market, and tells market time in text
/// frames
/// `{"type":"artham_clock","data":{"market_time_ns":"<decimal>"}}`, which Kite clients ignore: the
/// first message of every connection, then in stream order at every clock interval.
namespace artham::exchange {

/// A running exchange on 127.0.0.1, with a thread of its own. All calls are thread-safe.
class server {
 public:
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Drops all connections and ends the thread; the destructor does it too. Not from on_finished.
  void stop();

  [[nodiscard]] std::uint16_t port() const;
  /// Everything was played and taken by those who had subscribed; the connections stay open.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] market::timestamp market_time() const;
  /// Without those that were skipped.
  [[nodiscard]] std::uint64_t frames_played() const;
  /// What GET /instruments serves.
  [[nodiscard]] const std::vector<market::instrument>& instruments() const;
  void misbehave(const misbehaviour& m);

 private:
  friend result<std::unique_ptr<server>> start(options o);
  struct impl;
  explicit server(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

/// errc::conflict for a port in use, errc::usage for options that make no sense, and what reading
/// the recording says (file, line and field).
[[nodiscard]] result<std::unique_ptr<server>> start(options o);

}  // namespace artham::exchange

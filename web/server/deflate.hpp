#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "messages/client.hpp"

struct z_stream_s;

/// permessage-deflate (RFC 7692), each message by itself: what is compressed once suits every
/// client.
namespace artham::web {

/// The answer to a client's Sec-WebSocket-Extensions, the header's values in order; nothing when
/// none of its offers can be taken: one that is malformed, or wants a smaller window than 15 bits.
[[nodiscard]] std::optional<std::string> agree_on_deflate(const std::vector<std::string>& offers);

/// Unpacks one message, as its bytes come.
class inflater {
 public:
  enum class outcome : std::uint8_t { ok, too_big, corrupt };

  inflater();
  /// Appends what can be had; stops when `out` would have more than `limit` bytes.
  [[nodiscard]] outcome take(std::string_view bytes, std::string& out, std::size_t limit);
  /// The message is whole.
  [[nodiscard]] outcome finish(std::string& out, std::size_t limit);

 private:
  struct end {
    void operator()(z_stream_s* s) const;
  };
  std::unique_ptr<z_stream_s, end> stream_;
};

/// Packs messages, each once however many clients get it. One thread's.
class deflater {
 public:
  deflater();
  /// The message's packed form, which is shared; null when that is no smaller.
  [[nodiscard]] messages::frame_ptr packed(const messages::frame_ptr& frame);
  /// The same frames, those from `least` bytes on packed where that makes them smaller.
  [[nodiscard]] messages::frames packed(const messages::frames& some, std::size_t least);

 private:
  struct end {
    void operator()(z_stream_s* s) const;
  };
  struct entry {
    /// Also keeps the address from being another frame's.
    std::weak_ptr<const std::string> of;
    messages::frame_ptr packed;
  };

  messages::frame_ptr pack(std::string_view plain);
  messages::frame_ptr pack_frames(std::string_view frames, std::size_t least);
  void make_room();

  std::unique_ptr<z_stream_s, end> stream_;
  std::unordered_map<const std::string*, entry> packed_;
  std::map<std::pair<const std::string*, std::size_t>, entry> packed_frames_;  ///< by beginning
  std::size_t bytes_ = 0;
};

}  // namespace artham::web

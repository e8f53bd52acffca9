#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "actors/session/stream_set.hpp"
#include "market/error.hpp"
#include "messages/batch.hpp"

namespace artham::actors {

/// What a client needs to go on from where it was, as a text that means something to us alone: a
/// version, whose streams they are, and a position of each, with what finds it in the store; with a
/// checksum. Nothing in it is secret.
class token_codec {
 public:
  /// `journal` tells the streams of one journal, or one cluster, from those of others.
  token_codec(std::uint64_t journal, stream_list streams);

  /// Characters of base64url.
  [[nodiscard]] std::string encode(const messages::resume_point& p) const;
  /// In the order of the streams here; one that the token does not know has a zero position.
  /// errc::bad_input for what is no token, or is another journal's.
  [[nodiscard]] result<messages::resume_point> decode(std::string_view text) const;

  [[nodiscard]] const stream_list& streams() const { return streams_; }

 private:
  std::uint64_t journal_;
  stream_list streams_;
  std::map<std::uint32_t, std::size_t> places_;  ///< of streams, by the hash of their names
};

}  // namespace artham::actors

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace artham::exchange {

/// What a client asks of an instrument; an index has packets of its own in quote and full mode.
enum class mode : std::uint8_t { ltp, quote, full };

/// A client's message.
struct request {
  enum class action : std::uint8_t { subscribe, unsubscribe, set_mode };
  request::action what = action::subscribe;
  exchange::mode mode = mode::quote;
  std::vector<std::uint32_t> tokens;
};

/// `{"a": "subscribe" | "unsubscribe", "v": [token, ...]}` or `{"a": "mode", "v": ["full", [token,
/// ...]]}`. None for anything else, tokens as strings included.
[[nodiscard]] std::optional<request> parse_request(std::string_view json);
/// Kite's answer to a message that is none of these.
inline constexpr std::string_view request_error =
    R"({"type":"error","id":"","data":"error parsing request"})";

/// The instruments that one client wants, each in its mode.
class subscriptions {
 public:
  /// At most `limit` instruments.
  explicit subscriptions(std::size_t limit = SIZE_MAX) : limit_(limit) {}

  /// The tokens that the client has in a mode that it did not have before. A new subscription is in
  /// quote mode; setting a mode subscribes too. What is beyond the limit is left out.
  std::vector<std::uint32_t> apply(const request& r);
  /// How many instruments the last request had that are beyond the limit.
  [[nodiscard]] std::size_t refused() const { return refused_; }
  [[nodiscard]] std::optional<exchange::mode> mode_of(std::uint32_t token) const {
    const auto found = modes_.find(token);
    return found == modes_.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] bool empty() const { return modes_.empty(); }

 private:
  std::size_t limit_;
  std::size_t refused_ = 0;
  std::unordered_map<std::uint32_t, exchange::mode> modes_;
};

/// What of a recorded packet a client in this mode gets: Kite's packets of less are the beginnings
/// of those of more. Empty for a length that is none of Kite's, unless in full mode.
[[nodiscard]] std::string_view in_mode(std::string_view packet, mode m);

}  // namespace artham::exchange

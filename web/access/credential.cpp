#include "web/access/credential.hpp"

#include <array>
#include <charconv>
#include <cstdlib>

#include <sodium.h>

namespace artham::web {

namespace {

constexpr std::string_view key_prefix = "artham_";
constexpr std::string_view ticket_prefix = "arthamt_";
constexpr std::size_t random_bytes = 32;
constexpr std::size_t random_characters = 43;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string base64(const unsigned char* bytes, std::size_t n) {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(n, variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, n, variant);
  text.pop_back();  // the terminator
  return text;
}

std::string signature(std::string_view body, const runtime::secret& secret) {
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_of(secret.reveal()), secret.reveal().size());
  crypto_auth_hmacsha256_update(&state, bytes_of(body), body.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  return base64(mac.data(), mac.size());
}

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  return ec == std::errc{} && end == text.data() + text.size() && out >= 0 && !text.empty();
}

/// Up to the next `mark`, which is taken off as well.
std::string_view take_part(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  const auto part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

}  // namespace

std::string random_text() {
  std::array<unsigned char, random_bytes> bytes{};
  // Without a source of randomness nothing may go on.
  if (sodium_init() < 0) std::abort();
  randombytes_buf(bytes.data(), bytes.size());
  auto text = base64(bytes.data(), bytes.size());
  sodium_memzero(bytes.data(), bytes.size());
  return text;
}

std::string hash_of(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), bytes_of(text), text.size());
  std::string hex(2 * hash.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

runtime::secret key_text(std::int64_t id, std::string_view secret) {
  return runtime::secret(std::string(key_prefix) + std::to_string(id) + "_" + std::string(secret));
}

std::optional<key_parts> parse_key(std::string_view text) {
  if (!text.starts_with(key_prefix)) return std::nullopt;
  text.remove_prefix(key_prefix.size());
  key_parts k;
  const auto id = take_part(text, '_');
  if (!read_number(id, k.id) || text.size() != random_characters) return std::nullopt;
  k.secret = text;
  return k;
}

std::string sign_ticket(const ticket& t, const runtime::secret& secret) {
  const auto body = std::to_string(t.user) + "." + std::to_string(t.expires) + "." +
                    std::to_string(t.renewals) + "." + t.id;
  return std::string(ticket_prefix) + body + "." + signature(body, secret);
}

std::optional<ticket> parse_ticket(std::string_view text, const runtime::secret& secret) {
  if (!text.starts_with(ticket_prefix)) return std::nullopt;
  text.remove_prefix(ticket_prefix.size());
  const auto end = text.rfind('.');
  if (end == std::string_view::npos) return std::nullopt;
  auto body = text.substr(0, end);
  if (!is_same(text.substr(end + 1), signature(body, secret))) return std::nullopt;
  ticket t;
  if (!read_number(take_part(body, '.'), t.user) || !read_number(take_part(body, '.'), t.expires) ||
      !read_number(take_part(body, '.'), t.renewals)) {
    return std::nullopt;
  }
  t.id = body;
  return t;
}

bool looks_like_credential(std::string_view text) {
  return parse_key(text).has_value() || text.starts_with(ticket_prefix);
}

}  // namespace artham::web

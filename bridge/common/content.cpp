#include "bridge/common/content.hpp"

#include <openssl/evp.h>

#include <cstdlib>

namespace artham::bridge {

market::content_hash content_hash_of(std::string_view content) {
  market::content_hash hash{};
  // Fails only without memory or without a SHA-256 provider: nothing in this program works then.
  if (EVP_Digest(content.data(), content.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1)
    std::abort();
  return hash;
}

std::string hex(const market::content_hash& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(hash.size() * 2);
  for (const auto byte : hash) {
    text.push_back(digits[byte >> 4U]);
    text.push_back(digits[byte & 15U]);
  }
  return text;
}

tl::unexpected<error> no_object(const market::content_hash& hash) {
  return fail(errc::not_found, "no content is kept under " + hex(hash));
}

}  // namespace artham::bridge

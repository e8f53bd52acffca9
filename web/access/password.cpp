#include "web/access/password.hpp"

#include <array>

#include <sodium.h>

namespace artham::web {

result<std::string> hash_password(const runtime::secret& password) {
  const auto& text = password.reveal();
  if (text.size() < shortest_password || text.size() > longest_password) {
    return fail(errc::bad_input, "a password has " + std::to_string(shortest_password) + " to " +
                                     std::to_string(longest_password) + " bytes, this one " +
                                     std::to_string(text.size()));
  }
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (sodium_init() < 0 ||
      crypto_pwhash_str(hash.data(), text.data(), text.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                        crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return fail(errc::full, "no 64 MiB of memory to hash the password in");
  }
  return std::string(hash.data());
}

bool is_password(const std::string& hash, const runtime::secret& password) {
  const auto& text = password.reveal();
  return text.size() <= longest_password && hash.size() < crypto_pwhash_STRBYTES &&
         crypto_pwhash_str_verify(hash.c_str(), text.data(), text.size()) == 0;
}

}  // namespace artham::web

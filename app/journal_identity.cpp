#include "app/journal_identity.hpp"

#include <charconv>
#include <fstream>
#include <random>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <xxhash.h>

namespace artham::app {

result<std::uint64_t> journal_identity(const std::filesystem::path& data) {
  const auto file = data / "journal.id";
  if (std::ifstream in(file); in) {
    std::string text;
    std::getline(in, text);
    std::uint64_t id = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
    if (ec == std::errc() && end == text.data() + text.size() && !text.empty()) return id;
    return fail(errc::corrupt, file.string() +
                                   " does not hold a number: remove it; clients' resume tokens are "
                                   "then refused once");
  }
  std::random_device random;
  const auto id = std::uint64_t{random()} << 32U | random();
  const auto fresh = data / "journal.id.new";
  std::ofstream out(fresh);
  out << fmt::format("{:016x}\n", id) << std::flush;
  std::error_code ec;
  if (out) std::filesystem::rename(fresh, file, ec);
  if (!out || ec) return fail(errc::io, "cannot write " + file.string());
  return id;
}

std::uint64_t cluster_identity(std::string_view name) {
  return XXH3_64bits_withSeed(name.data(), name.size(), 1);
}

}  // namespace artham::app

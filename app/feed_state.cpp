#include "app/feed_state.hpp"

#include <fstream>

#include <nlohmann/json.hpp>

namespace artham::app {

result<void> claim_data_directory(const std::filesystem::path& dir, const feed_identity& who) {
  const auto file = dir / "feed.json";
  if (std::filesystem::exists(file)) {
    std::ifstream in(file);
    const auto j = nlohmann::json::parse(in, nullptr, false);
    if (!j.is_object() || !j.contains("kind") || !j.contains("key")) {
      return fail(errc::corrupt, file.string() + " cannot be read; give another --data directory");
    }
    const feed_identity there{j.value("kind", ""), j.value("what", ""), j.value("key", "")};
    if (there.kind == who.kind && there.key == who.key) return {};
    return fail(errc::conflict, "the data directory " + dir.string() + " holds the market of " +
                                    there.what + ", not of " + who.what +
                                    ": give another --data directory, or remove this one");
  }
  std::ofstream out(file);
  out << nlohmann::json{{"kind", who.kind}, {"what", who.what}, {"key", who.key}}.dump(2) << '\n';
  out.close();
  if (!out) return fail(errc::io, "cannot write " + file.string() + ": is the directory writable?");
  return {};
}

}  // namespace artham::app

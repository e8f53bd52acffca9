#include "app/bundle.hpp"

#include <fstream>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "app/build_info.hpp"
#include "feed/recording/recording.hpp"

namespace artham::app {

namespace {

constexpr int bundle_version = 1;
constexpr const char* bundle_format = "artham bundle";
constexpr const char* manifest_name = "bundle.json";

}  // namespace

result<void> seal_bundle(const std::filesystem::path& dir) {
  std::map<std::string, nlohmann::json> files;
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator it(dir / "journal", failed), end;
       !failed && it != end; it.increment(failed)) {
    if (!it->is_regular_file()) continue;
    const auto hash = feed::recording::recording_hash(it->path().string());
    if (!hash) return tl::unexpected(hash.error());
    files[std::filesystem::relative(it->path(), dir).string()] = {{"bytes", it->file_size()},
                                                                  {"sha256", *hash}};
  }
  if (failed) return fail(errc::io, "cannot read " + dir.string() + ": " + failed.message());
  const nlohmann::json manifest{{"format", bundle_format},
                                {"version", bundle_version},
                                {"program", version()},
                                {"files", files}};
  std::ofstream out(dir / manifest_name, std::ios::trunc);
  out << manifest.dump(2) << '\n';
  out.close();
  if (out) return {};
  return fail(errc::io, "cannot write " + (dir / manifest_name).string() + ": is there room?");
}

result<std::filesystem::path> open_bundle(const std::filesystem::path& dir) {
  const auto file = dir / manifest_name;
  std::ifstream in(file);
  if (!in) {
    return fail(errc::usage, dir.string() + " is no bundle: there is no " + file.string() +
                                 "; artham journal slice DIR --bundle makes one, and a data "
                                 "directory is replayed with --journal");
  }
  const auto manifest = nlohmann::json::parse(in, nullptr, false);
  if (!manifest.is_object() || manifest.value("format", "") != bundle_format ||
      !manifest.contains("files") || !manifest["files"].is_object()) {
    return fail(errc::corrupt, file.string() + " cannot be read: copy the bundle again");
  }
  if (manifest.value("version", 0) != bundle_version) {
    return fail(errc::unsupported, file.string() + " has version " +
                                       std::to_string(manifest.value("version", 0)) +
                                       ": use the artham that wrote it (" +
                                       manifest.value("program", "unknown") + ")");
  }
  for (const auto& [name, facts] : manifest["files"].items()) {
    const auto hash = feed::recording::recording_hash((dir / name).string());
    if (!hash || *hash != facts.value("sha256", "")) {
      return fail(errc::corrupt, (dir / name).string() + " is " +
                                     (hash ? "not what it was" : "missing") +
                                     " when the bundle was made: copy the bundle again");
    }
  }
  return dir / "journal";
}

}  // namespace artham::app

#include "bridge/local/object_store.hpp"

#include <system_error>

#include "bridge/common/content.hpp"
#include "bridge/local/file.hpp"

namespace artham::bridge::local {

result<market::content_hash> object_store::put(std::string_view content) const {
  const auto hash = content_hash_of(content);
  if (get(hash)) return hash;
  std::error_code failed;
  if (std::filesystem::create_directories(dir_, failed)) {
    if (auto ok = sync_directory(dir_.parent_path()); !ok) return tl::unexpected(ok.error());
  }
  if (failed) return tl::unexpected(system_error("create", dir_, failed.value()));
  if (auto ok = replace_file(dir_ / hex(hash), content, true); !ok)
    return tl::unexpected(ok.error());
  return hash;
}

result<std::string> object_store::get(const market::content_hash& hash) const {
  const auto path = dir_ / hex(hash);
  auto content = read_file(path);
  if (!content) {
    if (content.error().code == errc::not_found) return no_object(hash);
    return tl::unexpected(content.error());
  }
  if (content_hash_of(*content) != hash) {
    return fail(errc::corrupt,
                "object " + path.string() + " is not what its name says: restore it from a copy");
  }
  return content;
}

result<std::vector<std::filesystem::path>> object_store::damaged() const {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  if (!std::filesystem::exists(dir_, failed)) return found;
  for (std::filesystem::directory_iterator it(dir_, failed), end; !failed && it != end;
       it.increment(failed)) {
    // Others are what a crash left of an object that was not put.
    if (it->path().filename().string().size() != hex({}).size()) continue;
    const auto content = read_file(it->path());
    if (!content) return tl::unexpected(content.error());
    if (hex(content_hash_of(*content)) != it->path().filename()) found.push_back(it->path());
  }
  if (failed) return tl::unexpected(system_error("read", dir_, failed.value()));
  return found;
}

}  // namespace artham::bridge::local

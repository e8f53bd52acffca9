#include "app/cluster/own_fence.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "bridge/local/file.hpp"

namespace artham::app::cluster {

own_fence::own_fence(const std::filesystem::path& data) : path_(data / "ingest-fence") {}

std::optional<std::uint64_t> own_fence::get() const {
  const auto text = bridge::local::read_file(path_);
  if (!text) return std::nullopt;
  std::uint64_t fence = 0;
  const auto* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, fence);
  if (read.ec != std::errc{} || read.ptr != end || fence == 0) return std::nullopt;
  return fence;
}

result<void> own_fence::set(std::uint64_t fence) {
  return bridge::local::replace_file(path_, std::to_string(fence), true);
}

result<void> own_fence::forget() {
  std::error_code failed;
  if (!std::filesystem::remove(path_, failed) && !failed) return {};
  if (failed) return tl::unexpected(bridge::local::system_error("remove", path_, failed.value()));
  return bridge::local::sync_directory(path_.parent_path());
}

std::optional<std::uint32_t> own_fence::next_epoch(std::uint32_t last) const {
  const auto fence = get();
  if (!fence) return std::nullopt;
  const auto next = std::max<std::uint64_t>(*fence * epochs_a_fence, std::uint64_t{last} + 1);
  if (next >= (*fence + 1) * epochs_a_fence) return std::nullopt;
  return static_cast<std::uint32_t>(next);
}

}  // namespace artham::app::cluster

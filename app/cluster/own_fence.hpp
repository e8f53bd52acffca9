#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "market/error.hpp"

namespace artham::app::cluster {

/// Epochs that a node begins on its own, while Redis cannot be asked, lie between those that come
/// with a fence: so none is used twice.
inline constexpr std::uint64_t epochs_a_fence = 256;

/// Under which fence this node ingested last, in a file beside its journal: the epochs of that
/// fence are its own, so that it may begin one of them without asking Redis.
class own_fence {
 public:
  explicit own_fence(const std::filesystem::path& data);

  /// Nothing: it never ingested, gave the lease back, or has heard that others went on.
  [[nodiscard]] std::optional<std::uint64_t> get() const;
  /// Durable when it returns.
  [[nodiscard]] result<void> set(std::uint64_t fence);
  [[nodiscard]] result<void> forget();
  /// The smallest epoch that may begin without Redis behind `last`, the journal's newest; nothing
  /// when `last` is of a later fence, which is another node's, or all are used.
  [[nodiscard]] std::optional<std::uint32_t> next_epoch(std::uint32_t last) const;

 private:
  std::filesystem::path path_;
};

}  // namespace artham::app::cluster

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "market/error.hpp"
#include "messages/record/record.hpp"

namespace artham::actors {

/// The state of all bar builders, or of all feature actors, at a block boundary of md:ticks, and
/// how far each derived stream had come: from here a start reads on. Bytes: docs/journal.md,
/// "Checkpoints".
struct checkpoint {
  record::position at;          ///< of md:ticks, inclusive
  market::timestamp clock = 0;  ///< the newest clock mark at or before it
  market::content_hash plan{};  ///< of what decides outputs; another plan cannot use it
  std::map<std::string, record::cause> tops;  ///< last record of each derived stream
  /// By token: of bars an instrument's aggregator; of features a group's, by one of its tokens, and
  /// empty where its actor was parked.
  std::unordered_map<std::uint32_t, std::string> states;
};

[[nodiscard]] std::string encode(const checkpoint& c);
/// errc::corrupt for anything that is not a whole, unchanged checkpoint of a known version.
[[nodiscard]] result<checkpoint> decode_checkpoint(std::string_view bytes);

/// The checkpoints of one data directory, newest last; files named by position.
class checkpoint_directory {
 public:
  /// Keeps the newest `keep` files.
  explicit checkpoint_directory(std::filesystem::path dir, std::size_t keep = 4);

  /// Write, fsync, rename; then removes the oldest beyond `keep`.
  [[nodiscard]] result<void> save(const checkpoint& c) const;
  /// The file's name, by where its barrier stands.
  [[nodiscard]] static std::string name_of(record::position at);
  /// The files that are there, newest first, read or not.
  [[nodiscard]] std::vector<std::filesystem::path> newest_first() const;
  /// Where a file's barrier stands, by its name.
  [[nodiscard]] static std::optional<record::position> position_of(
      const std::filesystem::path& file);
  [[nodiscard]] static result<checkpoint> load(const std::filesystem::path& file);

 private:
  std::filesystem::path dir_;
  std::size_t keep_;
};

/// Removes a checkpoint that is beyond the ends of its streams, which lost what it was made of: not
/// only can nobody begin there, it would also count as newer than those that are made from now on.
void remove_ahead(const std::filesystem::path& file);

}  // namespace artham::actors

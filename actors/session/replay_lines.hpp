#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <caf/actor_addr.hpp>

#include "actors/session/key_resolver.hpp"
#include "actors/session/replay_brake.hpp"
#include "messages/actors.hpp"
#include "messages/directory.hpp"

namespace artham::actors {

/// In front of a replay's id in clients' keys.
inline constexpr std::string_view replay_prefix = "replay:";
/// Behind it, of the keys of its clock and its alerts.
inline constexpr std::string_view replay_clock = "clock";
inline constexpr std::string_view replay_alerts_name = "alerts";

/// Namespaces of replays, counted from 1; beyond lies the key of resume tokens.
inline constexpr std::uint8_t spaces_at_most = 250;

/// How a session takes part in a replay: what its keys mean, and where its hub is. Thread-safe.
class replay_line {
 public:
  struct parts {
    std::string id;
    std::uint8_t space = 0;  ///< of its keys, 1 to spaces_at_most
    std::shared_ptr<const key_resolver> keys;
    std::shared_ptr<const instrument_index> instruments;
    /// The replay's own: has the hub (hub_name), and a supervisor for sessions that have no other
    /// source (sessions_name).
    std::shared_ptr<const messages::directory> names;
    std::size_t bytes_at_most = 0;  ///< on their way to clients before the replay waits
    std::string owner;              ///< whose rules are evaluated in it, and who may be told
    bool alerts = false;            ///< rules are
  };
  explicit replay_line(parts p) : parts_(std::move(p)), brake_(parts_.bytes_at_most) {}

  [[nodiscard]] const std::string& id() const { return parts_.id; }
  [[nodiscard]] std::uint8_t space() const { return parts_.space; }
  [[nodiscard]] const std::shared_ptr<const messages::directory>& names() const {
    return parts_.names;
  }
  [[nodiscard]] const std::shared_ptr<const instrument_index>& instruments() const {
    return parts_.instruments;
  }
  [[nodiscard]] bool has_alerts() const { return parts_.alerts; }
  /// `replay:ID:`
  [[nodiscard]] std::string prefix() const { return std::string(replay_prefix) + id() + ":"; }
  /// All keys without the prefix; `clock` and, for the owner, `alerts` are among them. What is
  /// resolved has the prefix again, and no namespace.
  [[nodiscard]] tl::expected<std::vector<key_resolver::resolved>, protocol::refusal> resolve(
      const std::vector<std::string>& texts, std::size_t at_most, std::string_view owner) const;
  [[nodiscard]] replay_brake& brake() { return brake_; }

  /// The session will be told when the replay is over. False: it is.
  [[nodiscard]] bool join(const messages::session_actor& who);
  void leave(const caf::actor_addr& who);
  /// Who takes part: those who joined, or whom the hub knows.
  [[nodiscard]] std::size_t members() const;
  /// From the hub: it tells so many sessions.
  void note_members(std::size_t count) { known_ = count; }
  /// Tells all members; nobody joins any more.
  void close(const std::string& state, const std::string& cause);

 private:
  const parts parts_;
  replay_brake brake_;
  mutable std::mutex mutex_;
  std::set<caf::actor_addr> members_;
  bool closed_ = false;
  std::atomic<std::size_t> known_{0};
};
using replay_line_ptr = std::shared_ptr<replay_line>;

/// The replays that there are, by id. Thread-safe.
class replay_lines {
 public:
  void put(replay_line_ptr line);
  void remove(std::string_view id);
  /// Null: there is none of that id.
  [[nodiscard]] replay_line_ptr find(std::string_view id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, replay_line_ptr, std::less<>> lines_;
};

}  // namespace artham::actors

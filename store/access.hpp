#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/error.hpp"
#include "market/time.hpp"

/// Who may connect. Implementations: store/sqlite, store/postgres. Times are of the wall clock.
namespace artham::store {

/// What somebody may do; bits of `scopes`.
enum class scope : std::uint8_t {
  read = 1,    ///< look at data, live and stored
  replay = 2,  ///< start replays
  admin = 4,   ///< everything
};
inline constexpr std::uint8_t all_scopes = 7;

/// `read,replay`
[[nodiscard]] std::string scopes_text(std::uint8_t scopes);
/// errc::usage names what is no scope; nothing is none either.
[[nodiscard]] result<std::uint8_t> parse_scopes(std::string_view text);

struct api_key {
  std::int64_t id = 0;  ///< never given twice
  std::string name;
  std::string hash;  ///< of the secret half: SHA-256, hexadecimal
  std::uint8_t scopes = 0;
  market::timestamp created = 0;
  market::timestamp used = 0;     ///< last; 0: never
  market::timestamp revoked = 0;  ///< 0: it is good
  friend bool operator==(const api_key&, const api_key&) = default;
};

struct user {
  std::int64_t id = 0;  ///< never given twice, so that a name that comes back is somebody else
  std::string name;
  std::string password_hash;  ///< argon2id, as libsodium writes it
  std::uint8_t scopes = 0;
  market::timestamp created = 0;
  market::timestamp disabled = 0;  ///< 0: may log in
  friend bool operator==(const user&, const user&) = default;
};

/// A ticket that was given back before its time.
struct ended_ticket {
  std::string id;
  market::timestamp expires = 0;
  friend bool operator==(const ended_ticket&, const ended_ticket&) = default;
};

/// Who can come in, as of one moment.
struct access_list {
  std::uint64_t version = 0;
  std::vector<api_key> keys;  ///< by id, revoked ones among them
  std::vector<user> users;    ///< likewise
  std::vector<ended_ticket> ended;
};

struct access_event {
  market::timestamp at = 0;
  std::string who;      ///< `key 3 desk`, `user anna`; empty: not known
  std::string what;     ///< `login`, `key_added`, ...
  std::string address;  ///< of the client; empty: this computer's command line
  std::string outcome;  ///< `ok`, or why not
  friend bool operator==(const access_event&, const access_event&) = default;
};

/// Keys, users, and what was done with them. Used from one thread at a time; calls block. What one
/// process changes the next call of every other one sees.
class access {
 public:
  virtual ~access() = default;

  /// Grows with every change of what `list` has but `used`.
  [[nodiscard]] virtual result<std::uint64_t> version() = 0;
  [[nodiscard]] virtual result<access_list> list() = 0;

  /// Given an id. errc::conflict when a key that is good has the name.
  virtual result<api_key> add_key(const api_key& key) = 0;
  /// By id or name. errc::not_found when no good key is called so.
  virtual result<api_key> revoke_key(std::string_view which, market::timestamp now) = 0;
  /// Notes when keys were used; a time never goes back.
  struct use {
    std::int64_t id = 0;
    market::timestamp at = 0;
  };
  virtual result<void> used(std::span<const use> uses) = 0;

  /// errc::conflict when a user who may log in has the name.
  virtual result<user> add_user(const user& who) = 0;
  /// Disables. errc::not_found when nobody of that name may log in.
  virtual result<user> remove_user(std::string_view name, market::timestamp now) = 0;

  /// Ended twice is ended once. Those that have expired by `now` are forgotten.
  virtual result<void> end_ticket(const ended_ticket& t, market::timestamp now) = 0;
  /// The secret that all gateways sign tickets with: `candidate` the first time, from then on that.
  [[nodiscard]] virtual result<std::string> ticket_secret(const std::string& candidate) = 0;

  /// Of all events the newest `keep` stay.
  virtual result<void> note(std::span<const access_event> events, std::size_t keep) = 0;
  /// The newest, newest first.
  [[nodiscard]] virtual result<std::vector<access_event>> events(std::size_t limit) = 0;
};

}  // namespace artham::store

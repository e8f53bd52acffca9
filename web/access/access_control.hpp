#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "market/error.hpp"
#include "runtime/clock.hpp"
#include "runtime/metrics.hpp"
#include "runtime/secret.hpp"
#include "runtime/worker.hpp"
#include "store/access.hpp"
#include "web/access/credential.hpp"
#include "web/access/failure_limit.hpp"

namespace artham::web {

enum class access_mode : std::uint8_t {
  automatic,  ///< keys are needed once there is a key or a user, and where nobody is trusted
  open,
  keys,
};

struct access_options {
  access_mode mode = access_mode::automatic;
  /// Whoever reaches the address may come in as long as there is no key and no user.
  bool trusted_address = true;
  std::chrono::nanoseconds ticket_life{std::chrono::hours(12)};
  std::chrono::milliseconds auth_timeout{10'000};
  std::size_t failures_per_minute = 10;  ///< of one address
  std::size_t max_sessions_per_key = 100;
  std::chrono::milliseconds poll{250};  ///< looks that often whether anything was changed
  /// Kept in the file system from the first key or user on, so that a node whose store is away when
  /// it starts stays closed. Empty: none.
  std::filesystem::path marker;
  std::size_t events_kept = 100'000;
  std::function<std::int64_t()> now = runtime::utc_now;
};

/// Who somebody is. What is needed to see later whether that still holds.
struct identity {
  enum class kind : std::uint8_t { anybody, key, user };
  kind is = kind::anybody;
  std::int64_t id = 0;
  std::string name;
  std::uint8_t scopes = 0;
  std::string ticket;        ///< its id
  std::int64_t expires = 0;  ///< of the ticket; 0: never
  int renewals = 0;

  [[nodiscard]] bool may(store::scope what) const {
    return (scopes & (static_cast<std::uint8_t>(what) |
                      static_cast<std::uint8_t>(store::scope::admin))) != 0;
  }
  /// `key 3 desk`, `user anna`
  [[nodiscard]] std::string text() const;
  /// `key:3`, `user:7`, `anybody`: whose things are whose, whatever names are given later.
  [[nodiscard]] std::string owner() const;
};

/// Why somebody is not let in.
struct denial {
  enum class reason : std::uint8_t {
    missing,    ///< shows nothing
    wrong,      ///< no key, ticket or password of ours
    revoked,    ///< was good: the key was revoked, the user removed
    expired,    ///< the ticket's time is over, or it was given back
    throttled,  ///< too many failures of the address
    full,       ///< as many sessions as the key may have
    forbidden,  ///< has not the scope
    not_ready,  ///< the store has not been read yet, or the login queue is full
  };
  reason why = reason::missing;
  std::string message;  ///< what to do; no secrets
};

template <class T>
using granted = tl::expected<T, denial>;

struct login {
  std::string ticket;
  identity who;
};

/// Decides who comes in. What the store says is held in memory and is looked at for changes by a
/// thread of its own, so that a check costs no read and a revoked key is known within the poll
/// interval; while the store does not answer, what was known last counts. Thread-safe.
class access_control : public std::enable_shared_from_this<access_control> {
 public:
  /// A thing that is in because somebody is: looked at a few times a second.
  class visitor {
   public:
    virtual ~visitor() = default;
    virtual void look() = 0;
  };
  /// Counts a session of an identity while it lives.
  using place = std::shared_ptr<const void>;

  /// Reads the store once; one that is away does not keep it from starting. errc::io when the
  /// marker cannot be written.
  [[nodiscard]] static result<std::shared_ptr<access_control>> start(
      access_options options, std::unique_ptr<store::access> from, runtime::metrics& metrics);
  ~access_control();
  access_control(const access_control&) = delete;
  access_control& operator=(const access_control&) = delete;
  /// Ends the threads; what was to be noted is.
  void stop();

  /// False: anybody may do everything.
  [[nodiscard]] bool required() const;
  /// Of a key or a ticket. A failure counts against the address.
  [[nodiscard]] granted<identity> check(std::string_view credential, const std::string& address);
  /// Whether an identity from earlier still holds.
  [[nodiscard]] granted<void> still(const identity& who) const;
  /// Notes somebody without the scope that he would need.
  void note_refused(const identity& who, const std::string& address, std::string_view what);
  /// Counts somebody who shows nothing.
  [[nodiscard]] denial nothing_shown();

  /// `done` is called once, from any thread.
  void log_in(const std::string& user, runtime::secret password, const std::string& address,
              std::function<void(granted<login>)> done);
  /// A ticket once more, for a user whose ticket was not renewed yet; the old one ends.
  [[nodiscard]] granted<login> renew(const identity& who, const std::string& address);
  /// Of a user: his ticket is no good any more.
  void log_out(const identity& who, const std::string& address);

  [[nodiscard]] granted<place> take_place(const identity& who);
  void visits(const std::shared_ptr<visitor>& v);
  [[nodiscard]] const access_options& options() const { return options_; }

 private:
  struct known {
    store::access_list list;
    std::unordered_map<std::int64_t, store::api_key> keys;
    std::unordered_map<std::int64_t, store::user> users;
    std::unordered_set<std::string> ended;
  };
  using known_ptr = std::shared_ptr<const known>;

  access_control(access_options options, std::unique_ptr<store::access> from,
                 runtime::metrics& metrics);
  void run();
  void poll();
  result<void> take(store::access_list list);
  void write_notes(bool uses_too);
  void look_at_visitors();
  [[nodiscard]] known_ptr know() const;
  [[nodiscard]] granted<identity> find(std::string_view credential) const;
  [[nodiscard]] denial deny(denial d, const std::string& address, const std::string& who,
                            std::string_view what);
  [[nodiscard]] bool throttled(const std::string& address);
  void note(std::string who, std::string_view what, const std::string& address,
            std::string outcome);
  [[nodiscard]] login ticket_for(const store::user& u, int renewals);
  void end_ticket(const std::string& id, std::int64_t expires);

  access_options options_;
  std::unique_ptr<store::access> store_;  ///< the store thread's, once it runs
  runtime::metrics& metrics_;

  mutable std::mutex mutex_;
  known_ptr known_;  ///< null: never read
  bool closed_before_ = false;
  runtime::secret signing_;
  failure_limit failures_;
  std::unordered_map<std::int64_t, std::int64_t> used_;  ///< keys since the last note
  std::unordered_map<std::string, std::int64_t> ended_here_;
  std::deque<store::access_event> events_;
  std::unordered_map<std::string, std::size_t> sessions_;
  std::vector<std::weak_ptr<visitor>> visitors_;
  bool polling_ = false;
  bool store_failed_ = false;
  bool stopping_ = false;
  std::condition_variable wake_;

  std::unique_ptr<runtime::worker> store_thread_;
  std::unique_ptr<runtime::worker> password_thread_;
  std::thread clock_;
};

}  // namespace artham::web

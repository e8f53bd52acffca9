#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/clock.hpp"
#include "runtime/metrics.hpp"
#include "store/sqlite/access.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "web/access/access_control.hpp"
#include "web/access/credential.hpp"
#include "web/access/password.hpp"

namespace artham::web::testing {

/// A store as another process has it open, and access controls of as many gateways as a test wants.
struct access_world {
  artham::test::scratch dir;
  std::unique_ptr<store::access> store = open();
  runtime::metrics metrics;
  access_options options;
  std::atomic<std::int64_t> later{0};  ///< ns that the wall clock is ahead

  access_world() {
    options.poll = std::chrono::milliseconds(20);
    options.now = [this] { return runtime::utc_now() + later.load(); };
  }
  std::unique_ptr<store::access> open() {
    auto opened = store::sqlite::open_access(dir / "artham.db");
    REQUIRE_MESSAGE(opened, opened.error().message);
    return std::move(*opened);
  }
  std::shared_ptr<access_control> start() {
    auto started = access_control::start(options, open(), metrics);
    REQUIRE_MESSAGE(started, started.error().message);
    return *started;
  }
  /// The text of a new key.
  std::string add_key(const std::string& name, std::uint8_t scopes = 1) {
    const auto secret = random_text();
    store::api_key k;
    k.name = name;
    k.hash = hash_of(secret);
    k.scopes = scopes;
    k.created = 1;
    const auto made = store->add_key(k);
    REQUIRE_MESSAGE(made, made.error().message);
    return key_text(made->id, secret).reveal();
  }
  void add_user(const std::string& name, const std::string& password, std::uint8_t scopes = 1) {
    store::user u;
    u.name = name;
    const auto hash = hash_password(runtime::secret(password));
    REQUIRE(hash);
    u.password_hash = *hash;
    u.scopes = scopes;
    u.created = 1;
    REQUIRE(store->add_user(u));
  }
  void revoke(const std::string& name) { REQUIRE(store->revoke_key(name, 2)); }
  std::int64_t value(std::string_view name, std::string_view label = "") const {
    for (const auto& s : metrics.samples())
      if (s.name == name && (label.empty() || (!s.labels.empty() && s.labels[0].second == label)))
        return s.value;
    return 0;
  }
  bool has_event(const std::string& what, const std::string& outcome, const std::string& who) {
    return artham::test::eventually(
        [&] {
          const auto events = store->events(1000);
          REQUIRE(events);
          for (const auto& e : *events)
            if (e.what == what && e.outcome == outcome && e.who == who) return true;
          return false;
        },
        std::chrono::seconds(5));
  }
};

inline granted<login> log_in(access_control& a, const std::string& user,
                             const std::string& password,
                             const std::string& address = "127.0.0.1:1") {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<granted<login>> answer;
  a.log_in(user, runtime::secret(password), address, [&](granted<login> l) {
    const std::lock_guard lock(mutex);
    answer = std::move(l);
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return answer.has_value(); }));
  return *answer;
}

}  // namespace artham::web::testing

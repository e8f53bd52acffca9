#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "tests/web/access/world.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
using reason = denial::reason;
using std::chrono::seconds;

namespace {

constexpr const char* here = "127.0.0.1:5000";

bool soon(const std::function<bool()>& condition) {
  return artham::test::eventually(condition, seconds(5));
}

reason why(const granted<identity>& g) {
  REQUIRE_FALSE(g);
  return g.error().why;
}

/// A store whose calls fail while `away`.
struct store_away : store::access {
  std::unique_ptr<store::access> real;
  std::atomic<bool>* away;
  template <class Fn>
  auto call(Fn&& fn) -> decltype(fn()) {
    if (*away) return fail(errc::unavailable, "away");
    return fn();
  }
  result<std::uint64_t> version() override {
    return call([&] { return real->version(); });
  }
  result<store::access_list> list() override {
    return call([&] { return real->list(); });
  }
  result<store::api_key> add_key(const store::api_key& k) override { return real->add_key(k); }
  result<store::api_key> revoke_key(std::string_view w, market::timestamp n) override {
    return real->revoke_key(w, n);
  }
  result<void> used(std::span<const use> u) override {
    return call([&] { return real->used(u); });
  }
  result<store::user> add_user(const store::user& u) override { return real->add_user(u); }
  result<store::user> remove_user(std::string_view w, market::timestamp n) override {
    return real->remove_user(w, n);
  }
  result<void> end_ticket(const store::ended_ticket& t, market::timestamp n) override {
    return call([&] { return real->end_ticket(t, n); });
  }
  result<std::string> ticket_secret(const std::string& c) override {
    return call([&] { return real->ticket_secret(c); });
  }
  result<void> note(std::span<const store::access_event> e, std::size_t k) override {
    return call([&] { return real->note(e, k); });
  }
  result<std::vector<store::access_event>> events(std::size_t n) override {
    return real->events(n);
  }
};

}  // namespace

TEST_CASE_FIXTURE(access_world, "open on a trusted address until there is a key, and never again") {
  const auto a = start();
  CHECK_FALSE(a->required());
  add_key("desk");
  CHECK(soon([&] { return a->required(); }));
  revoke("desk");
  CHECK(soon([&] { return why(a->check("artham_1_x", here)) == reason::wrong; }));
  CHECK(a->required());
  a->stop();
  CHECK(start()->required());
}

TEST_CASE_FIXTURE(access_world,
                  "where nobody is trusted, and where keys are asked for, they are needed") {
  options.trusted_address = false;
  CHECK(start()->required());
  options.trusted_address = true;
  options.mode = access_mode::keys;
  CHECK(start()->required());
  add_key("desk");
  options.mode = access_mode::open;
  options.trusted_address = false;
  CHECK_FALSE(start()->required());
}

TEST_CASE_FIXTURE(access_world, "a key is good until it is revoked, which is known in a moment") {
  const auto text = add_key("desk", 3);
  const auto a = start();
  const auto who = a->check(text, here);
  REQUIRE(who);
  CHECK(who->text() == "key 1 desk");
  CHECK(who->may(store::scope::replay));
  CHECK_FALSE(who->may(store::scope::admin));
  CHECK(a->still(*who));
  revoke("desk");
  CHECK(soon([&] { return !a->still(*who); }));
  CHECK(why(a->check(text, here)) == reason::revoked);
  CHECK(has_event("access", "revoked", "key 1"));
  CHECK(value("artham_access_refused_total", "revoked") == 1);
}

TEST_CASE_FIXTURE(access_world, "a key whose secret or id is another's is wrong") {
  const auto first = add_key("a");
  const auto second = add_key("b", 7);
  const auto a = start();
  auto mixed = first;
  mixed[std::string("artham_").size()] = '2';
  CHECK(why(a->check(mixed, here)) == reason::wrong);
  auto changed = first;
  changed.back() = changed.back() == 'A' ? 'E' : 'A';
  CHECK(why(a->check(changed, here)) == reason::wrong);
  CHECK(why(a->check("", here)) == reason::wrong);
  CHECK(a->check(second, here)->may(store::scope::read));
}

TEST_CASE_FIXTURE(access_world, "who guesses is stopped, who has a key is not, wherever he sits") {
  const auto good = add_key("desk");
  options.failures_per_minute = 5;
  const auto a = start();
  for (int i = 0; i < 5; ++i)
    CHECK(why(a->check("guess", "192.0.2.1:" + std::to_string(1000 + i))) == reason::wrong);
  for (int i = 0; i < 100; ++i)
    CHECK(why(a->check("guess", "192.0.2.1:2000")) == reason::throttled);
  CHECK(a->check(good, "192.0.2.1:2001"));
  CHECK(why(a->check("guess", "192.0.2.2:2000")) == reason::wrong);
  CHECK(has_event("access", "throttled for a minute", ""));
  a->stop();
  // What is refused unseen is not noted each time.
  CHECK(store->events(1000)->size() == 7);
}

TEST_CASE_FIXTURE(access_world,
                  "a login gives a ticket, which every gateway takes until it is given back") {
  add_user("anna", "correct horse", 3);
  const auto one = start();
  const auto other = start();
  const auto l = log_in(*one, "anna", "correct horse");
  REQUIRE(l);
  CHECK(has_event("login", "ok", "user anna"));
  const auto who = other->check(l->ticket, here);
  REQUIRE(who);
  CHECK(who->text() == "user anna");
  CHECK(who->may(store::scope::replay));
  one->log_out(*who, here);
  CHECK_FALSE(one->still(*who));
  CHECK(soon([&] { return !other->still(*who); }));
  CHECK(why(other->check(l->ticket, here)) == reason::expired);
}

TEST_CASE_FIXTURE(access_world, "a ticket ends by itself, and can be renewed once") {
  add_user("anna", "correct horse");
  options.ticket_life = seconds(100);
  const auto a = start();
  const auto l = log_in(*a, "anna", "correct horse");
  REQUIRE(l);
  later = 60'000'000'000;
  const auto first = a->check(l->ticket, here);
  REQUIRE(first);
  const auto renewed = a->renew(*first, here);
  REQUIRE(renewed);
  CHECK(why(a->check(l->ticket, here)) == reason::expired);
  const auto second = a->check(renewed->ticket, here);
  REQUIRE(second);
  CHECK_FALSE(a->renew(*second, here));
  later = 159'000'000'000;
  CHECK(a->still(*second));
  later = 161'000'000'000;
  CHECK_FALSE(a->still(*second));
  CHECK(why(a->check(renewed->ticket, here)) == reason::expired);
}

TEST_CASE_FIXTURE(access_world, "who is removed is out, also when the name comes back") {
  add_user("anna", "correct horse");
  const auto a = start();
  const auto l = log_in(*a, "anna", "correct horse");
  REQUIRE(l);
  REQUIRE(store->remove_user("anna", 5));
  add_user("anna", "battery staple");
  CHECK(soon([&] { return !a->still(l->who); }));
  CHECK(why(a->check(l->ticket, here)) == reason::revoked);
  CHECK_FALSE(log_in(*a, "anna", "correct horse"));
  CHECK(log_in(*a, "anna", "battery staple"));
}

TEST_CASE_FIXTURE(access_world,
                  "wrong passwords and unknown names look alike, are noted, and are stopped") {
  add_user("anna", "correct horse");
  options.failures_per_minute = 3;
  const auto a = start();
  const auto wrong = log_in(*a, "anna", "wrong horse", "192.0.2.1:1");
  const auto unknown = log_in(*a, "otto\n", "wrong horse", "192.0.2.1:2");
  REQUIRE_FALSE(wrong);
  REQUIRE_FALSE(unknown);
  CHECK(wrong.error().why == unknown.error().why);
  CHECK(wrong.error().message == unknown.error().message);
  CHECK(has_event("login", "wrong", "user anna"));
  CHECK(has_event("login", "wrong", "user otto?"));
  CHECK(log_in(*a, "anna", "wrong horse", "192.0.2.1:3").error().why == reason::wrong);
  // Not even the right one any more.
  CHECK(log_in(*a, "anna", "correct horse", "192.0.2.1:4").error().why == reason::throttled);
  CHECK(log_in(*a, "anna", "correct horse", "192.0.2.9:4"));
}

TEST_CASE_FIXTURE(
    access_world,
    "many logins at once wait in a bounded queue, and count before they are looked at") {
  add_user("anna", "correct horse");
  options.failures_per_minute = 4;
  const auto a = start();
  std::mutex mutex;
  std::map<reason, int> answers;
  int all = 0;
  for (int i = 0; i < 200; ++i) {
    a->log_in("anna", runtime::secret("guess " + std::to_string(i)), "192.0.2.1:1",
              [&](const granted<login>& l) {
                const std::lock_guard lock(mutex);
                ++all;
                if (!l) ++answers[l.error().why];
              });
  }
  CHECK(artham::test::eventually(
      [&] {
        const std::lock_guard lock(mutex);
        return all == 200;
      },
      seconds(30)));
  CHECK(answers[reason::wrong] == 4);
  CHECK(answers[reason::throttled] + answers[reason::not_ready] == 196);
  a->stop();
}

TEST_CASE_FIXTURE(access_world, "so many sessions of a key, no more") {
  const auto text = add_key("desk");
  options.max_sessions_per_key = 2;
  const auto a = start();
  const auto who = *a->check(text, here);
  auto one = a->take_place(who);
  auto two = a->take_place(who);
  REQUIRE((one && two));
  const auto three = a->take_place(who);
  REQUIRE_FALSE(three);
  CHECK(three.error().why == reason::full);
  one->reset();
  CHECK(a->take_place(who));
}

TEST_CASE_FIXTURE(access_world, "when a key was used is stored, also of the last moment") {
  const auto text = add_key("desk");
  const auto a = start();
  CHECK(a->check(text, here));
  a->stop();
  CHECK(store->list()->keys.front().used > 1);
}

TEST_CASE_FIXTURE(
    access_world,
    "while the store is away what was known counts; never known, nobody with a key comes in") {
  const auto text = add_key("desk");
  std::atomic<bool> away = false;
  const auto away_one = [&] {
    auto s = std::make_unique<store_away>();
    s->real = open();
    s->away = &away;
    auto started = access_control::start(options, std::move(s), metrics);
    REQUIRE(started);
    return *started;
  };
  options.marker = dir / "access.required";
  const auto known = away_one();
  CHECK(std::filesystem::exists(options.marker));
  away = true;
  CHECK(soon([&] { return value("artham_access_store_errors_total") > 0; }));
  CHECK(known->check(text, here));
  known->stop();

  // The marker keeps a node closed that was closed before.
  const auto fresh = away_one();
  CHECK(fresh->required());
  CHECK(why(fresh->check(text, here)) == reason::not_ready);
  CHECK(log_in(*fresh, "anna", "correct horse").error().why == reason::not_ready);
  away = false;
  CHECK(soon([&] { return fresh->check(text, here).has_value(); }));
  CHECK(soon([&] { return store->list()->keys.size() == 1; }));
}

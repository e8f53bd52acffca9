#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/store/any_store.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)

namespace {

store::api_key key_named(const std::string& name) {
  store::api_key k;
  k.name = name;
  k.hash = std::string(64, 'a');
  k.scopes = 1;
  k.created = 1'000;
  return k;
}

store::user user_named(const std::string& name) {
  store::user u;
  u.name = name;
  u.password_hash = "$argon2id$x";
  u.scopes = 3;
  u.created = 1'000;
  return u;
}

template <class T>
T have(result<T> r) {
  REQUIRE_MESSAGE(r, r.error().message);
  return std::move(*r);
}

struct two_processes {
  std::unique_ptr<any_store> files = make_store();
  // As a node has it open.
  std::unique_ptr<store::database> node = have(files->open({}));
  std::unique_ptr<store::access> one = have(files->access());
  std::unique_ptr<store::access> other = have(files->access());
};

}  // namespace

TEST_CASE(
    "a key that one process adds or revokes is seen by the other, which is told by a version") {
  two_processes p;
  const auto before = have(p.other->version());
  CHECK(have(p.other->list()).keys.empty());
  const auto made = have(p.one->add_key(key_named("desk's \"own\"; --")));
  CHECK(made.id > 0);
  const auto added = have(p.other->version());
  CHECK(added > before);
  auto list = have(p.other->list());
  CHECK(list.version == added);
  REQUIRE(list.keys.size() == 1);
  CHECK(list.keys.front() == made);
  CHECK(list.keys.front().name == "desk's \"own\"; --");

  CHECK(have(p.one->revoke_key("desk's \"own\"; --", 2'000)).revoked == 2'000);
  CHECK(have(p.other->version()) > added);
  list = have(p.other->list());
  REQUIRE(list.keys.size() == 1);
  CHECK(list.keys.front().revoked == 2'000);
}

TEST_CASE("a name is of one good key at a time; ids are not given twice") {
  two_processes p;
  const auto first = have(p.one->add_key(key_named("desk")));
  const auto again = p.other->add_key(key_named("desk"));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::conflict);
  CHECK(again.error().message.find("'desk'") != std::string::npos);
  have(p.one->revoke_key(std::to_string(first.id), 2'000));
  const auto twice = p.one->revoke_key(std::to_string(first.id), 3'000);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == errc::not_found);
  const auto second = have(p.other->add_key(key_named("desk")));
  CHECK(second.id > first.id);
  CHECK(have(p.one->list()).keys.size() == 2);
}

TEST_CASE("revoking takes a name before an id, and nothing that is not there") {
  two_processes p;
  const auto first = have(p.one->add_key(key_named("a")));
  const auto named = have(p.one->add_key(key_named(std::to_string(first.id))));
  CHECK(have(p.one->revoke_key(std::to_string(first.id), 5)).id == named.id);
  CHECK(have(p.one->revoke_key(std::to_string(first.id), 6)).id == first.id);
  for (const auto* wrong : {"", "0", "-1", "99", "1x", "99999999999999999999999"})
    CHECK_FALSE(p.one->revoke_key(wrong, 7));
}

TEST_CASE("when a key was used only goes forward, and is no new version") {
  two_processes p;
  const auto k = have(p.one->add_key(key_named("desk")));
  const auto version = have(p.other->version());
  const std::vector<store::access::use> later{{k.id, 900}};
  const std::vector<store::access::use> earlier{{k.id, 100}, {12345, 5}};
  REQUIRE(p.one->used(later));
  REQUIRE(p.other->used(earlier));
  REQUIRE(p.other->used({}));
  CHECK(have(p.other->list()).keys.front().used == 900);
  CHECK(have(p.other->version()) == version);
}

TEST_CASE("users: one of a name may log in; a name that comes back is another user") {
  two_processes p;
  const auto before = have(p.other->version());
  const auto anna = have(p.one->add_user(user_named("anna")));
  CHECK(have(p.other->version()) > before);
  const auto again = p.other->add_user(user_named("anna"));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::conflict);
  CHECK(have(p.other->list()).users == std::vector{anna});
  CHECK(have(p.other->remove_user("anna", 7)).disabled == 7);
  const auto gone = p.one->remove_user("anna", 8);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == errc::not_found);
  CHECK(have(p.one->add_user(user_named("anna"))).id > anna.id);
}

TEST_CASE("tickets that ended are told to all, until they would have expired") {
  two_processes p;
  const auto before = have(p.other->version());
  REQUIRE(p.one->end_ticket({"aa", 100}, 10));
  REQUIRE(p.one->end_ticket({"aa", 100}, 10));
  REQUIRE(p.one->end_ticket({"bb", 300}, 10));
  CHECK(have(p.other->version()) > before);
  CHECK(have(p.other->list()).ended == std::vector<store::ended_ticket>{{"aa", 100}, {"bb", 300}});
  REQUIRE(p.other->end_ticket({"cc", 400}, 200));
  CHECK(have(p.one->list()).ended == std::vector<store::ended_ticket>{{"bb", 300}, {"cc", 400}});
}

TEST_CASE("the first candidate is the secret of all") {
  two_processes p;
  CHECK(have(p.one->ticket_secret("one")) == "one");
  CHECK(have(p.other->ticket_secret("two")) == "one");
}

TEST_CASE("of the events the newest stay, newest first") {
  two_processes p;
  std::vector<store::access_event> events;
  for (int i = 0; i < 10; ++i)
    events.push_back({i, "it's " + std::to_string(i), "login", "127.0.0.1", "ok"});
  REQUIRE(p.one->note(std::span(events).first(7), 5));
  auto kept = have(p.other->events(100));
  REQUIRE(kept.size() == 5);
  CHECK(kept.front() == events[6]);
  CHECK(kept.back() == events[2]);
  REQUIRE(p.other->note(std::span(events).subspan(7), 5));
  kept = have(p.one->events(2));
  CHECK(kept == std::vector{events[9], events[8]});
}

TEST_CASE("scopes as text") {
  CHECK(*store::parse_scopes("read") == 1);
  CHECK(*store::parse_scopes("replay,read") == 3);
  CHECK(store::scopes_text(3) == "read,replay");
  CHECK(store::scopes_text(store::all_scopes) == "read,replay,admin");
  for (const auto* wrong : {"", "write", "read,,replay", "READ", "read, replay"}) {
    const auto no = store::parse_scopes(wrong);
    REQUIRE_FALSE(no);
    CHECK(no.error().code == errc::usage);
  }
}

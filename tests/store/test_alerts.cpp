#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/store/any_store.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using store::alert_batch;
using store::alert_position;
using store::alert_progress;
using store::alert_row;
using store::alert_rule;
using store::hook_state;

namespace {

constexpr store::alert_limits plenty{100, 100};

template <class T>
T have(result<T> r) {
  REQUIRE_MESSAGE(r, r.error().message);
  return std::move(*r);
}

struct two_processes {
  std::unique_ptr<any_store> files = make_store();
  std::unique_ptr<store::alert_book> one = have(files->alerts());
  std::unique_ptr<store::alert_book> other = have(files->alerts());
};

alert_rule rule_named(const std::string& name, const std::string& owner = "key:3") {
  alert_rule r;
  r.owner = owner;
  r.name = name;
  r.key = "tick:NSE:INFY";
  r.condition = "last_price > 1500.05";
  r.repeat = "each";
  r.quiet = 5;
  r.token = 408065;
  r.ends = 123456789;
  r.made = 1'000;
  r.after = {2, 77};
  return r;
}

alert_row alert_of(const alert_rule& r, std::uint64_t seq) {
  alert_row a;
  a.id =
      std::to_string(r.id) + "-" + std::to_string(r.version) + "-1-" + std::to_string(seq) + "-0";
  a.rule = r.id;
  a.version = r.version;
  a.owner = r.owner;
  a.name = r.name;
  a.key = r.key;
  a.condition = r.condition;
  a.cause = {{1, seq}, 4};
  a.at = static_cast<market::timestamp>(seq) * 1'000;
  a.made = 99;
  a.left_out = 2;
  a.values = R"({"last_price":"1500.1"})";
  a.webhook = r.webhook;
  a.hook = r.webhook.empty() ? hook_state::none : hook_state::pending;
  return a;
}

struct commit_of {
  std::uint64_t version = 0;
  std::vector<alert_position> expected{};
  std::vector<alert_position> positions{};
  std::vector<alert_progress> progress{};
  std::vector<alert_row> alerts{};

  result<bool> to(store::alert_book& book) const {
    return book.commit({version, expected, positions, progress, alerts});
  }
};

/// What the store holds of them, without the places.
std::vector<std::string> ids(const std::vector<alert_row>& rows) {
  std::vector<std::string> all;
  for (const auto& r : rows) all.push_back(r.id);
  return all;
}
using list = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "a rule that one process makes the other sees, with all that it is, under a new version") {
  two_processes p;
  const auto before = have(p.other->version());
  auto r = rule_named("it's \"mine\"; --");
  r.revisions = true;
  r.webhook = "https://hooks.example/a?b=c";
  const auto made = have(p.one->add_rule(r, plenty));
  CHECK(made.id > 0);
  CHECK(made.version == 1);
  CHECK(have(p.other->version()) > before);
  const auto found = have(p.other->rules("key:3"));
  REQUIRE(found.size() == 1);
  CHECK(found[0].rule == made);
  CHECK_FALSE(found[0].progress);
  CHECK_FALSE(found[0].superseded);
  CHECK(have(p.other->rules("key:4")).empty());
  CHECK(have(p.other->rules(std::nullopt)).size() == 1);
  CHECK(have(p.other->rule(made.id))->rule == made);
  CHECK_FALSE(have(p.other->rule(made.id + 1)));
  CHECK(have(p.other->evaluated_rules()).empty());
}

TEST_CASE(
    "a change is a new version of what is newest; what was deleted is no more, nor is its id") {
  two_processes p;
  const auto first = have(p.one->add_rule(rule_named("a"), plenty));
  auto next = first;
  next.condition = "last_price > 2";
  next.after = {2, 99};
  const auto second = have(p.other->change_rule(next, plenty));
  CHECK(second.version == 2);
  const auto twice = p.one->change_rule(next, plenty);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code == errc::conflict);
  CHECK(have(p.one->rules("key:3")).size() == 1);
  CHECK(have(p.one->rule(first.id))->rule == second);

  auto gone = second;
  gone.deleted = true;
  have(p.one->change_rule(gone, plenty));
  CHECK(have(p.one->rules("key:3")).empty());
  CHECK_FALSE(have(p.one->rule(first.id)));
  gone.version = 3;
  CHECK(p.one->change_rule(gone, plenty).error().code == errc::not_found);
  CHECK(have(p.one->add_rule(rule_named("b"), plenty)).id > first.id);
}

TEST_CASE("an owner has so many rules and webhooks; others', and those deleted, do not count") {
  two_processes p;
  const store::alert_limits limits{2, 1};
  auto hooked = rule_named("a");
  hooked.webhook = "https://x.example/";
  const auto first = have(p.one->add_rule(hooked, limits));
  CHECK(p.one->add_rule(hooked, limits).error().code == errc::full);
  const auto second = have(p.one->add_rule(rule_named("b"), limits));
  const auto third = p.other->add_rule(rule_named("c"), limits);
  REQUIRE_FALSE(third);
  CHECK(third.error().code == errc::full);
  CHECK(third.error().message.find("alerts.max_rules") != std::string::npos);
  have(p.other->add_rule(rule_named("c", "user:1"), limits));
  // A change is none more.
  CHECK(have(p.one->change_rule(first, limits)).version == 2);
  auto with = second;
  with.webhook = hooked.webhook;
  CHECK(p.one->change_rule(with, limits).error().code == errc::full);
  auto gone = second;
  gone.deleted = true;
  have(p.one->change_rule(gone, limits));
  have(p.one->add_rule(rule_named("d"), limits));
}

TEST_CASE("alerts, what rules remember and positions are committed together, and once") {
  two_processes p;
  const auto r = have(p.one->add_rule(rule_named("a"), plenty));
  const list streams{"md:ticks", "md:bars:final.1m"};
  auto loaded = have(p.one->load(streams));
  REQUIRE(loaded.positions.size() == 2);
  CHECK_FALSE(loaded.positions[0]);
  REQUIRE(loaded.rules.size() == 1);
  const alert_position none{"md:ticks", {}, {}};
  const alert_position at{"md:ticks", {1, 10}, {1, 10}};
  const alert_position bars{"md:bars:final.1m", {1, 2}, {1, 9}};
  commit_of first{loaded.version,
                  {none, store::no_alert_position("md:bars:final.1m")},
                  {at, bars},
                  {{r.id, 1, {1, 3}, {}, "1w?"}},
                  {alert_of(r, 5), alert_of(r, 8)}};
  CHECK(have(first.to(*p.one)));
  // Whoever was overtaken writes nothing.
  CHECK_FALSE(have(first.to(*p.other)));
  auto stored = have(p.other->alerts({}));
  REQUIRE(stored.size() == 2);
  CHECK(stored[0].n < stored[1].n);
  auto expected = alert_of(r, 5);
  expected.n = stored[0].n;
  CHECK(stored[0] == expected);
  CHECK(have(p.other->newest()) == stored[1].n);

  loaded = have(p.other->load(streams));
  CHECK(loaded.positions[0] == at);
  CHECK(loaded.positions[1] == bars);
  REQUIRE(loaded.rules.size() == 1);
  CHECK(loaded.rules[0].progress == alert_progress{r.id, 1, {1, 3}, {}, "1w?"});
  // The same alert again is the same.
  const alert_position later{"md:ticks", {1, 20}, {1, 20}};
  CHECK(have(commit_of{loaded.version,
                       {at},
                       {later},
                       {{r.id, 1, {1, 3}, {}, "1wy"}},
                       {alert_of(r, 8), alert_of(r, 12)}}
                 .to(*p.other)));
  stored = have(p.one->alerts({}));
  CHECK(ids(stored) == list{alert_of(r, 5).id, alert_of(r, 8).id, alert_of(r, 12).id});
  CHECK(stored[2].n == stored[1].n + 1);
  CHECK(have(p.one->load(streams)).rules[0].progress->state == "1wy");
  CHECK(have(p.one->evaluated_rules()).size() == 1);
}

TEST_CASE("nothing is committed by rules that were changed meanwhile") {
  two_processes p;
  const auto r = have(p.one->add_rule(rule_named("a"), plenty));
  const auto version = have(p.one->version());
  have(p.other->add_rule(rule_named("b"), plenty));
  const commit_of c{version, {}, {{"md:ticks", {1, 1}, {1, 1}}}, {}, {alert_of(r, 1)}};
  CHECK_FALSE(have(c.to(*p.one)));
  CHECK(have(p.one->alerts({})).empty());
  CHECK_FALSE(have(p.one->load(list{"md:ticks"})).positions[0]);
}

TEST_CASE("what is loaded: versions that are enabled, until their ends are behind") {
  two_processes p;
  const auto first = have(p.one->add_rule(rule_named("a"), plenty));
  auto off = first;
  off.enabled = false;
  off.after = {2, 100};
  have(p.one->change_rule(off, plenty));
  const list streams{"md:ticks"};
  auto loaded = have(p.one->load(streams));
  REQUIRE(loaded.rules.size() == 1);
  CHECK(loaded.rules[0].rule == first);
  CHECK(loaded.rules[0].superseded == record::position{2, 100});
  const alert_position none = store::no_alert_position("md:ticks");
  const alert_position at{"md:ticks", {2, 90}, {2, 90}};
  CHECK(have(commit_of{
      loaded.version, {none}, {at}, {{first.id, 1, {2, 77}, record::position{2, 100}, "x"}}, {}}
                 .to(*p.one)));
  CHECK(have(p.one->load(streams)).rules.size() == 1);
  const alert_position behind{"md:ticks", {2, 100}, {2, 100}};
  CHECK(have(commit_of{loaded.version, {at}, {behind}, {}, {}}.to(*p.one)));
  CHECK(have(p.one->load(streams)).rules.empty());
  CHECK(have(p.one->evaluated_rules()).size() == 1);
}

TEST_CASE("alerts are found by owner and rule, and page by place") {
  two_processes p;
  const auto mine = have(p.one->add_rule(rule_named("a"), plenty));
  const auto also = have(p.one->add_rule(rule_named("b"), plenty));
  const auto others = have(p.one->add_rule(rule_named("c", "user:1"), plenty));
  commit_of c{have(p.one->version())};
  for (std::uint64_t i = 1; i <= 5; ++i)
    for (const auto& r : {mine, others, also}) c.alerts.push_back(alert_of(r, i));
  CHECK(have(c.to(*p.one)));
  CHECK(have(p.other->alerts({})).size() == 15);
  CHECK(have(p.other->alerts({"key:3"})).size() == 10);
  CHECK(have(p.other->alerts({"user:1", mine.id})).empty());
  list seen;
  std::uint64_t after = 0;
  for (;;) {
    const auto page = have(p.other->alerts({"key:3", mine.id, after, 2}));
    if (page.empty()) break;
    for (const auto& a : page) seen.push_back(a.id);
    after = page.back().n;
  }
  CHECK(seen.size() == 5);
  const auto newest = have(p.other->alerts({"key:3", mine.id, 0, 2, true}));
  CHECK(ids(newest) == list{alert_of(mine, 4).id, alert_of(mine, 5).id});
}

TEST_CASE("a webhook is claimed by one at a time, comes again when nobody settles it, and ends") {
  two_processes p;
  auto r = rule_named("a");
  r.webhook = "https://x.example/";
  const auto hooked = have(p.one->add_rule(r, plenty));
  r.webhook = "https://y.example/";
  const auto slow = have(p.one->add_rule(r, plenty));
  commit_of c{have(p.one->version())};
  for (std::uint64_t i = 1; i <= 3; ++i) c.alerts.push_back(alert_of(hooked, i));
  c.alerts.push_back(alert_of(slow, 1));
  CHECK(have(c.to(*p.one)));
  CHECK(have(p.one->count_pending_hooks()) == 4);
  const list without{slow.webhook};
  const auto first = have(p.one->claim_hooks(1'000, 5'000, 2, without));
  CHECK(ids(first) == list{alert_of(hooked, 1).id, alert_of(hooked, 2).id});
  const auto second = have(p.other->claim_hooks(1'000, 5'000, 10, without));
  CHECK(ids(second) == list{alert_of(hooked, 3).id});
  CHECK(have(p.other->claim_hooks(4'999, 9'000, 10, without)).empty());
  CHECK(ids(have(p.other->claim_hooks(4'999, 6'000, 10, {}))) == list{alert_of(slow, 1).id});

  const std::vector<store::hook_outcome> outcomes{
      {first[0].n, hook_state::delivered, 0, "answered 200"},
      {first[1].n, hook_state::pending, 7'000, "it's away"},
      {second[0].n, hook_state::pending, 2'000, "", false}};
  REQUIRE(p.other->settle_hooks(outcomes));
  CHECK(have(p.one->count_pending_hooks()) == 3);
  const auto again = have(p.one->claim_hooks(2'000, 8'000, 10, without));
  REQUIRE(again.size() == 1);
  CHECK(again[0].id == second[0].id);
  CHECK(again[0].attempts == 0);
  auto rows = have(p.one->alerts({"key:3", hooked.id}));
  CHECK(rows[0].hook == hook_state::delivered);
  CHECK(rows[0].attempts == 1);
  CHECK(rows[0].outcome == "answered 200");
  CHECK(rows[1].hook == hook_state::pending);
  CHECK(rows[1].next_attempt == 7'000);
  CHECK(rows[1].outcome == "it's away");
  // Not settled: it is due again when its claim is over.
  CHECK(ids(have(p.other->claim_hooks(8'000, 9'000, 10, without))) ==
        list{first[1].id, second[0].id});
  // What is delivered stays so.
  REQUIRE(p.one->settle_hooks(
      std::vector<store::hook_outcome>{{first[0].n, hook_state::given_up, 0, "late"}}));
  rows = have(p.one->alerts({"key:3", hooked.id}));
  CHECK(rows[0].hook == hook_state::delivered);
}

TEST_CASE("places are seen in the order in which they are given, however many write") {
  two_processes p;
  const auto r = have(p.one->add_rule(rule_named("a"), plenty));
  const auto version = have(p.one->version());
  constexpr std::uint64_t each = 20;
  std::vector<std::unique_ptr<store::alert_book>> books;
  for (int i = 0; i < 3; ++i) books.push_back(have(p.files->alerts()));
  std::vector<std::thread> writers;
  for (std::size_t w = 0; w < books.size(); ++w) {
    writers.emplace_back([&, w] {
      for (std::uint64_t i = 0; i < each; ++i) {
        commit_of c{version, {}, {}, {}, {alert_of(r, 1000 * (w + 1) + i)}};
        while (!c.to(*books[w])) {
        }
      }
    });
  }
  std::vector<std::uint64_t> places;
  while (places.size() < each * books.size()) {
    const auto page = p.other->alerts({{}, {}, places.empty() ? 0 : places.back(), 7});
    if (!page) continue;
    for (const auto& a : *page) places.push_back(a.n);
  }
  for (auto& w : writers) w.join();
  for (std::size_t i = 0; i < places.size(); ++i) CHECK(places[i] == i + 1);
}

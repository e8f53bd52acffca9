#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

#include "actors/session/fan_out.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using actors::fan_out;
using messages::batch;
using std::chrono::milliseconds;

namespace {

const fan_out::clock::time_point start{std::chrono::hours(1)};

fan_out::wanted want(std::uint64_t key, milliseconds every = {},
                     messages::format format = messages::format::json) {
  return {key, actors::make_style(format, false, std::to_string(key)), every};
}

/// A fan-out and what its members got.
struct world {
  fan_out out;
  std::map<fan_out::member, std::string> got;
  std::map<fan_out::member, messages::batch_ptr> last;
  int encoded = 0;

  void join(fan_out::member m, const std::vector<fan_out::wanted>& keys,
            messages::format format = messages::format::json) {
    flush();
    out.subscribe(m, format, keys);
  }
  void publish(std::uint64_t key, const std::string& text, batch::kind kind = batch::kind::value,
               fan_out::clock::time_point now = start) {
    out.publish(key, kind, now, [&](std::string& to, const actors::message_style&) {
      ++encoded;
      to += text;
    });
  }
  std::size_t flush() {
    return out.flush(nullptr, [this](fan_out::member m, const messages::batch_ptr& b) {
      last[m] = b;
      std::size_t size = 0;
      for (const auto& i : b->items) {
        CHECK(i.offset == size);
        size += i.size;
      }
      CHECK(size == b->bytes->size());
      got[m] += *b->bytes;
    });
  }
};

}  // namespace

TEST_CASE("those who want the same get one batch, and every message is encoded once") {
  world w;
  w.join(1, {want(10), want(11)});
  w.join(2, {want(11)});
  w.join(2, {want(10)});
  w.join(3, {want(11)});
  CHECK(w.out.audiences() == 2);
  w.publish(10, "a");
  w.publish(11, "b");
  w.publish(12, "nobody");
  CHECK(w.flush() == 5);
  CHECK(w.encoded == 2);
  CHECK(w.last[1] == w.last[2]);
  CHECK(w.got[1] == "ab");
  CHECK(w.got[3] == "b");
}

TEST_CASE("each style is encoded for itself, whatever the rates in it") {
  world w;
  w.join(1, {want(10)});
  w.join(2, {want(10, milliseconds(50))});
  w.join(3, {want(10, {}, messages::format::binary)}, messages::format::binary);
  w.publish(10, "a");
  w.flush();
  CHECK(w.encoded == 2);
  for (fan_out::member m = 1; m <= 3; ++m) CHECK(w.got[m] == "a");
}

TEST_CASE("a value may go every so often, the newest when it is time; records go at once") {
  world w;
  w.join(1, {want(10, milliseconds(100))});
  w.publish(10, "a");
  w.publish(10, "b", batch::kind::value, start + milliseconds(10));
  w.publish(10, "!", batch::kind::record, start + milliseconds(20));
  w.publish(10, "c", batch::kind::value, start + milliseconds(99));
  w.flush();
  CHECK(w.got[1] == "a!");
  CHECK(w.out.next_due() == start + milliseconds(100));
  const auto newest = [](std::string& to, std::uint64_t, const actors::message_style&) {
    to += "c";
    return true;
  };
  w.out.publish_due(start + milliseconds(99), newest);
  w.flush();
  CHECK(w.got[1] == "a!");
  w.out.publish_due(start + milliseconds(100), newest);
  w.flush();
  CHECK(w.got[1] == "a!c");
  CHECK(w.out.next_due() == fan_out::clock::time_point::max());
  w.publish(10, "d", batch::kind::value, start + milliseconds(199));
  w.publish(10, "e", batch::kind::value, start + milliseconds(500));
  w.flush();
  CHECK(w.got[1] == "a!c");
  REQUIRE(w.out.counts(1).size() == 1);
  CHECK(w.out.counts(1)[0].published == 3);
  w.out.unsubscribe(1, std::vector<std::uint64_t>{10});
  CHECK(w.out.next_due() == fan_out::clock::time_point::max());
}

TEST_CASE("whoever comes and goes, each gets what he wants and nothing is left of him") {
  world w;
  std::mt19937 random(7);
  std::map<fan_out::member, std::set<std::uint64_t>> wanted;
  std::map<fan_out::member, std::string> expected;
  for (int step = 0; step < 20'000; ++step) {
    const auto m = static_cast<fan_out::member>(random() % 40);
    const std::uint64_t key = 1 + random() % 6;
    switch (random() % 5) {
      case 0:
      case 1:
        w.join(m, {want(key)});
        wanted[m].insert(key);
        break;
      case 2:
        w.flush();
        CHECK(w.out.unsubscribe(m, std::vector<std::uint64_t>{key}).size() == wanted[m].erase(key));
        break;
      case 3:
        w.flush();
        CHECK(w.out.forget(m).size() == wanted[m].size());
        wanted.erase(m);
        break;
      default: {
        const auto text = std::to_string(step) + " ";
        w.publish(key, text);
        for (const auto& [who, keys] : wanted)
          if (keys.contains(key)) expected[who] += text;
      }
    }
  }
  w.flush();
  for (const auto& [who, text] : expected) CHECK((w.got[who] == text));
  std::set<std::set<std::uint64_t>> different;
  for (const auto& [who, keys] : wanted)
    if (!keys.empty()) different.insert(keys);
  CHECK(w.out.audiences() == different.size());
  for (const auto& [who, keys] : wanted) w.out.forget(who);
  CHECK(w.out.audiences() == 0);
  CHECK(w.out.members() == 0);
  for (std::uint64_t key = 1; key <= 6; ++key) CHECK_FALSE(w.out.has(key));
}

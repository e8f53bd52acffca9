#include <doctest/doctest.h>

#include <map>

#include "actors/session/outbox.hpp"

using namespace artham;  // NOLINT(google-build-using-namespace)
using actors::delivery_policy;
using actors::outbox;
using messages::batch;

namespace {

struct message {
  std::uint64_t key;
  batch::kind kind;
  std::string bytes;
};

batch of(const std::vector<message>& list) {
  batch b;
  std::string bytes;
  for (const auto& m : list) {
    b.items.push_back({m.key, static_cast<std::uint32_t>(bytes.size()),
                       static_cast<std::uint32_t>(m.bytes.size()), m.kind});
    bytes += m.bytes;
  }
  b.bytes = std::make_shared<const std::string>(std::move(bytes));
  return b;
}

struct held {
  std::map<std::uint64_t, outbox::subscription> keys;
  outbox box;
  outbox::subscription_of find = [this](std::uint64_t key) -> outbox::subscription* {
    const auto it = keys.find(key);
    return it == keys.end() ? nullptr : &it->second;
  };

  std::string all() {
    std::string out;
    while (!box.empty()) {
      out += std::string(box.front().bytes()) + " ";
      box.pop(find);
    }
    return out;
  }
};

}  // namespace

TEST_CASE("of values that wait the newest is kept, behind all that may not be left out") {
  held h;
  h.keys[1];
  h.keys[2].policy = delivery_policy::all;
  h.box.hold(of({{1, batch::kind::value, "a1"}, {2, batch::kind::value, "b1"}}), h.find);
  h.box.hold(of({{1, batch::kind::value, "a2"},
                 {0, batch::kind::event, "gap"},
                 {2, batch::kind::value, "b2"},
                 {3, batch::kind::record, "unwanted"}}),
             h.find);
  CHECK(h.keys[1].conflated == 1);
  CHECK(h.keys[1].waiting == 1);
  CHECK(h.keys[2].waiting == 2);
  CHECK(h.box.conflated() == 1);
  CHECK(h.all() == "b1 gapb2 a2 ");
  CHECK(h.keys[1].waiting == 0);
  CHECK(h.keys[2].waiting == 0);
  CHECK(h.box.bytes() == 0);
}

TEST_CASE("a finished bar makes the unfinished one that waits worthless, a state does not") {
  held h;
  h.keys[1];
  h.box.hold(of({{1, batch::kind::value, "live"}, {1, batch::kind::event, "state"}}), h.find);
  CHECK(h.all() == "state live ");
  h.box.hold(of({{1, batch::kind::value, "live"}, {1, batch::kind::record, "final"}}), h.find);
  CHECK(h.keys[1].conflated == 1);
  CHECK(h.all() == "final ");
  h.box.hold(of({{1, batch::kind::record, "final"}, {1, batch::kind::value, "live"}}), h.find);
  CHECK(h.all() == "final live ");
  h.box.hold(of({{1, batch::kind::value, "live"}}), h.find);
  h.box.drop(1);
  CHECK(h.box.empty());
  CHECK(h.box.bytes() == 0);
}

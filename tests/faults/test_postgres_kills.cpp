#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/in_postgres.hpp"
#include "tests/faults/store_points.hpp"
#include "tests/support/eventually.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> timeframes{"5s", "30s", "1m"};

const std::string failing_program =
    fs::path(artham::test::program()).parent_path() / "artham_failpoints";

bool eventually(const std::function<bool()>& condition) {
  return artham::test::eventually(condition, std::chrono::seconds(60));
}

/// All its threads stand still.
bool is_held(const process& p) {
  const auto stat = artham::test::read_file("/proc/" + std::to_string(p.pid()) + "/stat");
  const auto name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.size() > name_end + 2 && stat[name_end + 2] == 'T';
}

std::uint64_t ticks_of(const json& status) {
  return status.is_object() ? status.value("ticks_received", std::uint64_t{0}) : 0;
}

bool goes_on(const json& status, std::uint64_t ticks) {
  return ticks_of(status) >= ticks && !store_waits(status);
}

/// A data directory, a database, and the exchange that fills both.
class trial {
 public:
  trial(postgres_server& server, const std::string& layout)
      : server_(server),
        exchange_({artham::test::program(), "exchange", "--synthetic", "20", "--speed", "40",
                   "--every-second", "--date", "2026-11-20"}) {
    static int number = 0;
    db_ = {&server, "trial" + std::to_string(++number), layout};
    server.create_database(db_.name);
    const auto url = exchange_.line();
    REQUIRE(url);
    options_ = db_.settings();
    for (const auto& s :
         {std::string("exchange.chains=false"), std::string("feed.backoff_min=50ms"),
          std::string("bars.timeframes=5s 30s 1m"), "feed.url=" + *url})
      options_.insert(options_.end(), {"--set", s});
  }
  ~trial() { server_.sql("DROP DATABASE " + db_.name + " WITH (FORCE)", "postgres"); }
  trial(const trial&) = delete;
  trial& operator=(const trial&) = delete;

  /// The program that passes the point for the n-th time and ends there, or stands there.
  void run_into(const std::string& point) {
    std::vector<std::string> args{failing_program, "run", "--data", data(), "--set", "web.port=0"};
    args.insert(args.end(), options_.begin(), options_.end());
    setenv("ARTHAM_FAILPOINT", point.c_str(), 1);
    at_point_.emplace(args);
    unsetenv("ARTHAM_FAILPOINT");
  }

  void ends_at(const std::string& point) {
    run_into(point);
    const auto ended = at_point_->wait_for(std::chrono::seconds(60));
    REQUIRE_MESSAGE(ended, "not reached: " << at_point_->errors());
    REQUIRE_MESSAGE(*ended == 128 + SIGKILL, at_point_->errors());
  }

  /// The server is killed while the program stands at the point; that goes on with the next one.
  void loses_server_at(const std::string& point) {
    run_into(point + ":hold");
    REQUIRE_MESSAGE(eventually([&] { return is_held(*at_point_); }),
                    "not reached: " << at_point_->errors());
    server_.kill();
    at_point_->signal(SIGCONT);
    const auto url = at_point_->line();
    REQUIRE_MESSAGE(url, at_point_->errors());
    const auto status = [&] {
      return json::parse(http_get(port_of(*url), "/v1/status").body, nullptr, false);
    };
    CHECK(eventually([&] { return store_waits(status()); }));
    server_.start();
    const auto before = ticks_of(status());
    CHECK_MESSAGE(eventually([&] { return goes_on(status(), before + 200); }), at_point_->errors());
    at_point_->signal(SIGTERM);
    CHECK(at_point_->wait() == 0);
  }

  /// An orderly run.
  void goes_on_for(std::uint64_t ticks) {
    node n(data(), options_);
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) { return goes_on(s, ticks); }),
                    n.process().errors());
    CHECK(n.stop() == 0);
  }

  /// A run that is killed.
  void is_killed_after(std::uint64_t ticks) {
    node n(data(), options_);
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) { return ticks_of(s) >= ticks; }),
                    n.process().errors());
    CHECK(n.stop(SIGKILL) == 128 + SIGKILL);
  }

  /// A run whose server is killed, is away for a while, and is used again.
  void loses_server_after(std::uint64_t ticks, std::uint64_t away) {
    node n(data(), options_);
    const auto received = [&](std::uint64_t so_many) {
      REQUIRE_MESSAGE(n.wait_for([&](const json& s) { return ticks_of(s) >= so_many; }),
                      n.process().errors());
    };
    received(ticks);
    server_.kill();
    received(ticks + away);
    server_.start();
    REQUIRE_MESSAGE(n.wait_for([&](const json& s) { return goes_on(s, ticks + away + 100); }),
                    n.process().errors());
    CHECK(n.stop() == 0);
  }

  void prove() { artham::test::prove(data(), db_, timeframes, options_); }

 private:
  [[nodiscard]] std::string data() const { return dir_ / "data"; }

  scratch dir_;
  postgres_server& server_;
  process exchange_;
  database db_;
  std::vector<std::string> options_;
  std::optional<process> at_point_;
};

std::string layout_of(std::uint64_t number) {
  return number % 2 == 0 ? "packed" : "rows";
}

/// Calls fn(point, layout): each point as often as ARTHAM_POSTGRES_SEEDS says, in both layouts by
/// turns.
template <class Fn>
void at_each_point(Fn&& fn) {
  const auto first = number("ARTHAM_POSTGRES_SEED", 1);
  const auto seeds = number("ARTHAM_POSTGRES_SEEDS", 1);
  for (auto seed = first; seed < first + seeds; ++seed) {
    std::mt19937_64 random(seed);
    auto turn = seed;
    for (const auto& p : store_points) {
      const auto point = std::string(p.name) + ":" + std::to_string(1 + random() % p.last);
      const auto layout = layout_of(turn++);
      INFO(point << ", " << layout << ", seed " << seed);
      fn(point, layout);
    }
  }
}

}  // namespace

TEST_CASE("killed anywhere in a transaction, the next start makes it good") {
  auto server = postgres_server::plain();
  at_each_point([&](const std::string& point, const std::string& layout) {
    trial t(server, layout);
    t.ends_at(point);
    t.goes_on_for(300);
    t.prove();
  });
}

TEST_CASE(
    "when the database is killed anywhere in a transaction, it is made good in its next run") {
  auto server = postgres_server::plain();
  at_each_point([&](const std::string& point, const std::string& layout) {
    trial t(server, layout);
    t.loses_server_at(point);
    t.prove();
  });
}

TEST_CASE("program and database killed by turns, at any moment") {
  // A market day of the exchange is long enough for so many.
  constexpr std::uint64_t on_one_directory = 20;
  const auto seed = number("ARTHAM_POSTGRES_SEED", 1);
  const auto kills = number("ARTHAM_POSTGRES_KILLS", 8);
  MESSAGE("seed " << seed << ", " << kills << " kills");
  std::mt19937_64 random(seed);
  auto server = postgres_server::plain();
  std::optional<trial> t;
  for (std::uint64_t i = 0; i < kills; ++i) {
    const auto in_this = i % std::min(on_one_directory, std::max<std::uint64_t>(kills / 2, 1));
    if (in_this == 0) {
      if (t) t->prove();
      t.emplace(server, layout_of(random()));
    }
    const auto ticks = 1 + random() % 600;
    INFO("kill " << i << " after " << ticks << " ticks");
    if (i % 2 == 0) {
      t->is_killed_after(ticks);
    } else {
      t->loses_server_after(ticks, random() % 300);
    }
  }
  t->prove();
}

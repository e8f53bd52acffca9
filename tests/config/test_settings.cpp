#include <doctest/doctest.h>

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <type_traits>

#include "config/settings.hpp"

using namespace artham;
using namespace artham::config;
using namespace artham::market;

namespace {

settings_sources from_file(std::string text) {
  settings_sources sources;
  sources.file = settings_file{"artham.toml", std::move(text), true};
  return sources;
}

settings_sources from_variable(std::string name, std::string value) {
  settings_sources sources;
  sources.environment = {{std::move(name), std::move(value)}};
  return sources;
}

settings_sources from_set(std::string argument) {
  settings_sources sources;
  sources.sets = {std::move(argument)};
  return sources;
}

settings loaded(const settings_sources& sources) {
  const auto s = load_settings(sources);
  REQUIRE_MESSAGE(s.has_value(), (s ? "" : s.error().message));
  return *s;
}

std::string refusal(const settings_sources& sources) {
  const auto s = load_settings(sources);
  REQUIRE_FALSE(s.has_value());
  CHECK(s.error().code == errc::usage);
  CHECK_FALSE(explain(sources).has_value());
  return s.error().message;
}

std::map<std::string, setting_origin> explained(const settings_sources& sources) {
  const auto list = explain(sources);
  REQUIRE(list.has_value());
  std::map<std::string, setting_origin> by_key;
  for (const auto& entry : *list) by_key[entry.key] = entry;
  CHECK(by_key.size() == list->size());
  return by_key;
}

template <class T, class = void>
struct can_be_streamed : std::false_type {};
template <class T>
struct can_be_streamed<
    T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>>
    : std::true_type {};
static_assert(!can_be_streamed<secret>::value);
static_assert(can_be_streamed<std::string>::value);
static_assert(!std::is_convertible_v<secret, std::string>);

}  // namespace

TEST_CASE("without any source the defaults are in force") {
  const auto s = loaded({});
  CHECK(s == settings{});
  CHECK(s.runtime.batch == 262'144);
  CHECK(s.ingest.clock_interval == 250 * millisecond);
  CHECK(s.bars.timeframes.size() == 10);
  CHECK(s.bridge.local.segment_bytes == 256LL * 1024 * 1024);
  CHECK(s.journal.retention == 0);
  CHECK(s.journal.reserve == 1LL << 30);
  CHECK(s.web.address == "127.0.0.1");
  CHECK(s.data.dir == "./artham-data");
}

TEST_CASE("default.toml names every setting, with the defaults and a comment above") {
  const auto text = std::string(default_settings_text());
  const auto sources = from_file(text);
  CHECK(loaded(sources) == settings{});
  for (const auto& [key, entry] : explained(sources)) {
    CAPTURE(key);
    CHECK(entry.origin.starts_with("artham.toml:"));
    const auto line = "\n" + key.substr(key.rfind('.') + 1) + " = ";
    REQUIRE(text.find(line) != std::string::npos);
    auto at = text.find(line);
    while (at != std::string::npos) {
      const auto previous = text.rfind('\n', at - 1) + 1;
      CHECK(text[previous] == '#');
      at = text.find(line, at + 1);
    }
  }
}

TEST_CASE("a flag goes before a variable, that before the file, that before the default") {
  auto sources = from_file("[web]\nport = 1\nmax_sessions = 2\naddress = \"::1\"\n");
  sources.environment = {{"ARTHAM_WEB__PORT", "3"}, {"ARTHAM_WEB__MAX_SESSIONS", "4"}};
  sources.sets = {"web.port=5", "web.port=6"};
  const auto s = loaded(sources);
  CHECK(s.web.port == 6);
  CHECK(s.web.max_sessions == 4);
  CHECK(s.web.address == "::1");
  CHECK(s.web.max_subscriptions == 1000);
  auto origins = explained(sources);
  CHECK(origins["web.port"].origin == "--set");
  CHECK(origins["web.port"].value == "6");
  CHECK(origins["web.max_sessions"].origin == "ARTHAM_WEB__MAX_SESSIONS");
  CHECK(origins["web.address"].origin == "artham.toml:4");
  CHECK(origins["web.address"].value == "\"::1\"");
  CHECK(origins["web.max_subscriptions"].origin == "default");
}

TEST_CASE("all forms of values, from each kind of source") {
  const auto s = loaded(from_file(R"toml(
runtime.log_level = "debug"
feed = { url = "wss://ws.kite.trade", clock = "host", silence = "900ms" }
[ingest]
instruments = ["NSE:NIFTY 50", "NFO:NIFTY26DECFUT", 256265]
mode = "ltp"
formulas = ["ATM = straddle(NIFTY, nearest)", "PAIR = 0.5 * NSE:INFY - [NSE:BAJAJ-AUTO]"]
[bars]
timeframes = ["1D", "60m", "5m"]
volume = "sizes"
quantity_scale = 8
[bridge.local]
sync_interval = "always"
compression = true
queue_bytes = 1048576
segment_bytes = "1GiB"
[store]
ticks = "table"
[exchange]
chains = false
speed = 2.5
)toml"));
  CHECK(s.runtime.log_level == "debug");
  CHECK(s.feed.url == "wss://ws.kite.trade");
  CHECK(s.feed.clock == clock_source::host);
  CHECK(s.feed.silence == 900 * millisecond);
  CHECK(s.ingest.instruments ==
        std::vector<std::string>{"NSE:NIFTY 50", "NFO:NIFTY26DECFUT", "256265"});
  CHECK(s.ingest.mode == tick_mode::ltp);
  CHECK(s.ingest.formulas == std::vector<std::string>{"ATM = straddle(NIFTY, nearest)",
                                                      "PAIR = 0.5 * NSE:INFY - [NSE:BAJAJ-AUTO]"});
  CHECK(loaded(from_set("ingest.formulas=A = straddle(NIFTY, nearest), B = NSE:INFY"))
            .ingest.formulas ==
        std::vector<std::string>{"A = straddle(NIFTY, nearest)", "B = NSE:INFY"});
  CHECK(s.bars.timeframes == parse_timeframes("5m 1h 1D").value());
  CHECK(s.bars.volume == volume_rule::sizes);
  CHECK(s.bars.quantity_scale == 8);
  CHECK(s.bridge.local.sync_interval == 0);
  CHECK(s.bridge.local.compression);
  CHECK(s.bridge.local.queue_bytes == 1'048'576);
  CHECK(s.bridge.local.segment_bytes == 1'073'741'824);
  CHECK(s.store.ticks == tick_storage::table);
  CHECK_FALSE(s.exchange.chains);
  CHECK(s.exchange.speed == doctest::Approx(2.5));

  CHECK(loaded(from_variable("ARTHAM_BRIDGE__LOCAL__SYNC_INTERVAL", "10ms"))
            .bridge.local.sync_interval == 10 * millisecond);
  CHECK(
      loaded(from_variable("ARTHAM_BRIDGE__LOCAL__COMPRESSION", "true")).bridge.local.compression);
  CHECK(loaded(from_set("ingest.instruments=NSE:NIFTY 50, 256265")).ingest.instruments ==
        std::vector<std::string>{"NSE:NIFTY 50", "256265"});
  CHECK(loaded(from_set("ingest.instruments=")).ingest.instruments.empty());
  CHECK(loaded(from_set("bars.timeframes=1m,5m")).bars.timeframes.size() == 2);
  CHECK(loaded(from_set("exchange.speed=max")).exchange.speed == 0);
  CHECK(loaded(from_set("data.dir=/a=b")).data.dir == "/a=b");
  CHECK(loaded(from_set("web.max_frame=2048")).web.max_frame == 2048);
  CHECK(loaded(from_file("exchange.speed = 10")).exchange.speed == doctest::Approx(10));
}

TEST_CASE("an unknown key names its origin and the nearest known key") {
  CHECK(refusal(from_file("[web]\n\nprot = 1\n")) ==
        "artham.toml:3: unknown setting 'web.prot'; did you mean 'web.port'?");
  CHECK(
      refusal(from_file("[wbe]\nport = 1\n")).starts_with("artham.toml:1: unknown setting 'wbe'"));
  CHECK(refusal(from_file("port = 1\n")).find("did you mean 'web.port'?") != std::string::npos);
  CHECK(refusal(from_file("[bridge.kafka]\nurl = \"x\"\n"))
            .starts_with("artham.toml:1: unknown setting 'bridge.kafka'"));
  CHECK(refusal(from_variable("ARTHAM_RUNTIME__THREAD", "1")) ==
        "ARTHAM_RUNTIME__THREAD: unknown setting 'runtime.thread'; did you mean "
        "ARTHAM_RUNTIME__THREADS?");
  CHECK(refusal(from_variable("ARTHAM_WEB_PORT", "1")) ==
        "ARTHAM_WEB_PORT: unknown setting 'web_port'; did you mean ARTHAM_WEB__PORT?");
  CHECK(refusal(from_variable("ARTHAM_BRIDGE__LOCAL_LINGER", "1"))
            .find("did you mean ARTHAM_BRIDGE__LOCAL__LINGER?") != std::string::npos);
  CHECK(refusal(from_set("bars.latenes=1s")) ==
        "--set: unknown setting 'bars.latenes'; did you mean 'bars.lateness'?");
  CHECK(refusal(from_set("qqqqqqqqqqqqqqqqqqqq=1")).find("artham doctor") != std::string::npos);
  CHECK(refusal(from_set("web.port")) == "--set web.port: expected section.key=value");
}

TEST_CASE("variables of others are left alone") {
  settings_sources sources;
  sources.environment = {{"PATH", "/bin"},
                         {"ARTHAM_SERVICE_HOST", "10.0.0.1"},
                         {"ARTHAM_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                         {"XARTHAM_WEB__PORT", "1"}};
  CHECK(loaded(sources) == settings{});
}

TEST_CASE("wrong types and ranges say what is accepted") {
  CHECK(refusal(from_file("[runtime]\nthreads = 65\n")) ==
        "artham.toml:2: runtime.threads must be a whole number from 1 to 64, not '65'");
  CHECK(refusal(from_file("[runtime]\nthreads = \"2\"\n")).find("not '2'") != std::string::npos);
  CHECK(refusal(from_file("[runtime]\nthreads = 2.0\n")).find("whole number") != std::string::npos);
  CHECK(refusal(from_file("[runtime.threads]\nx = 1\n")).find("not something else") !=
        std::string::npos);
  CHECK(refusal(from_variable("ARTHAM_WEB__PORT", "65536")) ==
        "ARTHAM_WEB__PORT: web.port must be a whole number from 0 to 65535, not '65536'");
  CHECK(refusal(from_set("ingest.clock_interval=250")) ==
        "--set: ingest.clock_interval must be a duration from \"10ms\" to \"1m\", not '250'");
  CHECK(refusal(from_file("ingest.clock_interval = 250")).find("a duration") != std::string::npos);
  CHECK(refusal(from_set("bridge.local.sync_interval=never")).find("not 'never' (or \"always\")") !=
        std::string::npos);
  CHECK(refusal(from_set("bridge.local.segment_bytes=1")) ==
        "--set: bridge.local.segment_bytes must be a size from \"64KiB\" to \"64GiB\", not '1'");
  CHECK(refusal(from_set("bridge.local.segment_bytes=99999999999999GiB")).find("a size") !=
        std::string::npos);
  CHECK(refusal(from_set("bridge.local.compression=yes")) ==
        "--set: bridge.local.compression must be true or false, not 'yes'");
  CHECK(refusal(from_set("feed.clock=kite")) ==
        "--set: feed.clock must be one of \"auto\", \"host\", \"exchange\", not 'kite'");
  CHECK(refusal(from_set("store.kind=redis")) ==
        "--set: store.kind must be one of \"sqlite\", \"postgres\", not 'redis'");
  CHECK(refusal(from_set("feed.url=http://x")).find("ws:// or wss://") != std::string::npos);
  CHECK(refusal(from_set("feed.url=ws://")).find("ws:// or wss://") != std::string::npos);
  CHECK(refusal(from_set("web.address=localhost")).find("an IP address") != std::string::npos);
  CHECK(refusal(from_set("ingest.instruments=NSE:INFY,INFY")).find("\"NSE:INFY\"") !=
        std::string::npos);
  CHECK(refusal(from_set("ingest.formulas=A = 7"))
            .find("ingest.formulas is refused: formula 'A = 7'") != std::string::npos);
  CHECK(refusal(from_file("ingest.formulas = \"A = NSE:INFY\"")).find("a list such as") !=
        std::string::npos);
  CHECK(refusal(from_set("bars.timeframes=60m 1h")).find("listed twice") != std::string::npos);
  CHECK(refusal(from_set("bars.timeframes=1m 0t")).find("timeframe '0t'") != std::string::npos);
  CHECK(refusal(from_set("bars.timeframes=1W")).find("timeframe '1W'") != std::string::npos);
  for (const auto* speed : {"0", "-1", "fast", "inf", "nan", ""}) {
    CHECK(refusal(from_set("exchange.speed=" + std::string(speed))).find("\"max\"") !=
          std::string::npos);
  }
  CHECK(refusal(from_set("data.dir=")).find("data.dir must be a path") != std::string::npos);
  CHECK(refusal(from_set("feed.backoff_min=2m")) ==
        "default: feed.backoff_max must be at least feed.backoff_min, which is 2m (--set), not "
        "1m");
  CHECK(refusal(from_set("supervisor.backoff_max=1ms")).find("supervisor.backoff_min") !=
        std::string::npos);
  CHECK(refusal(from_file("[web\nport = 1")).starts_with("artham.toml:1: "));
  CHECK(refusal(from_file("[web]\nport = 1\nport = 2\n")).starts_with("artham.toml:3: "));
}

TEST_CASE("a secret is accepted from private places only and never shown") {
  const std::string hidden = "s3cr3t-value";
  for (auto sources : {from_variable("ARTHAM_FEED__API_SECRET", hidden),
                       from_file("feed.api_secret = \"" + hidden + "\"")}) {
    CHECK(loaded(sources).feed.api_secret.reveal() == hidden);
    for (const auto& [key, entry] : explained(sources)) {
      CHECK(entry.value.find(hidden) == std::string::npos);
      CHECK(entry.origin.find(hidden) == std::string::npos);
    }
    CHECK(explained(sources)["feed.api_secret"].value == "(set, not shown)");
    CHECK(canonical_text(loaded(sources)).find(hidden) == std::string::npos);
  }
  CHECK(explained({})["feed.api_secret"].value == "(not set)");

  const auto flag = refusal(from_set("feed.api_secret=" + hidden));
  CHECK(flag.find("ARTHAM_FEED__API_SECRET") != std::string::npos);
  CHECK(flag.find(hidden) == std::string::npos);

  auto open = from_file("feed.api_secret = \"" + hidden + "\"");
  open.file->owner_only = false;
  CHECK(refusal(open).find("chmod 600 artham.toml") != std::string::npos);
  CHECK(refusal(open).find(hidden) == std::string::npos);
  const auto wrong = refusal(from_file("feed.api_secret = 123456"));
  CHECK(wrong.find("123456") == std::string::npos);
}

TEST_CASE("more keys are besides the first, each once; their secrets are as hidden as its") {
  const std::string hidden = "s3cr3t-value";
  auto sources = from_variable("ARTHAM_FEED__MORE_SECRETS", "other, " + hidden);
  sources.sets = {"feed.api_key=one", "feed.more_keys=two,three", "feed.sockets=2"};
  const auto feed = loaded(sources).feed;
  CHECK(feed.sockets == 2);
  CHECK(feed.more_keys == std::vector<std::string>{"two", "three"});
  REQUIRE(feed.more_secrets.size() == 2);
  CHECK(feed.more_secrets[1].reveal() == hidden);
  CHECK(explained(sources)["feed.more_secrets"].value == "(set, not shown)");
  CHECK(canonical_text(loaded(sources)).find(hidden) == std::string::npos);

  const auto flag = refusal(from_set("feed.more_secrets=" + hidden));
  CHECK(flag.find("ARTHAM_FEED__MORE_SECRETS") != std::string::npos);
  CHECK(flag.find(hidden) == std::string::npos);
  auto open = from_file("feed.more_secrets = [\"" + hidden + "\"]");
  open.file->owner_only = false;
  CHECK(refusal(open).find("chmod 600 artham.toml") != std::string::npos);

  const auto with_keys = [](const std::string& keys) {
    auto s = from_set("feed.api_key=one");
    s.sets.push_back("feed.more_keys=" + keys);
    return s;
  };
  CHECK(refusal(with_keys("two,one")).find("name one twice") != std::string::npos);
  CHECK(refusal(with_keys("two,../three")).find("letters, digits") != std::string::npos);
  CHECK(refusal(from_set("feed.more_keys=two")).find("feed.api_key") != std::string::npos);
  auto too_many = with_keys("two");
  too_many.environment = {{"ARTHAM_FEED__MORE_SECRETS", "a,b"}};
  CHECK(refusal(too_many).find("2 for 1") != std::string::npos);
  CHECK(refusal(from_set("feed.sockets=4")).find("3") != std::string::npos);
}

TEST_CASE("a store in PostgreSQL needs a URL, and keeps ticks in a table unless told otherwise") {
  const auto missing = refusal(from_set("store.kind=postgres"));
  CHECK(missing.starts_with("--set: store.kind"));
  CHECK(missing.find("store.postgres.url") != std::string::npos);
  CHECK(missing.find("script/run --postgres") != std::string::npos);
  CHECK_FALSE(loaded({}).store.has_tick_table());
  CHECK(loaded(from_set("store.ticks=table")).store.has_tick_table());

  auto sources = from_file(R"toml(
[store]
kind = "postgres"
linger = "0s"
batch = 1000
[store.postgres]
url = "postgresql://artham@[::1]:5432/market?sslmode=require"
writers = 8
tick_layout = "rows"
timeout = "1s"
keep_ticks = "90d"
keep_bars = "forever"
compress_after = "7d"
)toml");
  const auto s = loaded(sources).store;
  CHECK(s.has_tick_table());
  CHECK(s.linger == 0);
  CHECK(s.batch == 1000);
  CHECK(s.postgres.url == "postgresql://artham@[::1]:5432/market?sslmode=require");
  CHECK(s.postgres.writers == 8);
  CHECK(s.postgres.tick_layout == tick_table_layout::rows);
  CHECK(s.postgres.timeout == second);
  CHECK(s.postgres.keep_ticks == 90 * day);
  CHECK(s.postgres.keep_bars == 0);
  CHECK(s.postgres.compress_after == 7 * day);
  sources.sets = {"store.ticks=journal"};
  CHECK_FALSE(loaded(sources).store.has_tick_table());

  CHECK(refusal(from_set("store.postgres.writers=9")).find("1 to 8") != std::string::npos);
  CHECK(refusal(from_set("store.postgres.keep_ticks=never")).find("\"forever\"") !=
        std::string::npos);
  CHECK(refusal(from_set("store.postgres.compress_after=forever")).find("\"never\"") !=
        std::string::npos);
  CHECK(refusal(from_set("store.postgres.timeout=0s")).find("\"1s\" to \"10m\"") !=
        std::string::npos);
}

TEST_CASE("a password does not belong into the database's URL, and is not shown when it is there") {
  const std::string hidden = "s3cr3t";
  for (const auto& url : {"postgresql://artham:" + hidden + "@db.example/market",
                          "postgres://artham:" + hidden + "/x@db.example/market",
                          "postgresql://artham:" + hidden + "?x@db.example/market",
                          "postgresql://db.example:5432/market?user=artham&password=" + hidden,
                          "postgresql://db.example/market?%70assword=" + hidden,
                          "postgresql://db.example/market?sslpassword=" + hidden,
                          "mysql://artham:" + hidden + "@db.example/market"}) {
    CAPTURE(url);
    for (const auto& sources :
         {from_set("store.postgres.url=" + url), from_variable("ARTHAM_STORE__POSTGRES__URL", url),
          from_file("store.postgres.url = \"" + url + "\"")}) {
      const auto message = refusal(sources);
      CHECK(message.find(hidden) == std::string::npos);
      CHECK(message.find("store.postgres.password") != std::string::npos);
      CHECK(message.find("ARTHAM_STORE__POSTGRES__PASSWORD") != std::string::npos);
      CHECK(message.find("~/.pgpass") != std::string::npos);
    }
  }
  CHECK(refusal(from_set("store.postgres.url=host=db password=" + hidden)).find(hidden) ==
        std::string::npos);
  for (const auto* url : {"", "postgresql:///artham", "postgres://a@h1:1,h2:2/db?connect_timeout=3",
                          "postgresql://%2Frun%2Fpostgresql/artham"}) {
    CHECK(loaded(from_set("store.postgres.url=" + std::string(url))).store.postgres.url == url);
  }

  const auto sources = from_variable("ARTHAM_STORE__POSTGRES__PASSWORD", hidden);
  CHECK(loaded(sources).store.postgres.password.reveal() == hidden);
  CHECK(explained(sources)["store.postgres.password"].value == "(set, not shown)");
  CHECK(refusal(from_set("store.postgres.password=" + hidden)).find(hidden) == std::string::npos);
}

TEST_CASE("settings files are read with their mode") {
  std::string path = (std::filesystem::temp_directory_path() / "artham-settings-XXXXXX").string();
  REQUIRE(mkdtemp(path.data()) != nullptr);
  const std::filesystem::path directory = path;
  const auto file = directory / "a.toml";
  std::ofstream(file) << "[web]\nport = 7\n";
  REQUIRE(chmod(file.c_str(), 0644) == 0);
  auto read = read_settings_file(file);
  REQUIRE(read.has_value());
  CHECK(read->text == "[web]\nport = 7\n");
  CHECK_FALSE(read->owner_only);
  REQUIRE(chmod(file.c_str(), 0600) == 0);
  CHECK(read_settings_file(file)->owner_only);
  const auto missing = read_settings_file(directory / "none.toml");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == errc::not_found);
  CHECK(missing.error().message.find("none.toml") != std::string::npos);
  CHECK_FALSE(read_settings_file(directory).has_value());
  std::filesystem::remove_all(directory);
}

TEST_CASE("the canonical text holds what decides derived data and nothing else") {
  CHECK(canonical_text({}) == R"([bars]
timeframes = "1m 3m 5m 15m 25m 30m 1h 75m 125m 1D"
lateness = "3s"
revision_horizon = "15m"
volume = "cumulative"
quantity_scale = 0

[features]
enabled = true
interval = "1s"
instrument_interval = "5s"
model = "black76"
forward = "parity future spot"
rate = "0"
dividend = "0"
years = "calendar"
stale_option = "5m"
stale_underlying = "1m"
of = []

[ingest]
clock_interval = "250ms"
)");
  auto s = loaded(from_set("bars.timeframes=2.50r 60m 100t 1m"));
  CHECK(canonical_text(s).find("timeframes = \"1m 1h 100t 2.5r\"") != std::string::npos);
  s.bars.lateness = 1500 * millisecond;
  s.bars.volume = volume_rule::sizes;
  s.ingest.clock_interval = second;
  s.features.chains.rate = 0.065;
  s.features.chains.sources = {market::feature::forward_source::spot};
  s.features.of = {"NIFTY model=bs rate=0.07", "BANKNIFTY years=trading"};
  const auto again = loaded(from_file(canonical_text(s)));
  CHECK(again.bars.timeframes == s.bars.timeframes);
  CHECK(again == s);
  auto other = settings{};
  other.web.port = 1;
  other.runtime.threads = 7;
  other.bars.checkpoint_interval = second;
  other.store.kind = store_kind::postgres;
  other.store.postgres.url = "postgresql://db.example/artham";
  other.store.postgres.keep_ticks = day;
  CHECK(canonical_text(other) == canonical_text({}));
}

TEST_CASE("rules of underlyings begin with what all have, and wrong ones are refused by part") {
  const auto s = loaded(from_set("features.rate=0.05"));
  CHECK(s.features.rules().rules_of("NIFTY").rate == 0.05);
  settings_sources sources;
  sources.sets = {"features.rate=0.05", "features.of=NIFTY model=bs, BANKNIFTY rate=0.06"};
  const auto rules = loaded(sources).features.rules();
  CHECK(rules.rules_of("NIFTY").rate == 0.05);
  CHECK(rules.rules_of("NIFTY").model == market::option::pricing::black_scholes);
  CHECK(rules.rules_of("BANKNIFTY").rate == 0.06);
  CHECK(rules.rules_of("FINNIFTY") == rules.common);

  const auto refused = [](const std::string& set) {
    const auto r = load_settings(from_set(set));
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error().code == errc::usage);
    return r.error().message;
  };
  CHECK(refused("features.of=NIFTY rate=much").find("NIFTY: rate must be") != std::string::npos);
  CHECK(refused("features.forward=moon").find("parity, future and spot") != std::string::npos);
  CHECK(refused("features.rate=7").find("-1 to 1") != std::string::npos);
  CHECK(refused("features.model=bachelier").find("black76") != std::string::npos);
  CHECK(loaded(from_set("ingest.clock_interval=10s")).features.interval == second);
  CHECK(refused("features.interval=300ms").find("multiple of ingest.clock_interval") !=
        std::string::npos);
}

TEST_CASE("every printed value can be read back") {
  const auto text = [](const std::vector<setting_origin>& list) {
    std::string out;
    for (const auto& entry : list) {
      if (!entry.value.starts_with("(")) out += entry.key + " = " + entry.value + "\n";
    }
    return out;
  };
  settings_sources sources;
  sources.sets = {
      "exchange.speed=max", "bridge.local.sync_interval=always", "ingest.instruments=NSE:A\"B\\,1",
      "ingest.formulas=A = straddle(NIFTY, nearest),B = [NSE:M&M] + 1", "data.dir=/tmp/a\tb\x01 é"};
  const auto first = explain(sources).value();
  CHECK(loaded(from_file(text(first))) == loaded(sources));
}

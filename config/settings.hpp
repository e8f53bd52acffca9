#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"
#include "market/feature/chain_rules.hpp"
#include "market/tick.hpp"
#include "market/time.hpp"
#include "market/timeframe.hpp"
#include "runtime/secret.hpp"

namespace artham::config {

using runtime::secret;

/// Where market time comes from.
enum class clock_source : std::uint8_t {
  automatic,  ///< the exchange's own where it sends one, else the host's
  host,
  exchange,
};
enum class volume_rule : std::uint8_t { cumulative, sizes };
enum class store_kind : std::uint8_t { sqlite, postgres };
enum class tick_storage : std::uint8_t {
  automatic,  ///< as suits the kind of store
  journal,
  table,
};
/// How ticks lie in the tables of PostgreSQL.
enum class tick_table_layout : std::uint8_t { packed, rows };

/// Who may use the web server.
enum class web_access : std::uint8_t {
  automatic,  ///< anybody on this computer until there is a key or a user, then who has one
  open,       ///< anybody
  keys,       ///< who has a key or a password
};

/// How records lie in Redis.
enum class redis_encoding : std::uint8_t {
  packed,  ///< an entry for many records
  fields,  ///< an entry for each, with named fields
};
/// What a node does.
enum class role : std::uint8_t { ingest, bars, features, store, gateway };

/// Every setting, typed, in the sections of config/default.toml, which explains each of them.
/// Member names are the keys. Durations are in nanoseconds.
struct settings {
  struct runtime_section {
    int threads = 2;
    int batch = 262'144;
    std::string log_level = "info";
    friend bool operator==(const runtime_section&, const runtime_section&) = default;
  };
  struct feed_section {
    std::string url;
    std::string rest_url;
    clock_source clock = clock_source::automatic;
    std::string api_key;
    secret api_secret;
    std::string access_token_file;
    std::vector<std::string> more_keys;
    std::vector<secret> more_secrets;  ///< in the order of more_keys
    market::duration silence = 5 * market::second;
    market::duration stall = 10 * market::second;  ///< 0: off
    int stall_factor = 3;
    market::duration stall_start = 60 * market::second;
    int sockets = 3;  ///< at most so many connections per key
    int max_tokens_per_socket = 3000;
    market::duration backoff_min = 2 * market::second;
    market::duration backoff_max = 60 * market::second;
    friend bool operator==(const feed_section&, const feed_section&) = default;
  };
  struct ingest_section {
    market::duration clock_interval = 250 * market::millisecond;
    std::vector<std::string> instruments;
    bool on_demand = false;  ///< what clients are subscribed to besides, within the feed's limit
    market::tick_mode mode = market::tick_mode::full;
    std::int64_t queue_bytes = 64 << 20;
    std::vector<std::string> formulas;  ///< each as market::formula::parse_formula reads it
    market::duration formula_stale = market::minute;
    friend bool operator==(const ingest_section&, const ingest_section&) = default;
  };
  struct bars_section {
    std::vector<market::timeframe> timeframes;
    market::duration lateness = 3 * market::second;
    market::duration revision_horizon = 15 * market::minute;
    market::duration checkpoint_interval = 5 * market::minute;
    volume_rule volume = volume_rule::cumulative;
    int quantity_scale = 0;

    bars_section();  ///< with the default timeframes
    friend bool operator==(const bars_section&, const bars_section&) = default;
  };
  struct features_section {
    bool enabled = true;
    market::duration interval = market::second;
    market::duration instrument_interval = 5 * market::second;
    market::feature::chain_rules chains;  ///< of every underlying that `of` does not name
    std::vector<std::string> of;          ///< `NIFTY rate=0.065`

    [[nodiscard]] market::feature::feature_rules rules() const;
    friend bool operator==(const features_section&, const features_section&) = default;
  };
  struct local_section {
    market::duration sync_interval = 50 * market::millisecond;  ///< 0: sync every append
    market::duration linger = market::millisecond;
    std::int64_t segment_bytes = 256 << 20;
    std::int64_t tail_bytes = 64 << 20;
    std::int64_t queue_bytes = 64 << 20;
    bool compression = false;
    friend bool operator==(const local_section&, const local_section&) = default;
  };
  struct redis_section {
    std::string url;  ///< empty: one process alone; without a password
    secret password;
    redis_encoding encoding = redis_encoding::packed;
    market::duration linger = 2 * market::millisecond;
    market::duration timeout = 2 * market::second;
    std::int64_t queue_bytes = 64 << 20;
    std::int64_t read_bytes = 16 << 20;
    std::int64_t max_bytes = 4LL << 30;
    friend bool operator==(const redis_section&, const redis_section&) = default;
  };
  struct bridge_section {
    local_section local;
    redis_section redis;
    friend bool operator==(const bridge_section&, const bridge_section&) = default;
  };
  struct journal_section {
    market::duration retention = 0;  ///< 0: everything is kept
    std::int64_t reserve = 1LL << 30;
    friend bool operator==(const journal_section&, const journal_section&) = default;
  };
  struct postgres_section {
    std::string url;  ///< without a password
    secret password;
    int writers = 2;
    tick_table_layout tick_layout = tick_table_layout::packed;
    market::duration pack_interval = 30 * market::second;
    market::duration timeout = 30 * market::second;
    market::duration keep_ticks = 0;      ///< 0: forever
    market::duration keep_bars = 0;       ///< 0: forever
    market::duration keep_features = 0;   ///< 0: forever
    market::duration compress_after = 0;  ///< 0: never
    friend bool operator==(const postgres_section&, const postgres_section&) = default;
  };
  struct store_section {
    store_kind kind = store_kind::sqlite;
    tick_storage ticks = tick_storage::automatic;
    market::duration linger = 200 * market::millisecond;
    int batch = 65'536;
    postgres_section postgres;

    /// Every tick is a row.
    [[nodiscard]] bool has_tick_table() const;
    friend bool operator==(const store_section&, const store_section&) = default;
  };
  struct web_section {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;
    std::string certificate;  ///< PEM, with those between it and the authority; empty: no TLS
    std::string key;          ///< PEM
    bool insecure_listen = false;
    std::vector<std::string> origins;  ///< `https://desk.example`
    std::vector<std::string> hosts;
    std::string ui = "auto";  ///< folder of the built web UI; empty: the plain page
    bool compression = false;
    std::int64_t session_bytes = 4 << 20;
    int max_sessions = 1000;
    std::int64_t max_frame = 64 << 10;
    int max_subscriptions = 1000;
    int kite_tokens = 10'000;  ///< instruments of one Kite client
    market::duration kite_heartbeat = market::second;
    market::duration flush = market::millisecond;
    market::duration idle_timeout = 60 * market::second;
    market::duration handshake_timeout = 10 * market::second;
    std::int64_t max_header = 16 << 10;
    std::int64_t max_body = 64 << 10;
    int max_connections = 1500;
    int max_per_address = 0;  ///< 0: no limit
    int max_half_open = 256;
    int max_requests = 10'000;
    web_access access = web_access::automatic;
    market::duration ticket_life = 12 * market::hour;
    market::duration auth_timeout = 10 * market::second;
    int auth_failures = 10;  ///< of one address in a minute
    int max_sessions_per_key = 100;
    int max_replays = 8;
    int max_replays_per_key = 4;
    int replay_days = 5;
    market::duration replay_idle = 5 * market::minute;
    friend bool operator==(const web_section&, const web_section&) = default;
  };
  struct alerts_section {
    bool enabled = true;
    int max_rules = 200;    ///< of one owner
    int max_webhooks = 50;  ///< rules of one owner that have one
    secret webhook_secret;  ///< what webhooks are signed with; empty: there are none
    bool webhook_private = false;
    market::duration webhook_timeout = 10 * market::second;
    int webhook_in_flight = 16;
    int webhook_attempts = 20;
    market::duration webhook_give_up = market::day;
    market::duration webhook_backoff_min = 2 * market::second;
    market::duration webhook_backoff_max = 30 * market::minute;
    std::string webhook_authority;  ///< PEM; empty: the system's
    friend bool operator==(const alerts_section&, const alerts_section&) = default;
  };
  struct exchange_section {
    std::uint16_t port = 0;
    int instruments = 150;
    bool chains = true;  ///< besides, options on the index and the first two shares
    std::int64_t seed = 1;
    double speed = 1;  ///< 0: as fast as possible
    friend bool operator==(const exchange_section&, const exchange_section&) = default;
  };
  struct cluster_section {
    std::string name = "artham";
    std::string node;         ///< empty: the host's name
    std::vector<role> roles;  ///< empty: all
    int shards = 1;
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::vector<std::string> seeds;  ///< host:port
    std::string certificate;
    std::string key;
    std::string authority;
    market::duration lease = 2 * market::second;
    friend bool operator==(const cluster_section&, const cluster_section&) = default;
  };
  struct supervisor_section {
    int intensity = 5;
    market::duration period = 10 * market::second;
    market::duration backoff_min = 50 * market::millisecond;
    market::duration backoff_max = 10 * market::second;
    friend bool operator==(const supervisor_section&, const supervisor_section&) = default;
  };
  struct data_section {
    std::string dir = "./artham-data";
    friend bool operator==(const data_section&, const data_section&) = default;
  };

  runtime_section runtime;
  feed_section feed;
  ingest_section ingest;
  bars_section bars;
  features_section features;
  bridge_section bridge;
  journal_section journal;
  store_section store;
  web_section web;
  alerts_section alerts;
  exchange_section exchange;
  cluster_section cluster;
  supervisor_section supervisor;
  data_section data;

  friend bool operator==(const settings&, const settings&) = default;
};

struct settings_file {
  std::string path;
  std::string text;
  bool owner_only = true;  ///< nobody but its owner can read it, so that it may hold secrets
};
/// Reads the file and its mode; errc::not_found or errc::io name the path.
[[nodiscard]] result<settings_file> read_settings_file(const std::filesystem::path& path);

/// Where settings come from, weakest first; what none of them names keeps its default.
struct settings_sources {
  std::optional<settings_file> file;
  std::vector<std::pair<std::string, std::string>> environment;  ///< all of it; others are ignored
  std::vector<std::string> sets;  ///< the arguments of `--set`: `section.key=value`
};

/// The error names key, origin (file:line, variable or --set) and what would be accepted; for an
/// unknown key the nearest known one. Secrets are refused from `--set` and from a file that others
/// can read.
[[nodiscard]] result<settings> load_settings(const settings_sources& sources);

struct setting_origin {
  std::string key;
  std::string value;   ///< as in TOML; of a secret only whether it is set
  std::string origin;  ///< `default`, `artham.toml:12`, `ARTHAM_WEB__PORT` or `--set`
};
/// Every setting in the order of default.toml.
[[nodiscard]] result<std::vector<setting_origin>> explain(const settings_sources& sources);

/// TOML of the settings that decide derived data, the same for equal values: hashed, kept beside
/// the journal, and readable as a settings file.
[[nodiscard]] std::string canonical_text(const settings& s);
/// config/default.toml as it was when the program was built.
[[nodiscard]] std::string_view default_settings_text();

}  // namespace artham::config

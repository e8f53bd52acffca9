#include "app/node.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include "app/build_info.hpp"
#include "app/earlier_rules.hpp"
#include "app/environment.hpp"
#include "app/feed_state.hpp"
#include "app/journal_rules.hpp"
#include "app/opened_store.hpp"
#include "app/position_at.hpp"
#include "bridge/local/journal.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/client.hpp"
#include "feed/kite/rest.hpp"
#include "feed/kite/token_file.hpp"
#include "feed/recording/recording.hpp"
#include "messages/caf_compat.hpp"
#include "messages/system.hpp"
#include "runtime/clock.hpp"
#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"
#include "supervisors/tree_json.hpp"
#include "web/api/routes.hpp"

namespace artham::app {

namespace {

/// Records of md:features: a chain may be a hundred rows.
constexpr std::uint64_t feature_rows_a_transaction = 512;
constexpr std::size_t store_queue = 64;
constexpr std::size_t history_queue = 256;
constexpr std::chrono::seconds checkpoint_limit{10};
constexpr std::chrono::seconds stop_limit{30};
constexpr std::size_t own_exchange_tokens = 1'000'000;

std::chrono::milliseconds milliseconds(market::duration d) {
  return std::chrono::milliseconds(d / market::millisecond);
}

/// The open of today's session, or of the last trading day before.
market::timestamp first_open(const market::calendar& c, market::timestamp now) {
  auto date = c.local_date(now);
  for (int back = 0; back < 30 && !c.is_trading_date(date); ++back) --date.days;
  const auto day = c.day(date);
  return day.sessions.empty() ? now : day.sessions.front().open;
}

/// Records of Kite frames and the ticks in them, over the whole journal.
struct journaled {
  std::uint64_t frames = 0;
  std::uint64_t ticks = 0;
};
result<journaled> count_journaled(bridge::bridge& journal) {
  journaled n;
  auto cursor = journal.open_reader(record::ticks_stream(), {}, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  for (;;) {
    auto blocks = (*cursor)->pull(1U << 18U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return n;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&n](const record::header& h, std::uint64_t, std::string_view) {
        if (h.kind != record::kind::kite_frame) return;
        ++n.frames;
        n.ticks += h.count;
      });
    }
  }
}

/// Those that the journal's newest epoch was begun with.
result<std::vector<market::instrument>> journaled_instruments(bridge::bridge& journal) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if (tops->appended.seq == 0) return std::vector<market::instrument>{};
  const auto hashes = hashes_of_epoch(journal, tops->appended.epoch);
  if (!hashes) return tl::unexpected(hashes.error());
  if (!*hashes) return std::vector<market::instrument>{};
  const auto csv = journal.get_object((*hashes)->instruments);
  if (!csv) return tl::unexpected(csv.error());
  return market::parse_instruments(*csv);
}

/// `ws://host:port/path` to `http://host:port`.
std::string rest_of(std::string_view ws) {
  const bool tls = ws.starts_with("wss://");
  auto rest = ws.substr(ws.find("://") == std::string_view::npos ? 0 : ws.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?"));
  return (tls ? "https://" : "http://") + std::string(rest);
}

caf::behavior watchman(caf::event_based_actor* self, const caf::actor& root,
                       std::function<void(std::string)> ended) {
  messages::install_handlers(self, "artham.watchman");
  self->monitor(root);
  self->set_down_handler([self, ended = std::move(ended)](const caf::down_msg& m) {
    if (messages::is_crash(m.reason) && ended) ended(messages::error_text(m.reason));
    self->quit();
  });
  return {[](caf::ok_atom) {}};
}

}  // namespace

node::node(node_options options) : options_(std::move(options)) {}

node::~node() {
  stop();
}

result<std::unique_ptr<node>> node::start(node_options options) {
  std::unique_ptr<node> n(new node(std::move(options)));
  for (const auto step : {&node::open_storage, &node::open_market, &node::keep_configuration,
                          &node::start_actors, &node::start_web}) {
    if (auto done = (n.get()->*step)(); !done) return tl::unexpected(done.error());
  }
  return n;
}

result<void> node::open_storage() {
  const auto& s = options_.settings;
  std::error_code ec;
  std::filesystem::create_directories(options_.data, ec);
  if (ec) {
    return fail(errc::usage, "cannot create the data directory " + options_.data.string() + ": " +
                                 ec.message() + "; give one that you may write with --data");
  }
  bridge::local::options o;
  o.dir = options_.data / "journal";
  o.segment_bytes = static_cast<std::uint64_t>(s.bridge.local.segment_bytes);
  o.tail_bytes = static_cast<std::uint64_t>(s.bridge.local.tail_bytes);
  o.queue_bytes = static_cast<std::uint64_t>(s.bridge.local.queue_bytes);
  o.linger = s.bridge.local.linger;
  o.sync_interval = s.bridge.local.sync_interval;
  o.compress = s.bridge.local.compression ? bridge::local::compression::zstd
                                          : bridge::local::compression::none;
  o.metrics = &metrics_;
  o.on_health = [](const std::optional<error>& e) {
    if (e) {
      runtime::log().error("journal: {}", e->message);
    } else {
      runtime::log().info("journal: writes again");
    }
  };
  auto opened = bridge::local::open(std::move(o));
  if (!opened) return tl::unexpected(opened.error());
  journal_ = std::move(opened->journal);
  trimmer_ = std::move(opened->trimmer);
  for (const auto& c : opened->report.cuts) {
    runtime::log().warn(
        "journal: {}: cut {} bytes at {} of {} ({})", c.stream, c.bytes, c.offset, c.file.string(),
        c.reason == bridge::local::open_report::reason::torn ? "torn tail"
                                                             : "its cause did not survive");
  }
  for (const auto& d : opened->report.damages) {
    runtime::log().error("journal: {}: {} positions from {} are damaged in {}", d.stream, d.count,
                         d.first_seq, d.file.string());
  }
  opened_ = std::move(opened->report);
  store_opening how;
  how.timeframes = stored_timeframes();
  how.writers = static_cast<std::size_t>(s.store.postgres.writers);
  // What is journaled is stored later; what is not journaled is lost.
  how.may_be_away = true;
  auto store = open_store(s, options_.data, how);
  if (!store) return tl::unexpected(store.error());
  store_ = std::move(*store);
  runtime::failpoint("start.storage");
  return {};
}

std::vector<market::timeframe> node::stored_timeframes() const {
  auto all = options_.settings.bars.timeframes;
  const auto prefix = record::final_bars_stream("");
  for (const auto& name : journal_->streams()) {
    if (!name.starts_with(prefix)) continue;
    const auto tf = market::parse_timeframe(name.substr(prefix.size()));
    if (tf && std::ranges::count(all, *tf) == 0) all.push_back(*tf);
  }
  return all;
}

result<void> node::open_market() {
  const auto names = config::builtin_calendar_names();
  auto calendars = load_calendar_set(names);
  if (!calendars) return tl::unexpected(calendars.error());
  calendars_ = std::move(*calendars);
  const auto newest = actors::newest_record_times(*journal_);
  if (!newest) return tl::unexpected(newest.error());
  const auto& f = options_.settings.feed;
  if (f.url.empty()) {
    if (auto done = start_exchange(*newest); !done) return done;
    feed_url_ = "ws://127.0.0.1:" + std::to_string(exchange_->port());
    rest_url_ = rest_of(feed_url_);
    exchange_clock_ = true;
  } else {
    if (options_.recording) {
      return fail(
          errc::usage,
          "--recording plays in artham's own exchange; feed.url names another one: leave one out");
    }
    feed_url_ = f.url;
    const bool kite = feed_url_.find("kite.trade") != std::string::npos;
    rest_url_ = !f.rest_url.empty() ? f.rest_url
                : kite              ? "https://api.kite.trade"
                                    : rest_of(feed_url_);
    exchange_clock_ = f.clock == config::clock_source::exchange ||
                      (f.clock == config::clock_source::automatic && !kite);
    if (auto done =
            claim_data_directory(options_.data, {"ticker", feed_url_, kite ? "kite" : "ticker"});
        !done)
      return done;
  }
  return load_instruments(*newest);
}

result<void> node::start_exchange(const actors::newest_times& newest) {
  const auto& s = options_.settings;
  exchange::options o;
  o.port = s.exchange.port;
  if (s.exchange.speed > 0) {
    o.speed = s.exchange.speed;
  } else {
    o.speed = std::nullopt;
  }
  o.start = exchange::start_when::subscribe;
  o.clock_interval = s.ingest.clock_interval;
  o.lateness = s.bars.lateness;
  for (const auto& [name, c] : calendars_.by_name) o.calendars.emplace(name, c);
  if (options_.recording) {
    const auto file = options_.recording->string();
    const auto hash = feed::recording::recording_hash(file);
    if (!hash) return tl::unexpected(hash.error());
    if (auto done =
            claim_data_directory(options_.data, {"recording", "the recording " + file, *hash});
        !done)
      return done;
    exchange::recording_source_options source;
    source.file = file;
    if (newest.market != 0) {
      const auto there = count_journaled(*journal_);
      if (!there) return tl::unexpected(there.error());
      const auto all = feed::recording::survey_recording(file);
      if (!all) return tl::unexpected(all.error());
      if (there->ticks >= all->ticks) {
        return fail(errc::conflict,
                    "the recording " + file + " was played to its end into " +
                        options_.data.string() +
                        ": give another --data directory to play it again, or look at it with "
                        "artham replay --journal " +
                        options_.data.string() + " --out DIR");
      }
      source.skip_frames = there->frames;
    }
    o.source = std::move(source);
    continuous_ = true;
  } else {
    const auto what = "the synthetic exchange (seed " + std::to_string(s.exchange.seed) + ", " +
                      std::to_string(s.exchange.instruments) + " instruments)";
    if (auto done = claim_data_directory(options_.data, {"synthetic", what, what}); !done)
      return done;
    exchange::synthetic_source_options source;
    source.market.seed = static_cast<std::uint64_t>(s.exchange.seed);
    source.market.instruments = static_cast<std::uint32_t>(s.exchange.instruments);
    source.market.chains = s.exchange.chains;
    const auto& nse = *calendars_.by_name.at("NSE");
    const auto now = runtime::utc_now();
    source.start = first_open(nse, now);
    if (newest.market != 0) {
      // Market time went on while nobody listened, at the speed that it has.
      const auto away = static_cast<double>(std::max<market::duration>(now - newest.wall, 0)) *
                        std::max(s.exchange.speed, 0.0);
      source.start = newest.market + static_cast<market::duration>(away);
      const auto session = nse.next_session(source.start);
      if (session && session->open > source.start) source.start = session->open;
    }
    o.source = source;
  }
  auto started = exchange::start(std::move(o));
  if (!started) return tl::unexpected(started.error());
  exchange_ = std::move(*started);
  return {};
}

result<void> node::load_instruments(const actors::newest_times& newest) {
  feed::kite::rest_server server;
  server.url = rest_url_;
  feed::kite::credentials who;
  who.api_key = options_.settings.feed.api_key;
  if (auto kept = feed::kite::read_token_file(access_token_file(options_.settings, options_.data)))
    who.access_token = kept->access_token;
  const auto csv = feed::kite::fetch_instruments(server, who);
  if (csv) {
    auto list = market::parse_instruments(*csv);
    if (!list) return fail(list.error().code, rest_url_ + "/instruments: " + list.error().message);
    instruments_ = std::move(*list);
  } else {
    auto known = known_instruments(csv.error());
    if (!known) return tl::unexpected(known.error());
    instruments_ = std::move(*known);
  }
  const auto now = newest.market != 0 ? newest.market
                   : exchange_        ? exchange_->market_time()
                                      : runtime::utc_now();
  const market::date today{static_cast<std::int32_t>((now + market::india_offset) / market::day)};
  if (auto added = add_formulas(); !added) return added;
  if (auto put = store_->writing().put_instruments(instruments_, today); !put) return put;
  index_ = std::make_shared<const actors::instrument_index>(instruments_, calendars_.by_name);
  auto tokens = wanted_tokens(today);
  if (!tokens) return tl::unexpected(tokens.error());
  tokens_ = std::move(*tokens);
  in_use_ = calendars_in_use();
  return {};
}

result<std::vector<market::instrument>> node::known_instruments(const error& why) const {
  std::vector<market::instrument> list;
  std::string from = "stored";
  const auto stored = store_->reading().instruments();
  if (stored) {
    for (const auto& k : *stored) list.push_back(k.instrument);
  } else if (stored.error().code == errc::unavailable) {
    runtime::log().warn("store: {}", stored.error().message);
    auto journaled = journaled_instruments(*journal_);
    if (!journaled) return journaled;
    list = std::move(*journaled);
    from = "journaled";
  } else {
    return tl::unexpected(stored.error());
  }
  if (list.empty()) {
    return fail(errc::unavailable,
                "no instruments: " + why.message + "; and none are " + from + " yet. " +
                    (why.code == errc::refused ? "Log in with artham kite login, then start again"
                                               : "Is the exchange at " + rest_url_ + " running?"));
  }
  runtime::log().warn("instruments: {}; going on with the {} {} ones", why.message, list.size(),
                      from);
  return list;
}

result<void> node::add_formulas() {
  std::erase_if(instruments_,
                [](const auto& i) { return i.exchange == market::synthetic_exchange; });
  const auto& ingest = options_.settings.ingest;
  if (ingest.formulas.empty()) return {};
  const auto formulas = market::formula::parse_formulas(ingest.formulas);
  if (!formulas) return fail(errc::usage, "ingest.formulas: " + formulas.error().message);
  auto plan = market::formula::formula_plan::make(*formulas, instruments_,
                                                  calendar_by_exchange(calendars_));
  if (!plan) return fail(plan.error().code, "ingest.formulas: " + plan.error().message);
  for (const auto& i : (*plan)->instruments()) {
    if (auto free = check_name(i); !free) return free;
    instruments_.push_back(i);
  }
  formulas_ = std::move(*plan);
  return {};
}

result<void> node::check_name(const market::instrument& i) const {
  const auto found = store_->reading().find(std::to_string(i.token));
  if (!found && found.error().code == errc::unavailable) {
    runtime::log().warn("formula {}: whether its name is free is not known: {}", i.symbol,
                        found.error().message);
    return {};
  }
  if (!found) return tl::unexpected(found.error());
  if (!*found) return {};
  const auto& known = (*found)->instrument;
  const auto refuse = [&](const std::string& why) {
    return fail(errc::usage,
                "ingest.formulas: formula " + i.symbol + ": " + why + ": choose another name");
  };
  if (market::display_key(known) != market::display_key(i))
    return refuse("its token " + std::to_string(i.token) + " was that of " +
                  market::display_key(known));
  if (market::calendar_of(known.name) != market::calendar_of(i.name))
    return refuse("the name stood for one that trades by the calendar of " + known.name +
                  ", not of " + i.name);
  return {};
}

result<std::vector<std::uint32_t>> node::wanted_tokens(market::date today) const {
  const auto& wanted = options_.settings.ingest.instruments;
  std::set<std::uint32_t> tokens;
  if (wanted.empty() || options_.recording) {
    for (const auto& i : instruments_) {
      if (i.exchange != market::synthetic_exchange) tokens.insert(i.token);
    }
  }
  if (formulas_) {
    for (const auto token : formulas_->legs(today)) tokens.insert(token);
  }
  const std::string synthetic(market::synthetic_exchange);
  for (const auto& key : wanted) {
    std::uint32_t token = 0;
    const auto [end, ec] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (ec == std::errc() && end == key.data() + key.size()) {
      tokens.insert(token);
    } else if (key.starts_with(synthetic + ":")) {
      return fail(errc::usage,
                  "ingest.instruments: \"" + key +
                      "\" is computed (ingest.formulas), not subscribed: leave it out");
    } else if (const auto found = index_->token(key)) {
      tokens.insert(*found);
    } else {
      return fail(errc::usage, "ingest.instruments: unknown instrument \"" + key +
                                   "\"; keys look like NSE:INFY");
    }
  }
  const auto limit = static_cast<std::size_t>(options_.settings.feed.max_tokens_per_socket);
  if (!exchange_ && tokens.size() > limit) {
    return fail(errc::usage,
                "ingest.instruments: " + std::to_string(tokens.size()) +
                    " instruments are more than the " + std::to_string(limit) +
                    " that a connection may have (feed.max_tokens_per_socket): name fewer");
  }
  return std::vector<std::uint32_t>(tokens.begin(), tokens.end());
}

result<void> node::keep_configuration() {
  const auto& s = options_.settings;
  auto rules = rules_of(s, calendars_);
  rules.instruments = index_;
  plans_ = rules.plans();
  auto settings = journal_->put_object(config::canonical_text(s));
  auto calendars = journal_->put_object(calendars_.text);
  auto instruments = journal_->put_object(market::write_instruments(instruments_));
  for (const auto* kept : {&settings, &calendars, &instruments}) {
    if (!*kept) return tl::unexpected(kept->error());
  }
  hashes_ = {*settings, *calendars, *instruments};
  rules_hash_ = rules.hash();
  runtime::failpoint("start.objects");
  earlier_rules_options earlier;
  earlier.now = rules_hash_;
  earlier.checkpoints = checkpoints();
  earlier.threads = static_cast<std::size_t>(s.runtime.threads);
  earlier.batch = static_cast<std::uint64_t>(s.runtime.batch);
  if (auto done = finish_earlier_rules(*journal_, earlier); !done) return done;
  features_ = feature_setup_of(s, calendars_, instruments_);
  feature_rebuild features;
  features.threads = earlier.threads;
  const auto earlier_end = finish_earlier_features(*journal_, hashes_, features);
  if (!earlier_end) return tl::unexpected(earlier_end.error());
  features_after_ = *earlier_end;
  return {};
}

actors::feature_reader_config node::feature_reader() {
  actors::feature_reader_config c;
  c.input = c.output = journal_.get();
  c.decoder = &decoder_;
  c.metrics = &metrics_;
  c.names = tree_.directory;
  c.plan = features_.plan;
  c.batch =
      std::min<std::uint64_t>(c.batch, static_cast<std::uint64_t>(options_.settings.runtime.batch));
  c.after = features_after_;
  c.day_begin = day_begin_in(*journal_, features_.calendars);
  return c;
}

actors::ingestor_config node::ingestor() {
  const auto& s = options_.settings;
  actors::ingestor_config c;
  c.journal = journal_.get();
  c.decoder = &decoder_;
  c.metrics = &metrics_;
  c.queue_bytes = static_cast<std::size_t>(s.ingest.queue_bytes);
  c.feed_waits = options_.recording.has_value();
  c.log.calendars = in_use_;
  c.log.clock_interval = s.ingest.clock_interval;
  c.log.lateness = s.bars.lateness;
  c.log.hashes = hashes_;
  c.log.continuous = continuous_;
  c.log.formulas = formulas_;
  c.log.formula_stale = s.ingest.formula_stale;
  feed::kite::client_options o;
  o.url = feed_url_;
  o.api_key = s.feed.api_key.empty() ? "artham" : s.feed.api_key;
  o.clock = exchange_clock_ ? feed::kite::clock_source::exchange : feed::kite::clock_source::host;
  o.clock_interval = s.ingest.clock_interval;
  o.silence_limit = milliseconds(s.feed.silence);
  o.stall = {s.feed.stall, s.feed.stall_factor, s.feed.stall_start};
  if (options_.recording) o.stall.least = 0;  // where it has no ticks, there are none to come
  o.calendars = c.log.calendars;
  o.backoff.min = milliseconds(s.feed.backoff_min);
  o.backoff.max = milliseconds(s.feed.backoff_max);
  o.max_tokens =
      exchange_ ? own_exchange_tokens : static_cast<std::size_t>(s.feed.max_tokens_per_socket);
  o.access_token = [file = access_token_file(s, options_.data)] {
    auto kept = feed::kite::read_token_file(file);
    return kept ? kept->access_token : runtime::secret();
  };
  c.make_feed = [o, tokens = tokens_, mode = s.ingest.mode, this]() -> std::unique_ptr<feed::feed> {
    auto made = feed::kite::client::create(o, decoder_);
    if (!made) throw std::runtime_error(made.error().message);
    if (auto asked = (*made)->subscribe(tokens, mode); !asked)
      throw std::runtime_error(asked.error().message);
    return std::move(*made);
  };
  return c;
}

std::vector<market::calendar_ptr> node::calendars_in_use() const {
  std::vector<market::calendar_ptr> all;
  std::set<const market::calendar*> seen;
  for (const auto token : tokens_) {
    const auto calendar = index_->calendar_of(token);
    if (seen.insert(calendar.get()).second) all.push_back(calendar);
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return all;
}

void node::make_upkeep() {
  const auto& s = options_.settings;
  upkeep_options o;
  o.journal = options_.data / "journal";
  o.checkpoints = checkpoints();
  // Where a recording goes on is counted over its whole journal.
  o.retention = options_.recording ? 0 : s.journal.retention;
  o.reserve = static_cast<std::uint64_t>(s.journal.reserve);
  o.calendars = in_use_;
  o.features = features_.enabled;
  o.tick_shards = s.store.kind == config::store_kind::postgres ? store::tick_shards : 1;
  upkeep_thread_ = std::make_unique<runtime::worker>("upkeep", 2);
  upkeep_ = std::make_unique<journal_upkeep>(std::move(o), *journal_, trimmer_, store_->reading(),
                                             metrics_);
  upkeep_->began(opened_);
  const auto& p = s.store.postgres;
  store_upkeep_ = std::make_unique<store_upkeep>(
      store::retention{p.keep_ticks, p.keep_bars, p.keep_features}, *journal_, *store_, metrics_);
}

std::vector<actors::stream_store_config> node::stores() {
  const auto& s = options_.settings;
  const auto writers = store_->writers();
  for (std::size_t i = 0; i < writers.size(); ++i) {
    store_writers_.push_back(
        std::make_unique<runtime::worker>("store-writer-" + std::to_string(i), store_queue));
  }
  actors::stream_store_config common;
  common.journal = journal_.get();
  common.metrics = &metrics_;
  common.board = store_board_;
  common.linger = std::chrono::nanoseconds(s.store.linger);
  common.batch = static_cast<std::uint64_t>(s.store.batch);
  common.writer = writers.front();
  common.writer_thread = store_writers_.front().get();
  std::vector<actors::stream_store_config> all;

  const bool sharded = s.store.kind == config::store_kind::postgres;
  auto ticks = common;
  ticks.consumer = "tick_store";
  ticks.stream = record::ticks_stream();
  ticks.make_rows = actors::tick_rows(decoder_, s.store.has_tick_table(), sharded);
  const auto& p = s.store.postgres;
  if (sharded && p.tick_layout == config::tick_table_layout::packed)
    ticks.linger = std::max(ticks.linger, std::chrono::nanoseconds(p.pack_interval));
  const auto parts = sharded && s.store.has_tick_table() ? writers.size() : 1;
  for (std::size_t i = 0; i < parts; ++i) {
    auto c = ticks;
    c.writer = writers[i];
    c.writer_thread = store_writers_[i].get();
    if (parts > 1) c.part = i;
    if (sharded) c.shards = actors::shards_of_part(i, parts);
    all.push_back(std::move(c));
  }
  for (const auto& tf : stored_timeframes()) {
    auto c = common;
    c.consumer = "bar_store";
    c.stream = record::final_bars_stream(market::to_string(tf));
    c.make_rows = actors::bar_rows(tf);
    all.push_back(std::move(c));
  }
  auto quarantines = common;
  quarantines.consumer = "quarantine_store";
  quarantines.stream = record::dead_letters_stream();
  quarantines.make_rows = actors::quarantine_rows();
  all.push_back(std::move(quarantines));
  if (features_.enabled ||
      std::ranges::count(journal_->streams(), record::features_stream()) != 0) {
    auto features = common;
    features.consumer = "feature_store";
    features.stream = record::features_stream();
    features.batch = std::min(features.batch, feature_rows_a_transaction);
    features.make_rows = actors::feature_rows();
    all.push_back(std::move(features));
  }
  return all;
}

result<void> node::start_actors() {
  const auto& s = options_.settings;
  store_readers_ = std::make_unique<runtime::worker>("store-reader", history_queue);
  disk_ = std::make_unique<runtime::worker>("checkpoints", 4);
  tree_.directory = std::make_shared<messages::directory>();
  tree_.metrics = &metrics_;
  tree_.intensity = {static_cast<std::size_t>(s.supervisor.intensity),
                     std::chrono::nanoseconds(s.supervisor.period)};
  tree_.backoff.min = std::chrono::nanoseconds(s.supervisor.backoff_min);
  tree_.backoff.max = std::chrono::nanoseconds(s.supervisor.backoff_max);
  system_config_.emplace(messages::make_system_config(static_cast<std::size_t>(s.runtime.threads)));
  system_ = std::make_unique<caf::actor_system>(*system_config_);

  actors::bar_reader_config bars;
  bars.input = journal_.get();
  bars.output = journal_.get();
  bars.decoder = &decoder_;
  bars.metrics = &metrics_;
  bars.names = tree_.directory;
  bars.timeframes = s.bars.timeframes;
  bars.plan_of = [plans = plans_](std::uint32_t token) { return plans->of(token); };
  bars.plan_hash = rules_hash_;
  bars.batch = static_cast<std::uint64_t>(s.runtime.batch);
  bars.checkpoint_dir = checkpoints();
  bars.checkpoint_interval = s.bars.checkpoint_interval;
  bars.disk = disk_.get();

  actors::hub_config hub;
  hub.journal = journal_.get();
  hub.decoder = &decoder_;
  hub.store = &store_->reading();
  hub.store_thread = store_readers_.get();
  hub.metrics = &metrics_;
  hub.names = tree_.directory;
  hub.instruments = index_;
  hub.timeframes = s.bars.timeframes;
  if (features_.enabled) hub.features = features_.plan;

  std::vector<messages::child_spec> roles;
  roles.push_back(supervisors::bars_tree(tree_, std::move(bars)));
  if (features_.enabled) roles.push_back(supervisors::features_tree(tree_, feature_reader()));
  roles.push_back(supervisors::store_tree(tree_, stores()));
  roles.push_back(supervisors::gateway_tree(tree_, std::move(hub)));
  roles.push_back(supervisors::ingest_tree(tree_, ingestor()));
  make_upkeep();
  actors::journal_keeper_config keeper;
  keeper.thread = upkeep_thread_.get();
  keeper.look = [journal = upkeep_.get(), stored = store_upkeep_.get()] {
    journal->look();
    stored->look();
  };
  roles.push_back(supervisors::journal_child(std::move(keeper)));
  root_ = supervisors::spawn_node(*system_, tree_, std::move(roles));
  watchman_ = system_->spawn(watchman, caf::actor_cast<caf::actor>(root_), options_.on_failure);

  actors::session_config session;
  session.instruments = index_;
  session.names = tree_.directory;
  session.timeframes = s.bars.timeframes;
  if (features_.enabled) session.features = features_.plan;
  session.max_subscriptions = static_cast<std::size_t>(s.web.max_subscriptions);
  session.metrics = &metrics_;
  gateway_ = std::make_unique<actors::gateway_port>(*system_, tree_.directory, std::move(session));
  return {};
}

void node::ask_tree(std::function<void(std::string)> done) {
  system_->spawn([root = root_, done = std::move(done)](caf::event_based_actor* self) {
    messages::install_handlers(self, "artham.tree");
    self->request(root, std::chrono::seconds(2), messages::tree_atom_v)
        .then([done](const messages::tree_node& t) { done(supervisors::to_json(t).dump()); },
              [done](const caf::error&) { done("{\"id\":\"node\",\"state\":\"stopping\"}"); });
  });
}

std::string node::status_json() const {
  nlohmann::json j;
  j["version"] = version();
  j["feed"]["url"] = exchange_ ? "embedded" : feed_url_;
  std::map<std::string, std::int64_t> totals;
  for (const auto& sample : metrics_.samples()) {
    std::string name = sample.name;
    for (const auto& [label, value] : sample.labels) name += "." + value;
    j["metrics"][name] = sample.value;
    totals[name] = sample.value;
  }
  j["feed"]["state"] =
      feed::to_string(static_cast<feed::state>(totals[std::string(actors::feed_state_metric)]));
  j["feed"]["ticks"] = {
      {"silent_ms", totals["artham_feed_silent_milliseconds"]},
      {"stall_limit_ms", totals["artham_feed_stall_limit_milliseconds"]},
      {"expected_frames_per_hour", totals["artham_feed_expected_frames_per_hour"]},
      {"stalls", totals["artham_feed_stalls_total"]}};
  const auto seconds = totals["artham_market_time_seconds"];
  if (seconds != 0)
    j["market_time"] = market::to_rfc3339(seconds * market::second, market::india_offset);
  j["ticks_received"] = totals["artham_ticks_received_total"];
  j["gaps"] = totals["artham_gaps_total"];
  const std::string quarantined(actors::quarantined_metric);
  j["quarantines"] = {{"records", totals[quarantined + ".record"]},
                      {"builders", totals[quarantined + ".builder"]}};
  if (features_.enabled) {
    j["features"] = {{"groups", totals["artham_feature_groups"]},
                     {"failed", totals[std::string(actors::feature_groups_failed_metric)]}};
  }
  j["sessions"] = totals["artham_sessions"];
  if (formulas_) {
    for (const auto& f : formulas_->formulas()) {
      j["formulas"][f.name] = {
          {"ticks", totals[std::string(actors::formula_ticks_metric) + "." + f.name]},
          {"silent", totals[std::string(actors::formula_stale_metric) + "." + f.name]}};
    }
  }
  j["journal"] = upkeep_->status();
  j["store"] = store_status();
  if (seconds != 0) {
    for (const auto& c : in_use_) {
      const auto day = c->local_date(seconds * market::second);
      const auto& known = c->spec();
      if (day >= known.first && day <= known.last) continue;
      j["calendars_assumed"][c->name()] = {{"date", market::to_string(day)},
                                           {"known_until", market::to_string(known.last)}};
    }
  }
  if (exchange_) j["exchange"] = {{"finished", exchange_->finished()}, {"port", exchange_->port()}};
  return j.dump();
}

nlohmann::json node::store_status() const {
  const auto& s = options_.settings;
  nlohmann::json j{{"kind", store_kind(s)},
                   {"place", store_place(s, options_.data)},
                   {"ticks", s.store.has_tick_table() ? "table" : "journal"},
                   {"waiting", nlohmann::json::array()},
                   {"refused", nlohmann::json::array()}};
  const auto now = runtime::utc_now();
  for (const auto& [stream, e] : store_board_->entries()) {
    if (!e.why.empty()) {
      j["waiting"].push_back({{"stream", stream},
                              {"why", e.why},
                              {"since", market::to_rfc3339(e.since, market::india_offset)},
                              {"seconds", (now - e.since) / market::second}});
    }
    if (e.refused != 0)
      j["refused"].push_back({{"stream", stream}, {"rows", e.refused}, {"why", e.refusal}});
  }
  return j;
}

result<void> node::start_web() {
  const auto& w = options_.settings.web;
  web::api_dependencies api;
  api.reader = &store_->reading();
  api.metrics = &metrics_;
  api.status = [this](const std::function<void(std::string)>& done) { done(status_json()); };
  api.tree = [this](std::function<void(std::string)> done) { ask_tree(std::move(done)); };
  api.ready = [this]() -> web::readiness {
    const auto state =
        static_cast<feed::state>(metrics_.gauge(actors::feed_state_metric, "").value());
    if (auto why = upkeep_->unready(); !why.empty()) return {false, std::move(why)};
    if (state == feed::state::live) return {};
    return {false, "the feed is " + std::string(feed::to_string(state))};
  };
  api.timeframes = options_.settings.bars.timeframes;
  api.position_at = [journal = journal_.get()](market::timestamp t) {
    return position_at(*journal, t);
  };
  evidence_ = std::make_unique<evidence_reader>(*journal_, decoder_);
  api.evidence = [reader = evidence_.get()](market::timeframe tf,
                                            const record::bar_record& stored) {
    return reader->read(tf, stored);
  };
  api.calendar_of = [index = index_](std::uint32_t token) { return index->calendar_of(token); };
  api.version = version();
  web::server_options o;
  o.address = w.address;
  o.port = w.port;
  o.max_message_bytes = static_cast<std::size_t>(w.max_frame);
  o.session_budget_bytes = static_cast<std::size_t>(w.session_bytes);
  o.max_sessions = static_cast<std::size_t>(w.max_sessions);
  o.max_connections = o.max_sessions + 256;
  o.idle_timeout = milliseconds(w.idle_timeout);
  web::server_dependencies d;
  d.handler = web::make_api(std::move(api));
  d.gateway = gateway_.get();
  d.metrics = &metrics_;
  auto started = web::server::start(std::move(o), std::move(d));
  if (!started) return tl::unexpected(started.error());
  web_ = std::move(*started);
  return {};
}

void node::stop() {
  if (std::exchange(stopped_, true)) return;
  if (evidence_) evidence_->stop();
  if (web_) web_->stop();
  if (root_) {
    const auto reader =
        caf::actor_cast<messages::bar_reader_actor>(tree_.directory->find(actors::bar_reader_name));
    if (reader) {
      caf::scoped_actor self(*system_);
      self->request(reader, checkpoint_limit, messages::checkpoint_atom_v)
          .receive([](caf::ok_atom) {},
                   [](const caf::error& e) {
                     runtime::log().warn(
                         "no checkpoint at the end: {}; the next start reads more of the journal",
                         messages::error_text(e));
                   });
    }
    runtime::failpoint("stop.checkpointed");
    const auto root = caf::actor_cast<caf::actor>(root_);
    root_ = nullptr;
    if (!supervisors::stop_and_wait(*system_, root, stop_limit)) {
      runtime::log().error("some actors did not stop in time");
    }
  }
  watchman_ = nullptr;
  runtime::failpoint("stop.actors");
  gateway_.reset();
  if (exchange_) exchange_->stop();
  if (disk_) disk_->stop();
  if (upkeep_thread_) upkeep_thread_->stop();
  for (const auto& w : store_writers_) w->stop();
  if (store_readers_) store_readers_->stop();
  web_.reset();
  if (journal_) journal_->stop();
  runtime::failpoint("stop.journal");
  system_.reset();
}

}  // namespace artham::app

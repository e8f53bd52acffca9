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
  market_source_options o;
  o.settings = &options_.settings;
  o.data = options_.data;
  o.recording = options_.recording;
  o.journal = journal_.get();
  o.store = store_.get();
  o.calendars = &calendars_;
  o.decoder = &decoder_;
  o.metrics = &metrics_;
  auto market = market_source::open(std::move(o));
  if (!market) return tl::unexpected(market.error());
  market_ = std::move(*market);
  return store_->writing().put_instruments(market_->instruments(), market_->today());
}

result<void> node::keep_configuration() {
  const auto& s = options_.settings;
  auto rules = rules_of(s, calendars_);
  rules.instruments = market_->index();
  plans_ = rules.plans();
  auto settings = journal_->put_object(config::canonical_text(s));
  auto calendars = journal_->put_object(calendars_.text);
  auto instruments = journal_->put_object(market::write_instruments(market_->instruments()));
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
  features_ = feature_setup_of(s, calendars_, market_->instruments());
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

void node::make_upkeep() {
  const auto& s = options_.settings;
  upkeep_options o;
  o.journal = options_.data / "journal";
  o.checkpoints = checkpoints();
  // Where a recording goes on is counted over its whole journal.
  o.retention = options_.recording ? 0 : s.journal.retention;
  o.reserve = static_cast<std::uint64_t>(s.journal.reserve);
  o.calendars = market_->calendars_in_use();
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
  hub.instruments = market_->index();
  hub.timeframes = s.bars.timeframes;
  if (features_.enabled) hub.features = features_.plan;

  std::vector<messages::child_spec> roles;
  roles.push_back(supervisors::bars_tree(tree_, std::move(bars)));
  if (features_.enabled) roles.push_back(supervisors::features_tree(tree_, feature_reader()));
  roles.push_back(supervisors::store_tree(tree_, stores()));
  roles.push_back(supervisors::gateway_tree(tree_, std::move(hub)));
  roles.push_back(supervisors::ingest_tree(tree_, market_->ingestor(hashes_)));
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
  session.instruments = market_->index();
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
  j["feed"]["url"] = market_->own_exchange() != nullptr ? "embedded" : market_->feed_url();
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
  if (const auto formulas = market_->formulas()) {
    for (const auto& f : formulas->formulas()) {
      j["formulas"][f.name] = {
          {"ticks", totals[std::string(actors::formula_ticks_metric) + "." + f.name]},
          {"silent", totals[std::string(actors::formula_stale_metric) + "." + f.name]}};
    }
  }
  j["journal"] = upkeep_->status();
  j["store"] = store_status();
  if (seconds != 0) {
    for (const auto& c : market_->calendars_in_use()) {
      const auto day = c->local_date(seconds * market::second);
      const auto& known = c->spec();
      if (day >= known.first && day <= known.last) continue;
      j["calendars_assumed"][c->name()] = {{"date", market::to_string(day)},
                                           {"known_until", market::to_string(known.last)}};
    }
  }
  if (const auto* own = market_->own_exchange())
    j["exchange"] = {{"finished", own->finished()}, {"port", own->port()}};
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
  api.calendar_of = [index = market_->index()](std::uint32_t token) {
    return index->calendar_of(token);
  };
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
  if (market_) market_->stop();
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

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
#include "app/journal_identity.hpp"
#include "app/journal_rules.hpp"
#include "app/opened_store.hpp"
#include "app/position_at.hpp"
#include "app/written_journal.hpp"
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

constexpr std::chrono::seconds checkpoint_limit{10};
constexpr std::chrono::seconds stop_limit{30};

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
  auto opened = bridge::local::open(journal_options(s, options_.data, metrics_));
  if (!opened) return tl::unexpected(opened.error());
  journal_ = std::move(opened->journal);
  trimmer_ = std::move(opened->trimmer);
  const auto identity = journal_identity(options_.data);
  if (!identity) return tl::unexpected(identity.error());
  identity_ = *identity;
  log_opening(opened->report);
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
  return {};
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
  features.checkpoints = feature_checkpoints(checkpoints());
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
  c.plan_hash = features_.hash;
  c.checkpoint_dir = feature_checkpoints(checkpoints());
  c.checkpoint_interval = options_.settings.bars.checkpoint_interval;
  c.disk = disk_.get();
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
  if (alerts_) {
    o.evaluated = [alerts = alerts_.get()](const std::string& stream) {
      return alerts->board().passed(stream);
    };
  }
  upkeep_thread_ = std::make_unique<runtime::worker>("upkeep", 2);
  upkeep_ = std::make_unique<journal_upkeep>(std::move(o), *journal_, trimmer_, &store_->reading(),
                                             metrics_);
  upkeep_->began(opened_);
  const auto& p = s.store.postgres;
  store_upkeep_ = std::make_unique<store_upkeep>(
      store::retention{p.keep_ticks, p.keep_bars, p.keep_features}, *journal_, *store_, metrics_);
}

result<void> node::start_actors() {
  const auto& s = options_.settings;
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

  store_role_options stores;
  stores.settings = &s;
  stores.data = options_.data;
  stores.store = store_.get();
  stores.decoder = &decoder_;
  stores.metrics = &metrics_;
  stores_ = std::make_unique<store_role>(std::move(stores));
  stored_streams streams;
  streams.from = journal_.get();
  streams.timeframes = stored_timeframes();
  streams.features =
      features_.enabled || std::ranges::count(journal_->streams(), record::features_stream()) != 0;
  std::optional<actors::alert_evaluator_config> evaluator;
  if (s.alerts.enabled) {
    auto alerts = alert_role::start({&s, options_.data, &decoder_, &metrics_, bell_});
    if (!alerts) return tl::unexpected(alerts.error());
    alerts_ = std::move(*alerts);
    evaluator = alerts_->evaluator(streams);
  }
  make_gateway();

  std::vector<messages::child_spec> roles;
  roles.push_back(supervisors::bars_tree(tree_, std::move(bars)));
  if (features_.enabled) roles.push_back(supervisors::features_tree(tree_, feature_reader()));
  roles.push_back(
      supervisors::store_tree(tree_, stores_->actors_of(streams), std::move(evaluator)));
  roles.push_back(supervisors::gateway_tree(tree_, gateway_->hub()));
  roles.push_back(supervisors::replays_tree(tree_));
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
  for (std::size_t n = 1;; ++n) {
    const auto of = "." + std::to_string(n);
    const auto state = totals.find(std::string(actors::connection_state_metric) + of);
    if (state == totals.end()) break;
    j["feed"]["connections"].push_back(
        {{"state", feed::to_string(static_cast<feed::state>(state->second))},
         {"instruments", totals[std::string(actors::connection_instruments_metric) + of]},
         {"silent_ms", totals[std::string(actors::connection_silent_metric) + of]}});
  }
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
  j["replays"] = gateway_->replays().status();
  if (const auto formulas = market_->formulas()) {
    for (const auto& f : formulas->formulas()) {
      j["formulas"][f.name] = {
          {"ticks", totals[std::string(actors::formula_ticks_metric) + "." + f.name]},
          {"silent", totals[std::string(actors::formula_stale_metric) + "." + f.name]}};
    }
  }
  j["journal"] = upkeep_->status();
  j["store"] = stores_->status();
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

void node::make_gateway() {
  gateway_role_options o;
  o.settings = &options_.settings;
  o.data = options_.data;
  o.streams = journal_.get();
  o.journal = journal_.get();
  o.identity = identity_;
  o.store = &store_->reading();
  o.decoder = &decoder_;
  o.metrics = &metrics_;
  o.names = tree_.directory;
  o.instruments = market_->index();
  o.timeframes = options_.settings.bars.timeframes;
  o.features = features_;
  o.bell = bell_;
  o.operations.metrics = &metrics_;
  o.operations.version = version();
  o.operations.status = [this](const std::function<void(std::string)>& done) {
    done(status_json());
  };
  o.operations.tree = [this](std::function<void(std::string)> done) { ask_tree(std::move(done)); };
  o.operations.ready = [this]() -> web::readiness {
    const auto state =
        static_cast<feed::state>(metrics_.gauge(actors::feed_state_metric, "").value());
    if (auto why = upkeep_->unready(); !why.empty()) return {false, std::move(why)};
    // With one of several connections the node has something to serve.
    if (metrics_.gauge(actors::feed_live_metric, "").value() > 0) return {};
    return {false, "the feed is " + std::string(feed::to_string(state))};
  };
  gateway_ = std::make_unique<gateway_role>(std::move(o));
}

result<void> node::start_web() {
  return gateway_->listen(*system_);
}

template <class Reader>
void node::take_checkpoint(std::string_view reader_name) {
  const auto reader = caf::actor_cast<Reader>(tree_.directory->find(reader_name));
  if (!reader) return;
  caf::scoped_actor self(*system_);
  self->request(reader, checkpoint_limit, messages::checkpoint_atom_v)
      .receive([](caf::ok_atom) {},
               [&](const caf::error& e) {
                 runtime::log().warn(
                     "{}: no checkpoint at the end: {}; the next start reads more of the journal",
                     reader_name, messages::error_text(e));
               });
}

void node::stop() {
  if (std::exchange(stopped_, true)) return;
  if (gateway_) gateway_->close();
  if (root_) {
    take_checkpoint<messages::bar_reader_actor>(actors::bar_reader_name);
    take_checkpoint<messages::feature_reader_actor>(actors::feature_reader_name);
    runtime::failpoint("stop.checkpointed");
    const auto root = caf::actor_cast<caf::actor>(root_);
    root_ = nullptr;
    if (!supervisors::stop_and_wait(*system_, root, stop_limit)) {
      runtime::log().error("some actors did not stop in time");
    }
  }
  watchman_ = nullptr;
  runtime::failpoint("stop.actors");
  if (market_) market_->stop();
  if (disk_) disk_->stop();
  if (upkeep_thread_) upkeep_thread_->stop();
  if (stores_) stores_->stop();
  if (alerts_) alerts_->stop();
  if (gateway_) gateway_->stop();
  if (journal_) journal_->stop();
  runtime::failpoint("stop.journal");
  system_.reset();
}

}  // namespace artham::app

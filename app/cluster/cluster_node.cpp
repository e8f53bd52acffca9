#include "app/cluster/cluster_node.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include "app/build_info.hpp"
#include "app/cluster/live_values.hpp"
#include "app/journal_identity.hpp"
#include "app/opened_store.hpp"
#include "app/web_options.hpp"
#include "bridge/common/all_shards.hpp"
#include "config/redis_url.hpp"
#include "messages/caf_compat.hpp"
#include "messages/network.hpp"
#include "runtime/log.hpp"
#include "supervisors/cluster/node.hpp"
#include "supervisors/tree_json.hpp"

namespace artham::app::cluster {

namespace {

constexpr std::chrono::seconds stop_limit{30};
constexpr std::chrono::seconds tree_limit{2};
/// For an ingest node to bring back what a reader was overtaken in.
constexpr market::duration refill_wait = 10 * market::minute;

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// Ends the program when a tree has given up: starting it again is the recovery.
caf::behavior watchman(caf::event_based_actor* self, const messages::supervisor_actor& root,
                       std::function<void(std::string)> ended) {
  messages::install_handlers(self, "artham.watchman");
  self->monitor(root);
  self->send(root, caf::subscribe_atom_v, caf::actor_cast<caf::actor>(self));
  self->set_down_handler([self, ended](const caf::down_msg& m) {
    if (messages::is_crash(m.reason)) ended(messages::error_text(m.reason));
    self->quit();
  });
  return {[ended](const messages::child_event& e) {
    if (e.what == messages::child_event::what::parked)
      ended(e.id + ": " + messages::error_text(e.reason));
  }};
}

/// Of another node's status: what it lags behind with, and what it waits for.
nlohmann::json summary_of(const std::string& text) {
  const auto s = nlohmann::json::parse(text, nullptr, false);
  if (!s.is_object()) return {{"error", "its status cannot be read"}};
  nlohmann::json j{{"redis_up", s.value("redis", nlohmann::json::object()).value("up", false)}};
  const auto metrics = s.value("metrics", nlohmann::json::object());
  std::int64_t restarts = 0;
  for (const auto& [name, value] : metrics.items()) {
    if (name.find("_lag") != std::string::npos) j["lag"][name] = value;
    if (name.starts_with("artham_supervisor_restarts_total") && value.is_number())
      restarts += value.get<std::int64_t>();
  }
  j["restarts"] = restarts;
  for (const auto* part : {"ingest", "store"}) {
    if (s.contains(part)) j[part] = s[part];
  }
  if (s.contains("cluster")) j["waiting"] = s["cluster"].value("waiting", nlohmann::json::object());
  return j;
}

/// The web server with what feeds it, as a piece of work.
class gateway_unit final : public unit {
 public:
  gateway_unit(workshop& w, std::unique_ptr<gateway_role> role,
               std::shared_ptr<messages::directory> names, std::function<void(std::string)> listens)
      : workshop_(w),
        role_(std::move(role)),
        names_(std::move(names)),
        listens_(std::move(listens)) {}
  ~gateway_unit() override { gateway_unit::stop(); }

  result<void> start(const rules_in_force& rules) {
    auto tree = workshop_.tree;
    tree.directory = names_;
    running_ = true;
    if (auto done = workshop_.start_tree(live_values(workshop_, rules, tree)); !done) return done;
    if (auto done = workshop_.start_tree(supervisors::gateway_tree(tree, role_->hub())); !done)
      return done;
    if (auto done = workshop_.start_tree(supervisors::replays_tree(tree)); !done) return done;
    if (auto done = role_->listen(*workshop_.system); !done) return done;
    runtime::log().info("artham is running: {}", role_->url());
    listens_(role_->url());
    return {};
  }
  void stop() override {
    if (!std::exchange(running_, false)) return;
    listens_({});
    role_->close();
    workshop_.stop_tree("replays");
    workshop_.stop_tree("gateway");
    workshop_.stop_tree(live_values_id);
    workshop_.control->watch({});
    workshop_.control->want({});
    role_->stop();
  }

 private:
  workshop& workshop_;
  std::unique_ptr<gateway_role> role_;
  std::shared_ptr<messages::directory> names_;
  std::function<void(std::string)> listens_;
  bool running_ = false;
};

}  // namespace

cluster_node::cluster_node(cluster_node_options options) : options_(std::move(options)) {}

cluster_node::~cluster_node() {
  stop();
}

result<std::unique_ptr<cluster_node>> cluster_node::start(cluster_node_options options) {
  std::unique_ptr<cluster_node> n(new cluster_node(std::move(options)));
  for (const auto step :
       {&cluster_node::check_settings, &cluster_node::open_redis, &cluster_node::open_store,
        &cluster_node::start_system, &cluster_node::open_ingest, &cluster_node::start_work,
        &cluster_node::serve_operations}) {
    if (auto done = (n.get()->*step)(); !done) return tl::unexpected(done.error());
  }
  return n;
}

bool cluster_node::has(config::role r) const {
  const auto& roles = options_.settings.cluster.roles;
  return roles.empty() || std::ranges::count(roles, r) != 0;
}

result<void> cluster_node::check_settings() {
  const auto& s = options_.settings;
  name_ = s.cluster.node.empty() ? host_name() : s.cluster.node;
  life_ = supervisors::make_life();
  const bool here = has(config::role::store) && has(config::role::gateway);
  if ((has(config::role::store) || has(config::role::gateway)) && !here &&
      s.store.kind != config::store_kind::postgres) {
    return artham::fail(
        errc::usage,
        "store.kind is sqlite, a file of one process, and this node has only one of "
        "the roles store and gateway: use postgres (store.postgres.url)");
  }
  if (options_.recording && !has(config::role::ingest)) {
    return artham::fail(errc::usage,
                        "--recording plays where ticks are ingested; this node's roles "
                        "(cluster.roles) do not have ingest");
  }
  std::error_code ec;
  std::filesystem::create_directories(options_.data, ec);
  if (ec) {
    return artham::fail(errc::usage, "cannot create the data directory " + options_.data.string() +
                                         ": " + ec.message() + "; give one with --data");
  }
  return {};
}

result<void> cluster_node::open_redis() {
  const auto& r = options_.settings.bridge.redis;
  const auto at = config::parse_redis_url(r.url);
  if (!at)
    return artham::fail(errc::usage, "bridge.redis.url: '" + r.url + "' is no URL of a Redis");
  bridge::redis::options o;
  o.server.host = at->host;
  o.server.port = at->port;
  o.server.socket = at->socket;
  o.server.user = at->user;
  o.server.password = r.password;
  o.server.database = at->database;
  o.server.timeout = r.timeout;
  o.encoding = r.encoding == config::redis_encoding::fields ? bridge::redis::encoding::fields
                                                            : bridge::redis::encoding::packed;
  o.linger = r.linger;
  o.queue_bytes = static_cast<std::uint64_t>(r.queue_bytes);
  o.read_bytes = static_cast<std::uint64_t>(r.read_bytes);
  o.max_bytes = static_cast<std::uint64_t>(r.max_bytes);
  // A gateway that cannot be reached for so long misses nothing.
  o.keep = market::minute;
  o.consumer = name_;
  o.awaited = {"bars", "tick_store"};
  if (options_.settings.features.enabled) o.awaited.emplace_back("features");
  o.refill_wait = refill_wait;
  // Who ingested last goes on without it.
  o.may_be_away = has(config::role::ingest) && own_fence(options_.data).get();
  o.metrics = &metrics_;
  o.on_health = [](const std::optional<error>& e) {
    if (e) {
      runtime::log().error("Redis: {}", e->message);
    } else {
      runtime::log().info("Redis: works again");
    }
  };
  workshop_.server = o.server;
  kept_ = bridge::redis::make_kept_values(o.server);
  auto opened = bridge::redis::open(std::move(o));
  if (!opened) return tl::unexpected(opened.error());
  redis_ = std::move(*opened);
  all_shards_ =
      bridge::all_shards(*redis_, static_cast<std::uint32_t>(options_.settings.cluster.shards));
  return {};
}

result<void> cluster_node::open_store() {
  if (!has(config::role::store) && !has(config::role::gateway)) return {};
  const auto& s = options_.settings;
  store_opening how;
  how.timeframes = s.bars.timeframes;
  how.writers = static_cast<std::size_t>(s.store.postgres.writers);
  how.may_be_away = true;
  auto opened = artham::app::open_store(s, options_.data, how);
  if (!opened) return tl::unexpected(opened.error());
  store_ = std::move(*opened);
  if (!has(config::role::store)) return {};
  store_role_options o;
  o.settings = &options_.settings;
  o.data = options_.data;
  o.store = store_.get();
  o.decoder = &workshop_.decoder;
  o.metrics = &metrics_;
  stores_ = std::make_unique<store_role>(std::move(o));
  if (!s.alerts.enabled) return {};
  auto alerts = alert_role::start({&s, options_.data, &workshop_.decoder, &metrics_, bell_});
  if (!alerts) return tl::unexpected(alerts.error());
  alerts_ = std::move(*alerts);
  return {};
}

result<void> cluster_node::start_system() {
  const auto& s = options_.settings;
  const messages::credentials credentials{s.cluster.certificate, s.cluster.key,
                                          s.cluster.authority};
  auto network = messages::make_network_config(
      {static_cast<std::size_t>(s.runtime.threads), s.cluster.address, credentials});
  if (!network) return tl::unexpected(network.error());
  system_config_.emplace(std::move(*network));
  system_ = std::make_unique<caf::actor_system>(*system_config_);
  disk_ = std::make_unique<runtime::worker>("checkpoints", 16);
  upkeep_ = std::make_unique<runtime::worker>("upkeep", 2);

  auto& w = workshop_;
  w.settings = &options_.settings;
  w.data = options_.data;
  w.metrics = &metrics_;
  w.redis = redis_.get();
  w.system = system_.get();
  w.disk = disk_.get();
  w.upkeep = upkeep_.get();
  w.store = store_.get();
  w.stores = stores_.get();
  w.alerts = alerts_.get();
  w.tree.metrics = &metrics_;
  w.tree.intensity = {static_cast<std::size_t>(s.supervisor.intensity),
                      std::chrono::nanoseconds(s.supervisor.period)};
  w.tree.backoff.min = std::chrono::nanoseconds(s.supervisor.backoff_min);
  w.tree.backoff.max = std::chrono::nanoseconds(s.supervisor.backoff_max);
  supervisors::supervisor_options top;
  top.name = "node";
  top.intensity = w.tree.intensity;
  top.backoff = w.tree.backoff;
  top.metrics = &metrics_;
  w.root = supervisors::spawn_dynamic_supervisor(*system_, std::move(top));
  watchman_ = caf::actor_cast<caf::actor>(
      system_->spawn(watchman, w.root, [this](std::string why) { fail(std::move(why)); }));

  control_ = std::make_shared<supervisors::control>();
  w.control = control_.get();
  supervisors::cluster_node_options net;
  net.self.cluster = s.cluster.name;
  net.self.node = name_;
  net.self.life = life_;
  net.self.version = version();
  for (const auto& r : says().roles) net.self.roles.emplace_back(to_string(r));
  net.self.address = s.cluster.address;
  net.self.port = s.cluster.port;
  net.self.shards = w.shards();
  net.seeds = s.cluster.seeds;
  net.credentials = credentials;
  net.control = control_;
  net.metrics = &metrics_;
  if (auto done = w.start_tree(supervisors::cluster_node_child(std::move(net))); !done) return done;
  return {};
}

result<void> cluster_node::open_ingest() {
  if (!has(config::role::ingest)) return {};
  auto opened = ingest_side::open(workshop_, options_.recording);
  if (!opened) return tl::unexpected(opened.error());
  ingest_ = std::move(*opened);
  return {};
}

result<void> cluster_node::start_work() {
  const auto& s = options_.settings;
  lease_keeper_options k;
  k.leases = bridge::redis::make_leases(workshop_.server, s.cluster.name);
  k.node = name_;
  k.life = life_;
  k.shards = workshop_.shards();
  k.lease = s.cluster.lease;
  k.floor = [this] {
    const auto epoch = std::max(redis_->last_epoch(), ingest_ ? ingest_->largest_epoch() : 0U);
    return std::max<std::uint64_t>(largest_fence_, epoch / epochs_a_fence + 1);
  };
  k.says = [this] { return says(); };
  k.gave_back = [this](const std::string& lease) {
    if (lease == "ingest" && ingest_) ingest_->gave_back();
  };
  k.changed = [this] {
    if (const auto refused = keeper_->refused()) fail(refused->message);
    runner_->wake();
  };
  k.metrics = &metrics_;
  keeper_ = std::make_unique<lease_keeper>(std::move(k));
  unit_runner_options r;
  r.keeper = keeper_.get();
  r.node = name_;
  r.rules = [this](const cluster_view& view) { return rules_of(view); };
  r.start = [this](const std::string& lease, std::uint64_t fence, const rules_in_force* rules) {
    largest_fence_ = std::max<std::uint64_t>(largest_fence_, fence);
    return start_unit(lease, fence, rules);
  };
  if (has(config::role::gateway))
    r.start_always = [this](const rules_in_force& rules) { return start_gateway(rules); };
  r.start_alone = [this]() -> result<std::unique_ptr<unit>> {
    if (!ingest_ || redis_->is_up()) return std::unique_ptr<unit>();
    return ingest_->begin_alone();
  };
  r.ingest_held = [this](bool held) {
    if (!ingest_) return;
    if (!held) ingest_->stand_by();
    ingest_->look();
  };
  runner_ = std::make_unique<unit_runner>(std::move(r));
  members_ = control_->on_member([this](const messages::member_event& e) {
    if (e.what == messages::member_change::gone) keeper_->suspect(e.who.node);
  });
  runner_->start();
  keeper_->start();
  control_->serve_tree(workshop_.root);
  control_->serve_status([this] { return status_json(); });
  control_->serve_drain([this](const std::string& who) {
    runtime::log().info("cluster: {} asks this node to hand over and stop", who);
    fail({});
  });
  return {};
}

node_says cluster_node::says() const {
  node_says s;
  s.roles = options_.settings.cluster.roles;
  if (s.roles.empty()) {
    s.roles = {config::role::ingest, config::role::bars, config::role::features,
               config::role::store, config::role::gateway};
  }
  s.shards = static_cast<std::uint32_t>(options_.settings.cluster.shards);
  s.version = version();
  s.leaving = leaving_;
  {
    const std::lock_guard lock(mutex_);
    s.url = url_;
  }
  if (ingest_) {
    s.in_force = ingest_->in_force();
    s.listed_on = ingest_->listed_on();
    s.alone = ingest_->is_alone();
  }
  return s;
}

result<std::shared_ptr<const rules_in_force>> cluster_node::rules_of(const cluster_view& view) {
  auto in_force = view.in_force;
  auto listed_on = view.listed_on;
  if (!in_force && !rules_) {
    const auto kept = kept_->all("ingest");
    if (!kept) return tl::unexpected(kept.error());
    const auto it = kept->find(rules_in_force_name);
    if (it == kept->end()) return rules_;
    const auto said = parse_node_says(it->second);
    if (!said) return tl::unexpected(said.error());
    in_force = said->in_force;
    listed_on = said->listed_on;
  }
  if (!in_force || (rules_ && rules_->hashes == *in_force)) return rules_;
  auto read = read_rules_in_force(*redis_, *in_force);
  if (!read) return tl::unexpected(read.error());
  rules_ = std::move(*read);
  listed_on_ = listed_on;
  return rules_;
}

result<std::unique_ptr<unit>> cluster_node::start_unit(const std::string& lease,
                                                       std::uint64_t fence,
                                                       const rules_in_force* rules) {
  if (!redis_->is_up()) return artham::fail(errc::unavailable, "Redis does not answer");
  if (lease == "ingest") return ingest_->begin(fence);
  const auto colon = lease.find(':');
  const auto role = std::string_view(lease).substr(0, colon);
  const auto shard = static_cast<std::uint32_t>(std::stoul(lease.substr(colon + 1)));
  if (role == "bars") return start_bars(workshop_, *rules, shard, fence);
  if (role == "features") {
    if (!rules->features.enabled) return std::make_unique<idle_unit>();
    return start_features(workshop_, *rules, shard, fence);
  }
  if (listed_on_ != stored_list_) {
    if (auto put = store_->writing().put_instruments(rules->instruments, listed_on_); !put)
      return tl::unexpected(put.error());
    stored_list_ = listed_on_;
  }
  return start_stores(workshop_, *rules, shard);
}

result<std::unique_ptr<unit>> cluster_node::start_gateway(const rules_in_force& rules) {
  gateway_role_options o;
  o.settings = &options_.settings;
  o.data = options_.data;
  o.streams = all_shards_.get();
  o.journal = redis_.get();
  o.shards = static_cast<std::uint32_t>(options_.settings.cluster.shards);
  o.identity = cluster_identity(options_.settings.cluster.name);
  o.store = &store_->reading();
  o.decoder = &workshop_.decoder;
  o.metrics = &metrics_;
  o.names = std::make_shared<messages::directory>();
  o.instruments = rules.index;
  o.timeframes = rules.bars.timeframes;
  o.features = rules.features;
  o.bell = bell_;
  o.operations = operations();
  o.on_demand = [control = control_.get()](std::vector<std::uint32_t> tokens) {
    control->want(std::move(tokens));
  };
  auto names = o.names;
  auto made =
      std::make_unique<gateway_unit>(workshop_, std::make_unique<gateway_role>(std::move(o)),
                                     std::move(names), [this](std::string url) {
                                       const std::lock_guard lock(mutex_);
                                       url_ = std::move(url);
                                     });
  if (auto done = made->start(rules); !done) return tl::unexpected(done.error());
  return made;
}

web::operations_sources cluster_node::operations() {
  web::operations_sources o;
  o.metrics = &metrics_;
  o.version = version();
  o.status = [this](std::function<void(std::string)> done) { ask_status(std::move(done)); };
  o.tree = [this](std::function<void(std::string)> done) { ask_tree(std::move(done)); };
  o.ready = [this] { return readiness(); };
  return o;
}

result<void> cluster_node::serve_operations() {
  if (has(config::role::gateway)) return {};
  web::server_dependencies d;
  d.handler = web::make_operations(operations());
  d.websockets = {{"/v1/stream", &no_gateway_},
                  {"/kite/ws", &no_gateway_},
                  {"/kite/replay/{id}", &no_gateway_}};
  d.metrics = &metrics_;
  auto started = web::server::start(web_options(options_.settings.web), std::move(d));
  if (!started) return tl::unexpected(started.error());
  operations_ = std::move(*started);
  const std::lock_guard lock(mutex_);
  url_ = operations_->url();
  return {};
}

void cluster_node::ask_tree(std::function<void(std::string)> done) const {
  const auto actor = control_->actor();
  system_->spawn([actor, done = std::move(done)](caf::event_based_actor* self) {
    messages::install_handlers(self, "artham.tree");
    self->request(actor, tree_limit, messages::tree_atom_v, messages::everyone_atom_v,
                  caf::timespan(tree_limit / 2))
        .then(
            [done](const messages::cluster_trees& all) {
              nlohmann::json j;
              for (const auto& n : all.nodes) {
                j["nodes"][n.node] = n.error.empty() ? supervisors::to_json(n.tree)
                                                     : nlohmann::json{{"error", n.error}};
              }
              done(j.dump());
            },
            [done](const caf::error& e) {
              done(nlohmann::json{{"error", messages::error_text(e)}}.dump());
            });
  });
}

void cluster_node::ask_status(std::function<void(std::string)> done) const {
  const auto actor = control_->actor();
  auto own = std::make_shared<nlohmann::json>(nlohmann::json::parse(status_json()));
  system_->spawn([actor, own, done = std::move(done)](caf::event_based_actor* self) {
    messages::install_handlers(self, "artham.status");
    self->request(actor, tree_limit, messages::status_atom_v, messages::everyone_atom_v,
                  caf::timespan(tree_limit / 2))
        .then(
            [=](const messages::cluster_statuses& all) {
              for (const auto& n : all.nodes)
                (*own)["cluster"]["status"][n.node] =
                    n.error.empty() ? summary_of(n.json) : nlohmann::json{{"error", n.error}};
              done(own->dump());
            },
            [=](const caf::error& e) {
              (*own)["cluster"]["error"] = messages::error_text(e);
              done(own->dump());
            });
  });
}

nlohmann::json cluster_node::cluster_json() const {
  nlohmann::json j{{"name", options_.settings.cluster.name},     {"node", name_},
                   {"shards", options_.settings.cluster.shards}, {"nodes", nlohmann::json::array()},
                   {"leases", nlohmann::json::object()},         {"held", nlohmann::json::array()},
                   {"waiting", nlohmann::json::object()}};
  const auto view = keeper_->view();
  for (const auto& n : view.nodes) {
    nlohmann::json roles = nlohmann::json::array();
    for (const auto r : n.says.roles) roles.push_back(std::string(to_string(r)));
    j["nodes"].push_back({{"node", n.node},
                          {"roles", roles},
                          {"version", n.says.version},
                          {"url", n.says.url},
                          {"leaving", n.says.leaving},
                          {"silent_ms", n.age / market::millisecond}});
  }
  for (const auto& [lease, holder] : view.holders) j["leases"][lease] = holder;
  for (const auto& [lease, fence] : keeper_->held()) j["held"].push_back(lease);
  for (const auto& [what, why] : runner_->waiting()) j["waiting"][what] = why;
  if (view.failure) j["failure"] = view.failure->message;
  return j;
}

std::string cluster_node::status_json() const {
  nlohmann::json j;
  j["version"] = version();
  for (const auto& sample : metrics_.samples()) {
    std::string name = sample.name;
    for (const auto& [label, value] : sample.labels) name += "." + value;
    j["metrics"][name] = sample.value;
  }
  const auto redis = redis_->status();
  j["redis"] = {{"place", workshop_.server.text()},
                {"up", redis.is_up},
                {"used_memory", redis.used_memory},
                {"suffers", redis.suffers ? redis.suffers->message : ""}};
  if (stores_) j["store"] = stores_->status();
  if (ingest_) j["ingest"] = ingest_->status();
  j["cluster"] = cluster_json();
  return j.dump();
}

web::readiness cluster_node::readiness() const {
  if (!redis_->is_up()) return {false, "Redis does not answer"};
  const auto view = keeper_->view();
  if (!view.holders.contains("ingest")) return {false, "no node ingests"};
  return {};
}

void cluster_node::fail(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(failed_, true)) return;
  }
  if (options_.on_failure) options_.on_failure(std::move(why));
}

std::string cluster_node::place() const {
  if (operations_) return operations_->url();
  return "node " + name_ + " of cluster " + options_.settings.cluster.name;
}

void cluster_node::stop() {
  if (std::exchange(stopped_, true)) return;
  leaving_ = true;
  if (operations_) operations_->stop();
  members_.reset();
  if (runner_) runner_->stop();
  if (keeper_) keeper_->stop();
  if (ingest_) ingest_->stop();
  if (workshop_.root) {
    const auto root = caf::actor_cast<caf::actor>(std::exchange(workshop_.root, nullptr));
    if (control_) control_->serve_tree({});
    if (!supervisors::stop_and_wait(*system_, root, stop_limit))
      runtime::log().error("some actors did not stop in time");
  }
  watchman_ = nullptr;
  if (disk_) disk_->stop();
  if (upkeep_) upkeep_->stop();
  if (stores_) stores_->stop();
  if (alerts_) alerts_->stop();
  if (redis_) redis_->stop();
  ingest_.reset();
  control_.reset();
  system_.reset();
}

}  // namespace artham::app::cluster

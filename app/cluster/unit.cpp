#include "app/cluster/unit.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>
#include <caf/scoped_actor.hpp>

#include "app/cluster/assignment.hpp"
#include "app/cluster/live_values.hpp"
#include "app/position_at.hpp"
#include "app/store_upkeep.hpp"
#include "bridge/common/shard_view.hpp"
#include "bridge/redis/kept_values.hpp"
#include "messages/caf_compat.hpp"
#include "messages/directory.hpp"
#include "runtime/log.hpp"

namespace artham::app::cluster {

namespace {

constexpr std::chrono::seconds start_limit{10};
constexpr std::chrono::seconds stop_limit{30};
constexpr std::chrono::seconds checkpoint_limit{10};

/// A tree that works on one shard of the streams in Redis.
class tree_unit : public unit {
 public:
  tree_unit(workshop& w, std::string id, std::uint32_t shard)
      : workshop_(w),
        id_(std::move(id)),
        view_(bridge::shard_view(*w.redis, shard, w.shards())),
        tree_(w.tree) {
    tree_.directory = std::make_shared<messages::directory>();
  }
  ~tree_unit() override { tree_unit::stop(); }

  result<void> start(messages::child_spec spec) {
    spec.id = id_;
    auto done = workshop_.start_tree(std::move(spec));
    running_ = done.has_value();
    return done;
  }
  /// Publishes what forms in it.
  result<void> start_live(messages::child_spec publisher) {
    live_ = true;
    return workshop_.start_tree(std::move(publisher));
  }
  void stop() override {
    if (std::exchange(live_, false)) workshop_.stop_tree(live_id(id_));
    if (std::exchange(running_, false)) workshop_.stop_tree(id_);
  }

  [[nodiscard]] bridge::bridge& view() { return *view_; }
  [[nodiscard]] const supervisors::tree_options& tree() const { return tree_; }

 protected:
  workshop& workshop_;

 private:
  std::string id_;
  std::unique_ptr<bridge::bridge> view_;
  supervisors::tree_options tree_;
  bool running_ = false;
  bool live_ = false;
};

/// Checkpoints of a shard's bars or features, kept in Redis besides, so that the shard can move.
class shared_checkpoints {
 public:
  shared_checkpoints(workshop& w, std::string consumer, std::string lease, std::uint32_t shard,
                     std::uint64_t fence, std::filesystem::path directory)
      : redis_(*w.redis),
        kept_(bridge::redis::make_kept_values(w.server)),
        consumer_(std::move(consumer)),
        lease_(std::move(lease)),
        ticks_(bridge::stream_in_shard(record::ticks_stream(), shard, w.shards())),
        fence_(fence),
        directory_(std::move(directory)) {}

  /// Brings those that another node has written.
  void fetch() {
    const auto all = kept_->all(lease_);
    if (!all) {
      runtime::log().warn("cluster: {}: no checkpoints from Redis: {}", lease_,
                          all.error().message);
      return;
    }
    const actors::checkpoint_directory here(directory_);
    for (const auto& [name, bytes] : *all) {
      const auto c = actors::decode_checkpoint(bytes);
      auto saved = c ? here.save(*c) : result<void>(tl::unexpected(c.error()));
      if (!saved)
        runtime::log().warn("cluster: {}: checkpoint {}: {}", lease_, name, saved.error().message);
    }
  }
  /// What a start may need is kept, from before it reads.
  void hold() const {
    record::position oldest{UINT32_MAX, UINT64_MAX};
    const auto files = actors::checkpoint_directory(directory_).newest_first();
    for (const auto& file : files) {
      const auto at = actors::checkpoint_directory::position_of(file);
      oldest = std::min(oldest, at.value_or(record::position{}));
    }
    redis_.passed(ticks_, consumer_, files.empty() ? record::position{} : oldest);
  }
  /// Whoever reads needs what is behind that; it may be less far than somebody was before.
  void begin(record::position at) {
    const std::lock_guard lock(mutex_);
    redis_.passed(ticks_, consumer_, at);
    before_ = at;
  }
  /// From the disk's thread.
  void keep(const actors::checkpoint& c) {
    const auto name = actors::checkpoint_directory::name_of(c.at);
    if (auto kept = kept_->keep(lease_, fence_, name, actors::encode(c)); !kept) {
      runtime::log().warn("cluster: {}: checkpoint {} is not in Redis: {}", lease_, name,
                          kept.error().message);
      return;
    }
    const std::lock_guard lock(mutex_);
    // A start may take the one before. One of a life before that had come farther is none.
    if (before_ < c.at) redis_.passed(ticks_, consumer_, before_);
    before_ = c.at;
  }

 private:
  bridge::redis::redis_bridge& redis_;
  std::unique_ptr<bridge::redis::kept_values> kept_;
  std::string consumer_;  ///< of the ticks
  std::string lease_;
  std::string ticks_;
  std::uint64_t fence_;
  std::filesystem::path directory_;
  std::mutex mutex_;
  record::position before_;
};

/// One whose reader takes a last checkpoint before it ends.
template <class Reader>
class reader_unit final : public tree_unit {
 public:
  reader_unit(workshop& w, std::string id, std::uint32_t shard, std::string_view reader_name)
      : tree_unit(w, std::move(id), shard), reader_name_(reader_name) {}

  void stop() override {
    if (const auto reader = caf::actor_cast<Reader>(tree().directory->find(reader_name_))) {
      caf::scoped_actor self(*workshop_.system);
      self->request(reader, checkpoint_limit, messages::checkpoint_atom_v)
          .receive([](caf::ok_atom) {},
                   [&](const caf::error& e) {
                     runtime::log().warn("{}: no checkpoint at the end: {}", reader_name_,
                                         messages::error_text(e));
                   });
    }
    tree_unit::stop();
  }
  void abandon() override { tree_unit::stop(); }

 private:
  std::string_view reader_name_;
};
using bars_unit = reader_unit<messages::bar_reader_actor>;
using features_unit = reader_unit<messages::feature_reader_actor>;

using day_begin = std::function<result<record::position>(market::timestamp)>;

/// Of a shard in Redis. Of what was trimmed the ingest node's journal tells; a day that is its
/// first goes from where it begins.
day_begin day_begin_of(bridge::bridge& view, std::vector<market::calendar_ptr> calendars) {
  return [begin = day_begin_in(view, std::move(calendars))](
             market::timestamp t) -> result<record::position> {
    auto at = begin(t);
    return at && at->seq == 0 ? record::position{1, 0} : at;
  };
}

/// Where whoever has nothing to go on from begins: with the day of the first record that Redis has.
std::function<result<record::position>()> first_day_of(bridge::bridge& view, day_begin begin) {
  return [&view, begin = std::move(begin)]() -> result<record::position> {
    const auto kept = kept_from(view);
    if (!kept) return tl::unexpected(kept.error());
    return kept->first.seq <= 1 ? record::position{} : begin(kept->from);
  };
}

/// Whether what a rule watches is in a shard. Losses of the feed are in every one: the first has
/// them.
std::function<bool(const market::alert::rule_key&, std::uint32_t)> owner_of(
    const rules_in_force& rules, std::uint32_t shard, std::uint32_t shards) {
  using market::alert::subject;
  auto map = std::make_shared<const market::feature::shard_map>(*rules.features.plan, shards);
  return [map, shard, shards](const market::alert::rule_key& key, std::uint32_t token) {
    if (key.of == subject::gap) return shard == 0;
    if (key.of == subject::chain)
      return market::feature::shard_of_group(key.instrument, shards) == shard;
    return map->of(token) == shard;
  };
}

/// Keeps the store as short as its settings want it.
struct shortening {
  explicit shortening(workshop& w)
      : first(bridge::shard_view(*w.redis, 0, w.shards())),
        upkeep({w.settings->store.postgres.keep_ticks, w.settings->store.postgres.keep_bars,
                w.settings->store.postgres.keep_features},
               *first, *w.store, *w.metrics) {}

  std::unique_ptr<bridge::bridge> first;  ///< tells market time
  store_upkeep upkeep;
};

/// Stores a shard. Whoever stores the first one also removes what is old.
class stores_unit final : public tree_unit {
 public:
  using tree_unit::tree_unit;
  void keep_short() { shortening_ = std::make_shared<shortening>(workshop_); }
  void look() override {
    const auto now = std::chrono::steady_clock::now();
    if (!shortening_ || now < next_look_) return;
    next_look_ = now + std::chrono::seconds(1);
    static_cast<void>(workshop_.upkeep->post([s = shortening_] { s->upkeep.look(); }));
  }

 private:
  std::shared_ptr<shortening> shortening_;
  std::chrono::steady_clock::time_point next_look_{};
};

}  // namespace

result<void> workshop::start_tree(messages::child_spec spec) {
  caf::scoped_actor self(*system);
  result<void> outcome;
  self->request(root, start_limit, messages::start_child_atom_v, std::move(spec))
      .receive([](const caf::actor&) {},
               [&](const caf::error& e) { outcome = tl::unexpected(messages::error_of(e)); });
  return outcome;
}

void workshop::stop_tree(const std::string& id) {
  caf::scoped_actor self(*system);
  self->request(root, stop_limit, messages::stop_child_atom_v, id)
      .receive([](caf::ok_atom) {},
               [&](const caf::error& e) {
                 const auto error = messages::error_of(e);
                 if (error.code != errc::not_found)
                   runtime::log().error("cluster: {} did not stop: {}", id, error.message);
               });
}

result<std::unique_ptr<unit>> start_bars(workshop& w, const rules_in_force& rules,
                                         std::uint32_t shard, std::uint64_t fence) {
  const auto lease = lease_name(config::role::bars, shard);
  w.redis->hold(lease, fence);
  auto made = std::make_unique<bars_unit>(w, lease, shard, actors::bar_reader_name);
  const auto& s = *w.settings;
  const auto directory = w.data / "checkpoints" / ("shard-" + std::to_string(shard));
  auto checkpoints =
      std::make_shared<shared_checkpoints>(w, "bars", lease, shard, fence, directory);
  checkpoints->fetch();
  checkpoints->hold();
  actors::bar_reader_config c;
  c.input = c.output = &made->view();
  c.decoder = &w.decoder;
  c.metrics = w.metrics;
  c.names = made->tree().directory;
  c.timeframes = rules.bars.timeframes;
  c.plan_of = [plans = rules.plans](std::uint32_t token) { return plans->of(token); };
  c.plan_hash = rules.bars_hash;
  c.begin = first_day_of(made->view(), day_begin_of(made->view(), rules.features.calendars));
  c.batch = static_cast<std::uint64_t>(s.runtime.batch);
  c.checkpoint_dir = directory;
  c.checkpoint_interval = s.bars.checkpoint_interval;
  c.on_checkpoint = [checkpoints](const actors::checkpoint& saved) { checkpoints->keep(saved); };
  c.on_begin = [checkpoints](record::position at) { checkpoints->begin(at); };
  c.disk = w.disk;
  if (auto done = made->start(supervisors::bars_tree(made->tree(), std::move(c))); !done)
    return tl::unexpected(done.error());
  auto live = live_bars_publisher(w, rules, shard, made->view(), made->tree());
  if (auto done = made->start_live(std::move(live)); !done) return tl::unexpected(done.error());
  return made;
}

result<std::unique_ptr<unit>> start_features(workshop& w, const rules_in_force& rules,
                                             std::uint32_t shard, std::uint64_t fence) {
  const auto lease = lease_name(config::role::features, shard);
  w.redis->hold(lease, fence);
  auto made = std::make_unique<features_unit>(w, lease, shard, actors::feature_reader_name);
  const auto directory =
      feature_checkpoints(w.data / "checkpoints") / ("shard-" + std::to_string(shard));
  auto checkpoints =
      std::make_shared<shared_checkpoints>(w, "features", lease, shard, fence, directory);
  checkpoints->fetch();
  checkpoints->hold();
  actors::feature_reader_config c;
  c.input = c.output = &made->view();
  c.decoder = &w.decoder;
  c.metrics = w.metrics;
  c.names = made->tree().directory;
  c.plan = rules.features.plan;
  c.batch = std::min<std::uint64_t>(c.batch, static_cast<std::uint64_t>(w.settings->runtime.batch));
  c.day_begin = day_begin_of(made->view(), rules.features.calendars);
  c.begin = first_day_of(made->view(), c.day_begin);
  c.plan_hash = rules.features.hash;
  c.checkpoint_dir = directory;
  c.checkpoint_interval = w.settings->bars.checkpoint_interval;
  c.on_checkpoint = [checkpoints](const actors::checkpoint& saved) { checkpoints->keep(saved); };
  c.on_begin = [checkpoints](record::position at) { checkpoints->begin(at); };
  c.disk = w.disk;
  if (auto done = made->start(supervisors::features_tree(made->tree(), std::move(c))); !done)
    return tl::unexpected(done.error());
  auto live = live_chains_publisher(w, rules, shard, made->view(), made->tree());
  if (auto done = made->start_live(std::move(live)); !done) return tl::unexpected(done.error());
  return made;
}

result<std::unique_ptr<unit>> start_stores(workshop& w, const rules_in_force& rules,
                                           std::uint32_t shard) {
  const auto lease = lease_name(config::role::store, shard);
  auto made = std::make_unique<stores_unit>(w, lease, shard);
  if (shard == 0) made->keep_short();
  stored_streams streams;
  streams.from = w.redis;
  streams.timeframes = rules.bars.timeframes;
  streams.features = rules.features.enabled;
  streams.shard = shard;
  streams.shards = w.shards();
  std::optional<actors::alert_evaluator_config> alerts;
  if (w.alerts != nullptr)
    alerts = w.alerts->evaluator(streams, owner_of(rules, shard, w.shards()));
  if (auto done = made->start(
          supervisors::store_tree(made->tree(), w.stores->actors_of(streams), std::move(alerts)));
      !done)
    return tl::unexpected(done.error());
  return made;
}

}  // namespace artham::app::cluster

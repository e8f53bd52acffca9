#include "supervisors/roles.hpp"

#include <string>
#include <utility>

#include "actors/session/gateway_port.hpp"

namespace artham::supervisors {

namespace {

supervisor_options named(const tree_options& o, std::string name, strategy s) {
  supervisor_options options;
  options.name = std::move(name);
  options.strategy = s;
  options.intensity = o.intensity;
  options.backoff = o.backoff;
  options.directory = o.directory;
  options.metrics = o.metrics;
  return options;
}

messages::child_spec worker(std::string id, messages::child_factory factory,
                            std::string_view publish_as = {}) {
  messages::child_spec spec;
  spec.id = std::move(id);
  spec.factory = std::move(factory);
  spec.publish_as = publish_as;
  return spec;
}

struct reader_names {
  const char* tree;
  const char* children;
  std::string_view children_published;
  std::string_view reader_published;
};

/// A reader and the supervisor of those that it drives.
template <class Reader, class Config>
messages::child_spec reader_tree(const tree_options& o, const reader_names& names, Reader* reader,
                                 Config config) {
  auto options = named(o, names.children, strategy::one_for_one);
  options.backoff.first_at_once = true;
  auto children = nested_dynamic_supervisor(names.children, std::move(options));
  children.publish_as = names.children_published;
  auto factory = messages::make_factory(
      [reader, config = std::move(config)](const messages::child_context& c) {
        return c.system.spawn(reader, config);
      });
  return nested_supervisor(
      names.tree, named(o, names.tree, strategy::one_for_all),
      {std::move(children), worker("reader", std::move(factory), names.reader_published)});
}

}  // namespace

messages::child_spec ingest_tree(const tree_options& o, actors::ingestor_config config) {
  auto factory =
      messages::make_factory([config = std::move(config)](const messages::child_context& c) {
        auto own = config;
        // Only the first life can go on exactly where the journal ends.
        own.log.continuous = own.log.continuous && c.generation == 1;
        return c.system.spawn(actors::ingestor, std::move(own));
      });
  return nested_supervisor("ingest", named(o, "ingest", strategy::one_for_one),
                           {worker("ingestor", std::move(factory))});
}

messages::child_spec journal_child(actors::journal_keeper_config config) {
  return worker("journal", messages::make_factory(
                               [config = std::move(config)](const messages::child_context& c) {
                                 return c.system.spawn(actors::journal_keeper, config);
                               }));
}

messages::child_spec bars_tree(const tree_options& o, actors::bar_reader_config config) {
  return reader_tree(o, {"bars", "builders", actors::builders_name, actors::bar_reader_name},
                     actors::bar_reader, std::move(config));
}

messages::child_spec features_tree(const tree_options& o, actors::feature_reader_config config) {
  return reader_tree(
      o, {"features", "groups", actors::feature_actors_name, actors::feature_reader_name},
      actors::feature_reader, std::move(config));
}

messages::child_spec store_tree(const tree_options& o,
                                std::vector<actors::stream_store_config> configs,
                                std::optional<actors::alert_evaluator_config> alerts) {
  std::vector<messages::child_spec> children;
  for (auto& config : configs) {
    auto id = config.name();
    children.push_back(worker(
        std::move(id),
        messages::make_factory([config = std::move(config)](const messages::child_context& c) {
          return c.system.spawn(actors::stream_store, config);
        })));
  }
  if (alerts) {
    auto factory =
        messages::make_factory([config = std::move(*alerts)](const messages::child_context& c) {
          return c.system.spawn(actors::alert_evaluator, config);
        });
    children.push_back(worker("alerts", std::move(factory)));
  }
  return nested_supervisor("store", named(o, "store", strategy::one_for_one), std::move(children));
}

messages::child_spec gateway_tree(const tree_options& o, actors::hub_config config) {
  auto factory =
      messages::make_factory([config = std::move(config)](const messages::child_context& c) {
        return c.system.spawn(actors::hub, config);
      });
  auto sessions =
      nested_dynamic_supervisor("sessions", named(o, "sessions", strategy::one_for_one));
  sessions.publish_as = actors::sessions_name;
  return nested_supervisor(
      "gateway", named(o, "gateway", strategy::one_for_all),
      {worker("hub", std::move(factory), actors::hub_name), std::move(sessions)});
}

messages::child_spec replays_tree(const tree_options& o) {
  // Whoever starts the tree need not have the directory that they are looked up in.
  auto running =
      nested_dynamic_supervisor("running", named(o, "replays.running", strategy::one_for_one));
  running.publish_as = replays_name;
  return nested_supervisor("replays", named(o, "replays", strategy::one_for_one),
                           {std::move(running)});
}

messages::child_spec replay_tree(const tree_options& o, std::string id) {
  auto spec = nested_dynamic_supervisor(std::move(id), named(o, "replay", strategy::one_for_one));
  spec.restart = messages::restart::temporary;
  return spec;
}

messages::child_spec replay_conductor_child(actors::replay_conductor_config config) {
  auto spec =
      worker("conductor",
             messages::make_factory([config = std::move(config)](const messages::child_context& c) {
               return c.system.spawn(actors::replay_conductor, config);
             }));
  spec.restart = messages::restart::temporary;
  return spec;
}

std::vector<messages::child_spec> replay_front(const tree_options& o, actors::hub_config config) {
  auto hub = worker(
      "hub", messages::make_factory([config = std::move(config)](const messages::child_context& c) {
        return c.system.spawn(actors::hub, config);
      }),
      actors::hub_name);
  auto sessions =
      nested_dynamic_supervisor("sessions", named(o, "replay.sessions", strategy::one_for_one));
  sessions.publish_as = actors::sessions_name;
  hub.restart = sessions.restart = messages::restart::temporary;
  std::vector<messages::child_spec> front;
  front.push_back(std::move(hub));
  front.push_back(std::move(sessions));
  return front;
}

messages::child_spec live_publisher_tree(const tree_options& o, std::string id,
                                         actors::live_publisher_config config) {
  auto factory =
      messages::make_factory([config = std::move(config)](const messages::child_context& c) {
        return c.system.spawn(actors::live_publisher, config);
      });
  return nested_supervisor(id, named(o, id, strategy::one_for_one),
                           {worker("publisher", std::move(factory))});
}

messages::child_spec live_values_tree(const tree_options& o, actors::live_bars_config bars,
                                      actors::live_chains_config chains) {
  std::vector<messages::child_spec> children;
  if (chains.input != nullptr) {
    auto factory =
        messages::make_factory([config = std::move(chains)](const messages::child_context& c) {
          return c.system.spawn(actors::live_chains, config);
        });
    children.push_back(worker("chains", std::move(factory), actors::feature_reader_name));
  }
  auto factory =
      messages::make_factory([config = std::move(bars)](const messages::child_context& c) {
        return c.system.spawn(actors::live_bars, config);
      });
  children.push_back(worker("bars", std::move(factory), actors::bar_reader_name));
  return nested_supervisor("live", named(o, "live", strategy::one_for_one), std::move(children));
}

messages::supervisor_actor spawn_node(caf::actor_system& system, const tree_options& o,
                                      std::vector<messages::child_spec> roles) {
  return spawn_supervisor(system, named(o, "node", strategy::one_for_one), std::move(roles));
}

}  // namespace artham::supervisors

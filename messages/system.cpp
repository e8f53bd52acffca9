#include "messages/system.hpp"

#include <algorithm>
#include <caf/atom.hpp>

namespace artham::messages {

caf::actor_system_config make_system_config(std::size_t threads) {
  caf::actor_system_config config;
  register_types(config);
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::max<std::size_t>(threads, 1));
  config.set("scheduler.max-throughput", std::size_t{200});
  return config;
}

}  // namespace artham::messages

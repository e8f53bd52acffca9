#include "actors/session/replay_ticks.hpp"

#include <string>

namespace artham::actors {

result<tick_source> replay_ticks::find(std::string_view path) const {
  auto id = path.starts_with(replay_ticks_path) ? path.substr(replay_ticks_path.size()) : path;
  if (id.ends_with('/')) id.remove_suffix(1);
  auto line = lines_->find(id);
  if (!line) {
    return fail(errc::not_found, "there is no replay '" + std::string(id.substr(0, 100)) +
                                     "', or it is over; POST /v1/replays starts one");
  }
  return tick_source{line->names(), line->instruments(), std::move(line)};
}

}  // namespace artham::actors

#include "app/cluster/rules_in_force.hpp"

#include <utility>

namespace artham::app::cluster {

result<std::shared_ptr<const rules_in_force>> read_rules_in_force(
    bridge::bridge& from, const market::config_hashes& hashes) {
  auto made = std::make_shared<rules_in_force>();
  made->hashes = hashes;
  const auto csv = from.get_object(hashes.instruments);
  if (!csv) return tl::unexpected(csv.error());
  auto list = market::parse_instruments(*csv);
  if (!list) return tl::unexpected(list.error());
  made->instruments = std::move(*list);
  auto bars = read_rules(from, hashes);
  if (!bars) return tl::unexpected(bars.error());
  made->bars = std::move(*bars);
  made->index = std::make_shared<const actors::instrument_index>(made->instruments,
                                                                 made->bars.calendars.by_name);
  made->bars.instruments = made->index;
  made->plans = made->bars.plans();
  made->bars_hash = made->bars.hash();
  auto features = read_feature_setup(from, hashes);
  if (!features) return tl::unexpected(features.error());
  made->features = std::move(*features);
  return made;
}

}  // namespace artham::app::cluster

#pragma once

#include <optional>

#include "bridge/bridge.hpp"
#include "runtime/metrics.hpp"
#include "store/store.hpp"

namespace artham::app {

/// Keeps a store as short as its settings want it: removes, now and then, what is older.
class store_upkeep {
 public:
  /// What is given must outlive it. The journal says what time it is in the market.
  store_upkeep(store::retention keep, bridge::bridge& journal, store::database& stored,
               runtime::metrics& metrics);

  /// Once a minute of looks; logs and counts what was removed. Blocks; from one thread.
  void look();
  [[nodiscard]] result<std::vector<store::removed_rows>> remove_old();

 private:
  store::retention keep_;
  bridge::bridge& journal_;
  store::database& stored_;
  runtime::metrics& metrics_;
  unsigned looks_ = 0;
  std::optional<error> last_failure_;
};

}  // namespace artham::app

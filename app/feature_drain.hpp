#pragma once

#include <functional>
#include <memory>

#include "bridge/memory/memory.hpp"
#include "messages/record/feature_codec.hpp"

namespace artham::app {

/// Takes md:features out of a bridge in memory while it is made, and lets go of what was taken.
class feature_drain {
 public:
  /// Gives fn each record that has come since the last call, until it fails.
  result<void> take(bridge::memory::memory_bridge& from,
                    const std::function<result<void>(const record::feature_record&)>& fn);

 private:
  std::unique_ptr<bridge::reader> cursor_;
  record::position taken_;
};

}  // namespace artham::app

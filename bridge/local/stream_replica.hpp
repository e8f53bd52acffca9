#pragma once

#include <memory>

#include "bridge/local/core.hpp"

namespace artham::bridge::local {

[[nodiscard]] std::shared_ptr<replicator> make_replicator(std::shared_ptr<core> c);

}  // namespace artham::bridge::local

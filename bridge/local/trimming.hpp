#pragma once

#include <memory>

#include "bridge/local/core.hpp"
#include "bridge/local/journal.hpp"

namespace artham::bridge::local {

[[nodiscard]] std::shared_ptr<trimmer> make_trimmer(std::shared_ptr<core> c);

}  // namespace artham::bridge::local

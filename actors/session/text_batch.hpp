#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/batch.hpp"

namespace artham::actors {

/// A text message of no subscription.
[[nodiscard]] messages::batch_ptr text_batch(std::string_view text, messages::batch::origin source);
/// Several, which are not left out.
[[nodiscard]] messages::batch_ptr text_batch(const std::vector<std::string>& texts,
                                             messages::batch::origin source);

}  // namespace artham::actors

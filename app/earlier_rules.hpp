#pragma once

#include <cstddef>
#include <filesystem>

#include "app/journal_rules.hpp"
#include "bridge/bridge.hpp"

namespace artham::app {

struct earlier_rules_options {
  market::content_hash now{};         ///< hash of the rules that the program goes on under
  std::filesystem::path checkpoints;  ///< those made under the earlier rules shorten the way
  std::size_t threads = 2;
  std::uint64_t batch = 262'144;
};

/// Makes the final bars that the journal still owes, when it was last written under other rules
/// than those of now: the rules that a record was journaled under decide its bars, however far the
/// bars had come when the program ended.
[[nodiscard]] result<void> finish_earlier_rules(bridge::bridge& journal,
                                                const earlier_rules_options& o);

}  // namespace artham::app

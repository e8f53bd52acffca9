#pragma once

#include <cstddef>

#include <caf/actor_system_config.hpp>

namespace artham::messages {

/// Tells CAF our message types and how to print our errors: needed before anything leaves the
/// process.
void register_types(caf::actor_system_config& config);

/// The configuration that the program runs with: the sharing scheduler with that many workers, none
/// of which stays longer than 200 messages with one actor; message types registered.
[[nodiscard]] caf::actor_system_config make_system_config(std::size_t threads);

}  // namespace artham::messages

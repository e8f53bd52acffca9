#pragma once

#include <string>

#include <caf/typed_event_based_actor.hpp>

#include "messages/cluster.hpp"

namespace artham::supervisors {

/// The cluster's actor as it sees itself.
using node_self = messages::cluster_actor::extend<
    caf::reacts_to<caf::tick_atom>,
    // Whether somebody answers: the place as the seed says it, its numeric address or the error.
    caf::reacts_to<messages::probed_atom, std::string, std::string, std::string>>;

}  // namespace artham::supervisors

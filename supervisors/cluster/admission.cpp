#include "supervisors/cluster/admission.hpp"

#include <fmt/format.h>

#include "supervisors/cluster/endpoint.hpp"

namespace artham::supervisors {

std::string describe(const messages::member& m) {
  return fmt::format("node {} ({})", m.node, to_string(endpoint{m.address, m.port}));
}

result<void> compatible(const messages::member& a, const messages::member& b) {
  if (a.cluster != b.cluster) {
    return fail(
        errc::refused,
        fmt::format("{} belongs to cluster \"{}\", {} to cluster \"{}\"; give both the same "
                    "cluster.name, or take it out of cluster.seeds",
                    describe(a), a.cluster, describe(b), b.cluster));
  }
  if (a.protocol != b.protocol) {
    return fail(
        errc::refused,
        fmt::format("{} (version {}) speaks protocol {}, {} (version {}) speaks {}; run "
                    "versions that speak the same",
                    describe(a), a.version, a.protocol, describe(b), b.version, b.protocol));
  }
  if (a.shards != b.shards) {
    return fail(errc::refused, fmt::format("{} has cluster.shards = {}, {} has {}; all nodes of a "
                                           "cluster need the same",
                                           describe(a), a.shards, describe(b), b.shards));
  }
  return {};
}

error name_in_use(const messages::member& newcomer, const messages::member& holder) {
  return {errc::refused,
          fmt::format("the name of {} is in use by the process at {}; give one of them another "
                      "cluster.node",
                      describe(newcomer), to_string(endpoint{holder.address, holder.port}))};
}

}  // namespace artham::supervisors

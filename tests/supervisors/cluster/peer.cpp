// A node in a process of its own: cluster_peer NAME PORT ROLES [--seed PLACE]... [--want TOKEN]...
// [--credentials CERTIFICATE KEY AUTHORITY] prints "port N", then what happens to other nodes, one
// event a line. SIGTERM ends it with a goodbye.
#include <unistd.h>

#include <caf/actor_system.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "messages/network.hpp"
#include "supervisors/cluster/node.hpp"
#include "supervisors/supervisor.hpp"
#include "tests/support/eventually.hpp"

using namespace artham;

namespace {

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  supervisors::cluster_node_options o;
  o.self.cluster = "artham";
  o.self.node = args.at(0);
  o.self.version = "test";
  o.self.address = "127.0.0.1";
  o.self.port = static_cast<std::uint16_t>(std::stoi(args.at(1)));
  o.self.roles = {args.at(2)};
  o.self.shards = 4;
  std::vector<std::uint32_t> wanted;
  for (std::size_t i = 3; i < args.size(); ++i) {
    if (args[i] == "--seed") o.seeds.push_back(args.at(++i));
    if (args[i] == "--want") wanted.push_back(static_cast<std::uint32_t>(std::stoul(args.at(++i))));
    if (args[i] == "--credentials") {
      o.credentials = {args.at(i + 1), args.at(i + 2), args.at(i + 3)};
      i += 3;
    }
  }
  auto config = messages::make_network_config({1, "127.0.0.1", o.credentials});
  if (!config) {
    say(config.error().message);
    return 2;
  }
  caf::actor_system system{*config};
  const auto control = std::make_shared<supervisors::control>();
  o.control = control;
  if (!wanted.empty()) control->want(wanted);
  control->serve_drain([](const std::string& who) {
    say("drain for " + who);
    ::kill(::getpid(), SIGTERM);
  });
  control->serve_status([] { return std::string("{\"fine\":true}"); });
  const auto node = supervisors::spawn_cluster_node(system, o);
  std::uint16_t port = 0;
  const auto listens = [&] {
    const auto members = control->members();
    for (const auto& m : members ? members->present : std::vector<messages::member>()) {
      if (m.node == o.self.node) port = m.port;
    }
    return port != 0;
  };
  if (!test::eventually(listens, std::chrono::seconds(10))) std::_Exit(3);
  say("port " + std::to_string(port));
  const auto events = control->on_member([](const messages::member_event& e) {
    say(std::string(messages::to_string(e.what)) + " " + e.who.node);
  });
  int signal = 0;
  sigwait(&ends, &signal);
  return supervisors::stop_and_wait(system, caf::actor_cast<caf::actor>(node),
                                    std::chrono::seconds(5))
             ? 0
             : 1;
}

#include "tests/support/private_network.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include "tests/support/process.hpp"

namespace artham::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int present_namespace() {
  const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot open this thread's network namespace");
  return fd;
}

void enter(int fd) {
  if (setns(fd, CLONE_NEWNET) != 0) fail("cannot enter a network namespace");
}

void enter_new() {
  if (unshare(CLONE_NEWNET) != 0) fail("cannot make a network namespace");
}

/// There until the end of the block, then here again.
class visit {
 public:
  explicit visit(int there) : here_(present_namespace()) { enter(there); }
  ~visit() {
    static_cast<void>(setns(here_, CLONE_NEWNET));
    close(here_);
  }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

 private:
  int here_;
};

void run(const std::string& command) {
  const auto done = run_to_end({"/bin/sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin\n" + command});
  if (done.code != 0) throw std::runtime_error(command + ": " + done.err);
}

std::string file_of(int fd) {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd);
}

}  // namespace

struct private_network::computer {
  int fd = -1;
  std::string address;
  std::string hardware;
  std::string cable;  ///< its end at the switch
};

private_network::private_network() : outside_(present_namespace()) {
  enter_new();
  try {
    run("ip link set lo up\n"
        "ip link add switch type bridge\n"
        "ip addr add 10.77.0.1/24 dev switch\n"
        "ip link set switch up");
  } catch (...) {
    static_cast<void>(setns(outside_, CLONE_NEWNET));
    close(outside_);
    throw;
  }
}

private_network::~private_network() {
  for (const auto& [name, host] : hosts_) close(host.fd);
  static_cast<void>(setns(outside_, CLONE_NEWNET));
  close(outside_);
}

std::string private_network::add(const std::string& host) {
  const auto number = hosts_.size() + 2;
  computer c;
  c.address = "10.77.0." + std::to_string(number);
  c.hardware = "02:00:0a:4d:00:" + std::to_string(10 + number);
  c.cable = "cable" + std::to_string(number);
  {
    const int here = present_namespace();
    enter_new();
    c.fd = present_namespace();
    enter(here);
    close(here);
  }
  const auto& made = hosts_.emplace(host, c).first->second;
  run("ip link add " + c.cable + " type veth peer name end address " + c.hardware + "\n" +
      "ip link set end netns " + file_of(c.fd) + " name eth0\n" + "ip link set " + c.cable +
      " master switch up");
  inside(host, [&] {
    run("ip link set lo up\nip addr add " + c.address + "/24 dev eth0\nip link set eth0 up");
  });
  return made.address;
}

const private_network::computer& private_network::at(const std::string& host) const {
  return hosts_.at(host);
}

const std::string& private_network::address(const std::string& host) const {
  return at(host).address;
}

std::vector<std::string> private_network::through(const std::string& host) const {
  return {"/usr/bin/setpriv",
          "--pdeathsig",
          "KILL",
          "/usr/bin/nsenter",
          "--net=" + file_of(at(host).fd),
          "--"};
}

void private_network::inside(const std::string& host, const std::function<void()>& fn) const {
  const visit there(at(host).fd);
  fn();
}

void private_network::lose(const std::string& from, const std::string& to) const {
  // The switch carries it everywhere, and nobody has that address.
  inside(from, [&] {
    run("ip neigh replace " + address(to) + " lladdr 02:00:0a:4d:ff:ff dev eth0 nud permanent");
  });
}

void private_network::find(const std::string& from, const std::string& to) const {
  inside(from, [&] {
    run("ip neigh replace " + address(to) + " lladdr " + at(to).hardware +
        " dev eth0 nud permanent");
  });
}

void private_network::unplug(const std::string& host) const {
  run("ip link set " + at(host).cable + " down");
}

void private_network::plug(const std::string& host) const {
  run("ip link set " + at(host).cable + " up");
}

void private_network::slow_down(const std::string& host, int kbit) const {
  inside(host, [&] {
    run("tc qdisc replace dev eth0 root tbf rate " + std::to_string(kbit) +
        "kbit burst 4kb latency 500ms");
  });
}

void private_network::speed_up(const std::string& host) const {
  inside(host, [] { run("tc qdisc del dev eth0 root"); });
}

bool networks_or_say_why() {
  try {
    private_network net;
    net.add("one");
    return true;
  } catch (const std::exception& e) {
    const char* required = std::getenv("ARTHAM_REQUIRE_NETNS");
    if (required != nullptr && std::string(required) == "1")
      throw std::runtime_error(std::string("ARTHAM_REQUIRE_NETNS=1, and ") + e.what());
    std::cout << "not run: " << e.what() << std::endl;
    return false;
  }
}

}  // namespace artham::test

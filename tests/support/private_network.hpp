#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace artham::test {

/// A network of computers that are network namespaces of the kernel, on one switch. Who makes it is
/// in it as 10.77.0.1, with this thread and what that starts, until the object goes. Nothing of it
/// is seen outside, and nothing is left of it when its processes have ended, however they do. Needs
/// root, or the right to make namespaces. What fails throws, with the kernel's own words.
class private_network {
 public:
  private_network();
  ~private_network();
  private_network(const private_network&) = delete;
  private_network& operator=(const private_network&) = delete;

  /// Another computer on the switch; its address.
  std::string add(const std::string& host);
  [[nodiscard]] const std::string& address(const std::string& host) const;
  /// What stands before a program and its arguments, so that it runs there, under the same number,
  /// and ends with the thread that starts it.
  [[nodiscard]] std::vector<std::string> through(const std::string& host) const;
  /// Runs `fn` in this thread, at that computer: sockets that it makes are there. Safe from several
  /// threads.
  void inside(const std::string& host, const std::function<void()>& fn) const;

  /// What `from` sends to `to` is lost on the way, in silence; the other way it arrives.
  void lose(const std::string& from, const std::string& to) const;
  /// It arrives again.
  void find(const std::string& from, const std::string& to) const;
  /// The cable.
  void unplug(const std::string& host) const;
  void plug(const std::string& host) const;
  /// What it sends waits for its turn on a line of so many kbit/s; what would wait for longer than
  /// half a second is lost.
  void slow_down(const std::string& host, int kbit) const;
  void speed_up(const std::string& host) const;

 private:
  struct computer;
  [[nodiscard]] const computer& at(const std::string& host) const;

  int outside_ = -1;
  std::map<std::string, computer> hosts_;
};

/// Whether networks can be made here; says "not run: WHY" on stdout if not. With
/// ARTHAM_REQUIRE_NETNS=1, as in CI, that throws instead, and the test fails.
[[nodiscard]] bool networks_or_say_why();

}  // namespace artham::test

#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/process.hpp"

namespace artham::test {

/// A directory whose file system can be filled and emptied: a small tmpfs of its own, in a mount
/// namespace that ends with the test. Where mounting is not permitted (ARTHAM_NO_MOUNT=1 acts as
/// if) the process's file size limit is what runs out.
class small_disk {
 public:
  explicit small_disk(std::uint64_t mib) {
    mounted_ = std::getenv("ARTHAM_NO_MOUNT") == nullptr && may_mount() &&
               ::mount("none", dir_.path().c_str(), "tmpfs", 0,
                       ("size=" + std::to_string(mib) + "m").c_str()) == 0;
  }
  ~small_disk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return dir_ / name; }

  /// No room from now on, for `who` at least.
  void fill(pid_t who) {
    if (!mounted_) {
      limit(who, largest());
      return;
    }
    std::ofstream out(dir_ / "ballast", std::ios::binary);
    const std::string page(4096, 'x');
    while (out.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  void make_room(pid_t who) {
    if (mounted_) {
      std::filesystem::remove(dir_ / "ballast");
    } else {
      limit(who, RLIM_INFINITY);
    }
  }

 private:
  static bool may_mount() {
    const auto uid = std::to_string(::getuid());
    const auto gid = std::to_string(::getgid());
    if (::unshare(CLONE_NEWNS) != 0) {
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
      std::ofstream("/proc/self/uid_map") << uid + " " + uid + " 1";
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/gid_map") << gid + " " + gid + " 1";
    }
    // What is mounted here is seen nowhere else.
    return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }
  static void limit(pid_t who, rlim_t bytes) {
    const rlimit l{bytes, RLIM_INFINITY};
    ::prlimit(who, RLIMIT_FSIZE, &l, nullptr);
  }
  /// Of the segments of md:ticks: the growing one is among them, or will be.
  [[nodiscard]] std::uint64_t largest() const {
    std::uint64_t size = 4096;
    for (const auto& e : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (e.path().extension() == ".seg" && e.path().parent_path().filename() == "md:ticks")
        size = std::max<std::uint64_t>(size, e.file_size());
    }
    return size;
  }

  scratch dir_;
  bool mounted_ = false;
};

}  // namespace artham::test

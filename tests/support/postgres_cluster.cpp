#include "tests/support/postgres_cluster.hpp"

#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace artham::test {

namespace {

struct user {
  uid_t uid;
  gid_t gid;
};

/// Whom root's servers run as.
const user& server_user() {
  static const user found = [] {
    for (const char* name : {"postgres", "nobody"}) {
      if (const passwd* p = getpwnam(name)) return user{p->pw_uid, p->pw_gid};
    }
    throw std::runtime_error("neither a user postgres nor nobody, whom PostgreSQL can run as");
  }();
  return found;
}

void initdb(const postgres_flavour& flavour, const std::filesystem::path& dir,
            const std::string& password) {
  give_to_server_user(dir);
  const auto pwfile = dir / "password";
  std::ofstream(pwfile) << password << '\n';
  give_to_server_user(pwfile);
  run_or_throw(as_server_user(
      dir, {flavour.bin / "initdb", "--pgdata=" + (dir / "data").string(), "--username=artham",
            "--pwfile=" + pwfile.string(), "--no-sync", "--encoding=UTF8", "--locale=C",
            "--auth=trust", "--wal-segsize=" + flavour.wal_segment_mb}));
}

}  // namespace

finished run_or_throw(std::vector<std::string> args) {
  auto text = args.front();
  for (std::size_t i = 1; i < args.size(); ++i) text += ' ' + args[i];
  auto f = run_to_end(std::move(args));
  if (f.code != 0) {
    throw std::runtime_error(text + ": exit " + std::to_string(f.code) + ": " + f.err + f.out);
  }
  return f;
}

std::vector<std::string> as_server_user(const std::filesystem::path& dir,
                                        std::vector<std::string> args) {
  // The directory that we are in may be closed to that user.
  std::vector<std::string> all{"/usr/bin/env", "-C", dir, "LC_ALL=C"};
  if (getuid() == 0) {
    const auto& u = server_user();
    all.insert(all.end(), {"/usr/bin/setpriv", "--reuid=" + std::to_string(u.uid),
                           "--regid=" + std::to_string(u.gid), "--clear-groups"});
  }
  for (auto& a : args) all.push_back(std::move(a));
  return all;
}

void give_to_server_user(const std::filesystem::path& path) {
  if (getuid() != 0) return;
  const auto& u = server_user();
  if (::chown(path.c_str(), u.uid, u.gid) != 0)
    throw std::system_error(errno, std::generic_category(), "chown " + path.string());
}

void make_cluster(const postgres_flavour& flavour, const std::filesystem::path& data,
                  const std::string& password) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<scratch>> made;
  const std::lock_guard lock(mutex);
  auto& from = made[flavour.bin.string() + ' ' + flavour.wal_segment_mb];
  if (!from) {
    auto fresh = std::make_unique<scratch>();
    initdb(flavour, fresh->path(), password);
    from = std::move(fresh);
  }
  run_or_throw({"/bin/cp", "-a", (from->path() / "data").string(), data.string()});
}

}  // namespace artham::test

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <new>
#include <random>
#include <thread>

#include "tests/bridge/journal_support.hpp"

// The journal against kill -9, full and failing disks, and other processes.
namespace artham::test {
namespace {

constexpr auto derived = "md:bars:final.1m";

/// A disk whose calls can be made to fail or wait.
class faulty_disk : public bridge::local::disk {
 public:
  ssize_t write(int fd, const iovec* parts, int n, off_t offset) override {
    wait_while_held();
    if (room < 0) return disk::write(fd, parts, n, offset);
    // As much as there is room for, in whole parts and then a part of one.
    if (room == 0) {
      errno = ENOSPC;
      return -1;
    }
    const iovec some{parts[0].iov_base,
                     std::min(parts[0].iov_len, static_cast<std::size_t>(room.load()))};
    const auto done = disk::write(fd, &some, 1, offset);
    room -= done;
    return done;
  }
  int allocate(int fd, off_t from, off_t end) override {
    if (no_more_room) {
      errno = ENOSPC;
      return -1;
    }
    return disk::allocate(fd, from, end);
  }
  int sync(int fd) override {
    if (sync_fails) {
      errno = EIO;
      return -1;
    }
    wait_while_sync_held();
    return disk::sync(fd);
  }
  void hold() { held = true; }
  void let_go() {
    held = false;
    held.notify_all();
  }
  void hold_sync() { sync_held = true; }
  void let_sync_go() {
    sync_held = false;
    sync_held.notify_all();
  }
  std::atomic<std::int64_t> room{-1};  ///< bytes that can be written; -1 any
  std::atomic<bool> sync_fails{false};
  std::atomic<bool> no_more_room{false};  ///< but what is held already

 private:
  void wait_while_held() { held.wait(true); }
  void wait_while_sync_held() { sync_held.wait(true); }

  std::atomic<bool> held{false};
  std::atomic<bool> sync_held{false};
};

struct health_log {
  std::mutex mutex;
  std::vector<std::optional<error>> seen;
  events changed;
  bridge::local::health_callback callback() {
    return [this](const std::optional<error>& e) {
      {
        const std::lock_guard lock(mutex);
        seen.push_back(e);
      }
      changed.once()();
    };
  }
};

/// Runs fn in another process; its exit status, or -signal.
template <class Fn>
int in_child(Fn&& fn) {
  const auto pid = ::fork();
  if (pid == 0) ::_exit(fn());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// What a process that is about to be killed has seen; in shared memory.
struct witness {
  std::atomic<std::uint64_t> ticks{0};
  std::atomic<std::uint64_t> derived{0};
  std::atomic<std::uint64_t> durable{0};
};

/// Appends frames and what is derived from them until it is killed; no doctest in here.
int write_until_killed(const fs::path& dir, witness& seen) {
  auto o = options_in(dir);
  o.segment_bytes = 200'000;
  o.sync_interval = market::millisecond;
  auto opened = bridge::local::open(o);
  if (!opened) return 1;
  auto& j = *opened->journal;
  const auto epoch = j.last_epoch() + 1;
  auto w = j.open_writer(ticks, epoch);
  auto d = j.open_writer(derived, epoch);
  auto r = j.open_reader(ticks, j.stream_tops(ticks)->appended, bridge::top::appended, {});
  auto s = j.open_reader(derived, j.stream_tops(derived)->appended, bridge::top::appended, {});
  auto u = j.open_reader(ticks, j.stream_tops(ticks)->appended, bridge::top::durable, {});
  if (!w || !d || !r || !s || !u) return 2;
  for (;;) {
    const auto i = static_cast<std::uint32_t>((*w)->next().seq / 2);
    auto at = (*w)->append(frame_record({i % 7, i}, i, open_time + i), 2,
                           std::vector<std::uint32_t>{i % 7, i});
    if (!at && at.error().code != errc::full) return 3;
    auto blocks = (*r)->pull(1000);
    if (!blocks) return 4;
    std::string records;
    std::uint64_t n = 0;
    for (const auto& b : *blocks) {
      for (const auto& rec : records_of({b})) {
        records += derived_record(rec.at, 0, std::to_string(rec.at.seq));
        ++n;
      }
      seen.ticks = b->last().seq;
    }
    if (n != 0 && !(*d)->append(records, n, {})) return 5;
    auto made = (*s)->pull(1000);
    if (!made) return 6;
    if (!made->empty()) seen.derived = made->back()->last().seq;
    auto durable = (*u)->pull(1000);
    if (!durable) return 7;
    if (!durable->empty()) seen.durable = durable->back()->last().seq;
  }
}

}  // namespace

TEST_CASE("kill -9: all that a reader was given is there, dense and right, again and again") {
  const scratch dir;
  void* shared =
      ::mmap(nullptr, sizeof(witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  auto& seen = *new (shared) witness;
  std::mt19937 random(11);
  std::uint64_t before = 0;
  for (int round = 0; round < 10; ++round) {
    CAPTURE(round);
    const auto pid = ::fork();
    if (pid == 0) ::_exit(write_until_killed(dir.path(), seen));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (seen.ticks <= before && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    {
      auto j = must_open(options_in(dir.path()));
      CHECK(j.report.damages.empty());
      const auto top = j.journal->stream_tops(ticks)->appended.seq;
      CHECK(top >= seen.ticks);
      CHECK(top >= seen.durable);
      CHECK(j.journal->stream_tops(derived)->appended.seq >= seen.derived);
      const auto blocks = read_all(*j.journal);
      CHECK(is_dense(blocks, 1));
      CHECK(blocks.back()->last().seq == top);
      CHECK(frames_are_right(blocks, 0));
      const auto made = records_of(read_all(*j.journal, derived));
      std::uint64_t last_cause = 0;
      for (const auto& rec : made) {
        const auto cause = record::cause_of(rec.header).at;
        REQUIRE(rec.body == std::to_string(cause.seq));
        REQUIRE(cause.seq > last_cause);
        REQUIRE(cause.seq <= top);
        last_cause = cause.seq;
      }
      before = top;
    }
  }
  ::munmap(shared, sizeof(witness));
}

TEST_CASE(
    "a full disk: nothing is claimed that is not kept, and writing goes on when there is room") {
  const scratch dir;
  faulty_disk disk;
  health_log health;
  auto o = options_in(dir.path());
  o.disk = &disk;
  o.on_health = health.callback();
  auto opened = must_open(o);
  auto& j = *opened.journal;
  auto w = *j.open_writer(ticks, 1);
  auto follower = *j.open_reader(ticks, {}, bridge::top::appended, {});
  std::uint32_t i = 0;
  const auto append = [&] {
    auto at = w->append(frame_record({i % 7, i}, i, open_time + i), 2, {});
    if (at) ++i;
    return at;
  };
  for (int k = 0; k < 10; ++k) REQUIRE(append());
  REQUIRE(!pull_to(*follower, 20).empty());

  disk.room = 100;  // the next block breaks off in its middle
  while (append()) std::this_thread::yield();
  const auto refused = append();
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::full);
  CHECK(refused.error().message.find("md:ticks") != std::string::npos);
  REQUIRE(health.changed.wait());
  {
    const std::lock_guard lock(health.mutex);
    REQUIRE(health.seen.size() == 1);
    CHECK(health.seen[0]->code == errc::full);
  }
  const auto accepted = w->next().seq - 1;
  CHECK(accepted == i * 2);
  // Without room no torn block stays in the file.
  const auto verified = bridge::local::verify(dir.path());
  REQUIRE(verified);
  CHECK(verified->damages.empty());

  events room;
  w->when_room(room.once());
  CHECK(room.count() == 0);
  disk.room = -1;
  CHECK(room.wait());
  REQUIRE(health.changed.wait());
  CHECK(!health.seen.back());
  REQUIRE(append());
  const auto rest = pull_to(*follower, i * 2);
  REQUIRE(!rest.empty());
  w.reset();
  follower.reset();
  opened.journal.reset();
  auto again = must_open(options_in(dir.path()));
  CHECK(again.report.cuts.empty());
  const auto blocks = read_all(*again.journal);
  CHECK(is_dense(blocks, 1));
  CHECK(records_of(blocks).size() == i);
  CHECK(frames_are_right(blocks, 0));
}

TEST_CASE("while the disk is full, marks still find a place in the reserve, at once and in order") {
  const scratch dir;
  faulty_disk disk;
  health_log health;
  auto o = options_in(dir.path());
  o.disk = &disk;
  o.on_health = health.callback();
  auto opened = must_open(o);
  auto& j = *opened.journal;
  auto w = *j.open_writer(ticks, 1);
  auto d = *j.open_writer(derived, 1);
  auto follower = *j.open_reader(ticks, {}, bridge::top::durable, {});
  REQUIRE(w->append(frame_record({0, 0}, 0), 2, {}));
  REQUIRE(!pull_to(*follower, 2).empty());
  CHECK(!w->disk_is_full());

  disk.no_more_room = true;
  // Held room is written first: it is told as soon as that is touched.
  std::uint64_t accepted = 2;
  while (w->append(frame_record({1, 1}, 1), 2, {})) {
    accepted += 2;
    std::this_thread::yield();
  }
  CHECK(w->disk_is_full());
  CHECK(w->append(frame_record({1, 1}, 1), 2, {}).error().code == errc::full);
  CHECK(d->append(derived_record({1, 1}, 0, "x"), 1, {}).error().code == errc::full);
  REQUIRE(health.changed.wait());
  const auto mark = w->append_urgent(clock_record(open_time + 9), 1);
  REQUIRE(mark);
  CHECK(*mark == record::position{1, accepted + 1});
  // It is in the file, and durable, while nothing else is taken.
  const auto blocks = pull_to(*follower, accepted + 1);
  REQUIRE(!blocks.empty());
  CHECK(blocks.back()->marks.back().time == open_time + 9);
  const auto beside = bridge::local::open_read_only(dir.path());
  REQUIRE(beside);
  CHECK(read_all(*beside->journal).back()->marks.back().time == open_time + 9);
  CHECK(w->disk_is_full());

  events room;
  w->when_room(room.once());
  CHECK(room.count() == 0);
  disk.no_more_room = false;
  REQUIRE(room.wait());
  CHECK(!w->disk_is_full());
  REQUIRE(w->append(frame_record({2, 2}, 2), 2, {}));
  REQUIRE(d->append(derived_record({1, 1}, 0, "x"), 1, {}));
  REQUIRE(!pull_to(*follower, accepted + 3).empty());
  j.stop();
  const auto checked = bridge::local::verify(dir.path());
  REQUIRE(checked);
  CHECK(checked->damages.empty());
  CHECK(checked->cuts.empty());
  // The room that was held is given back.
  for (const auto& path : files_of(dir.path() / ticks, ".seg")) {
    struct stat s {};
    REQUIRE(::stat(path.c_str(), &s) == 0);
    CHECK(s.st_blocks * 512 < s.st_size + 64 * 1024);
  }
}

TEST_CASE("who waits for the queue hears that the disk is full now") {
  const scratch dir;
  faulty_disk disk;
  auto o = options_in(dir.path());
  o.disk = &disk;
  o.queue_bytes = 10'000;
  auto opened = must_open(o);
  auto w = *opened.journal->open_writer(ticks, 1);
  disk.hold();
  while (w->append(frame_record({1, 1}, 1), 2, {})) {
  }
  CHECK(!w->disk_is_full());
  events told;
  w->when_room(told.once());
  CHECK(told.count() == 0);
  disk.no_more_room = true;
  disk.room = 0;
  disk.let_go();
  REQUIRE(told.wait());
  // Either it was written before the disk was found full, or that is why.
  disk.no_more_room = false;
  disk.room = -1;
  events room;
  w->when_room(room.once());
  REQUIRE(room.wait());
  while (!w->append(frame_record({1, 1}, 1), 2, {})) std::this_thread::yield();
}

TEST_CASE("a real full file system") {
  const scratch dir;
  constexpr int no_permission = 77;
  const int outcome = in_child([&] {
    const auto uid = std::to_string(::getuid());
    const auto gid = std::to_string(::getgid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return no_permission;
    spit("/proc/self/uid_map", "0 " + uid + " 1");
    spit("/proc/self/setgroups", "deny");
    spit("/proc/self/gid_map", "0 " + gid + " 1");
    if (::mount("none", dir.path().c_str(), "tmpfs", 0, "size=256k") != 0 ||
        ::access(dir.path().c_str(), W_OK) != 0) {
      return no_permission;
    }
    std::uint32_t i = 0;
    {
      auto o = options_in(dir.path() / "journal");
      o.queue_bytes = 4000;  // no block larger than that
      o.reserve_bytes = 0;   // the disk is smaller than that
      auto opened = bridge::local::open(o);
      if (!opened) return 1;
      auto w = *opened->journal->open_writer(ticks, 1);
      for (;;) {
        auto at = w->append(frame_record({i % 7, i}, i, open_time + i), 2, {});
        if (at) {
          ++i;
        } else if (at.error().message.find("No space left") != std::string::npos) {
          break;
        }
      }
      w.reset();
      opened->journal->stop();
      const auto tops = *opened->journal->stream_tops(ticks);
      if (tops.durable != tops.appended || tops.appended.seq == 0) return 2;
    }
    {
      auto again = bridge::local::open_read_only(dir.path() / "journal");
      if (!again) return 3;
      if (!again->report.cuts.empty()) return 4;
      const auto blocks = read_all(*again->journal);
      if (!is_dense(blocks, 1) || !frames_are_right(blocks, 0)) return 5;
      if (blocks.back()->last().seq < 1000) return 6;
    }
    // Larger, so that there is a reserve; then somebody else takes all the room.
    if (::mount("none", dir.path().c_str(), "tmpfs", MS_REMOUNT, "size=8m") != 0) return 7;
    auto o = options_in(dir.path() / "journal");
    o.sync_interval = 0;
    auto opened = bridge::local::open(o);
    if (!opened) return 8;
    auto w = *opened->journal->open_writer(ticks, 2);
    auto r = *opened->journal->open_reader(ticks, opened->journal->stream_tops(ticks)->appended,
                                           bridge::top::durable, {});
    auto first = w->append(frame_record({1, 1}, 1), 2, {});
    if (!first || pull_to(*r, first->seq + 1).empty()) return 9;
    const auto ballast = dir.path() / "ballast";
    {
      std::ofstream out(ballast, std::ios::binary);
      const std::string chunk(4096, 'x');
      while (out.write(chunk.data(), 4096).flush()) {
      }
    }
    while (w->append(frame_record({1, 1}, 1), 2, {})) std::this_thread::yield();
    if (!w->disk_is_full()) return 10;
    const auto mark = w->append_urgent(clock_record(open_time + 9), 1);
    if (!mark || pull_to(*r, mark->seq).empty()) return 11;
    if (!w->disk_is_full()) return 12;
    fs::remove(ballast);
    events room;
    w->when_room(room.once());
    if (!room.wait()) return 13;
    const auto last = w->append(frame_record({1, 1}, 1), 2, {});
    if (!last || pull_to(*r, last->seq + 1).empty()) return 14;
    opened->journal->stop();
    const auto checked = bridge::local::verify(dir.path() / "journal");
    return checked && checked->damages.empty() && checked->cuts.empty() ? 0 : 15;
  });
  if (outcome == no_permission) {
    std::puts(
        "mounting a small file system is not permitted here: full disks are tested with faults "
        "only");
  } else {
    CHECK(outcome == 0);
  }
}

TEST_CASE(
    "a disk that fails to sync: durable stands still, appends are refused, a restart mends it") {
  const scratch dir;
  faulty_disk disk;
  health_log health;
  auto o = options_in(dir.path());
  o.disk = &disk;
  o.on_health = health.callback();
  o.sync_interval = 0;
  {
    auto opened = must_open(o);
    auto& j = *opened.journal;
    auto w = *j.open_writer(ticks, 1);
    auto durable = *j.open_reader(ticks, {}, bridge::top::durable, {});
    REQUIRE(w->append(frame_record({0, 0}, 0, open_time), 2, {}));
    REQUIRE(!pull_to(*durable, 2).empty());
    disk.sync_fails = true;
    REQUIRE(w->append(frame_record({1, 1}, 1, open_time + 1), 2, {}));
    REQUIRE(health.changed.wait());
    CHECK(j.stream_tops(ticks)->durable.seq == 2);
    CHECK(j.stream_tops(ticks)->appended.seq == 4);
    CHECK(w->append(frame_record({2, 2}, 2), 2, {}).error().code == errc::io);
    disk.sync_fails = false;
    CHECK(w->append(frame_record({2, 2}, 2), 2, {}).error().code == errc::io);
    CHECK(durable->pull(10)->empty());
  }
  auto again = must_open(options_in(dir.path())).journal;
  CHECK(again->stream_tops(ticks)->durable.seq == 4);
  CHECK(frames_are_right(read_all(*again), 0));
}

TEST_CASE("a full queue: an append is refused whole, and room is announced") {
  const scratch dir;
  faulty_disk disk;
  auto o = options_in(dir.path());
  o.disk = &disk;
  o.queue_bytes = 10'000;
  auto opened = must_open(o);
  auto& j = *opened.journal;
  auto w = *j.open_writer(ticks, 1);
  CHECK(w->append(std::string(10'001, 'x'), 1, {}).error().code == errc::bad_input);
  disk.hold();
  std::uint32_t i = 0;
  std::optional<error> refused;
  while (!refused) {
    auto at = w->append(frame_record({i % 7, i}, i, open_time + i), 2, {});
    if (at) {
      ++i;
    } else {
      refused = at.error();
    }
  }
  CHECK(refused->code == errc::full);
  CHECK(i * frame_record({0, 0}, 0).size() <= o.queue_bytes);
  CHECK(w->next().seq == i * 2 + 1);
  CHECK(j.stream_tops(ticks)->appended.seq == 0);
  events room;
  w->when_room(room.once());
  CHECK(room.count() == 0);
  disk.let_go();
  CHECK(room.wait());
  REQUIRE(w->append(frame_record({i % 7, i}, i, open_time + i), 2, {}));
  auto r = *j.open_reader(ticks, {}, bridge::top::appended, {});
  CHECK(frames_are_right(pull_to(*r, i * 2 + 2), 0));
}

TEST_CASE("durable never passes appended, nor a derived record its cause") {
  const scratch dir;
  faulty_disk disk;
  auto o = options_in(dir.path());
  o.disk = &disk;
  o.sync_interval = 0;
  auto opened = must_open(o);
  auto& j = *opened.journal;
  auto w = *j.open_writer(ticks, 1);
  auto d = *j.open_writer(derived, 1);
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    while (!done) {
      const auto made = *j.stream_tops(derived);
      const auto source = *j.stream_tops(ticks);
      // The derived record of seq n follows from the tick of seq n.
      CHECK(made.durable <= made.appended);
      CHECK(source.durable <= source.appended);
      CHECK(made.durable.seq <= source.durable.seq);
      std::this_thread::yield();
    }
  });
  for (std::uint32_t k = 1; k <= 2000; ++k) {
    REQUIRE(w->append(frame_record({k}, k), 1, {}));
    REQUIRE(d->append(derived_record({1, k}, 0, "x"), 1, {}));
  }
  auto r = *j.open_reader(derived, {}, bridge::top::durable, {});
  CHECK(!pull_to(*r, 2000).empty());
  done = true;
  watcher.join();

  disk.hold_sync();
  REQUIRE(w->append(frame_record({1}, 1), 1, {}));
  auto appended = *j.open_reader(ticks, {1, 2000}, bridge::top::appended, {});
  auto durable = *j.open_reader(ticks, {1, 2000}, bridge::top::durable, {});
  CHECK(!pull_to(*appended, 2001).empty());
  CHECK(durable->pull(10)->empty());
  CHECK(durable->lag() == 0);
  events ready;
  durable->when_ready(ready.once());
  CHECK(ready.count() == 0);
  disk.let_sync_go();
  CHECK(ready.wait());
  CHECK(durable->pull(10)->size() == 1);
}

TEST_CASE("a second process is refused and told who has the journal") {
  const scratch dir;
  int to_parent[2];
  int to_child[2];
  REQUIRE(::pipe(to_parent) == 0);
  REQUIRE(::pipe(to_child) == 0);
  const auto pid = ::fork();
  if (pid == 0) {
    ::close(to_child[1]);
    auto j = bridge::local::open(options_in(dir.path()));
    char c = j ? 'y' : 'n';
    if (::write(to_parent[1], &c, 1) != 1) ::_exit(1);
    // Until the parent says so, or is gone.
    const auto got = ::read(to_child[0], &c, 1);
    ::_exit(got == 1 ? 0 : 2);
  }
  char c = 0;
  REQUIRE(::read(to_parent[0], &c, 1) == 1);
  REQUIRE(c == 'y');
  const auto second = bridge::local::open(options_in(dir.path()));
  REQUIRE(!second);
  CHECK(second.error().code == errc::conflict);
  CHECK(second.error().message.find(std::to_string(pid)) != std::string::npos);
  CHECK(second.error().message.find(dir.path().string()) != std::string::npos);
  CHECK(bridge::local::open_read_only(dir.path()));
  REQUIRE(::write(to_child[1], &c, 1) == 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(bridge::local::open(options_in(dir.path())));
  for (const int fd : {to_parent[0], to_parent[1], to_child[0], to_child[1]}) ::close(fd);
}

TEST_CASE("a directory that cannot be written is one clear error") {
  const scratch dir;
  spit(dir.path() / "file", "");
  const auto opened = bridge::local::open(options_in(dir.path() / "file" / "journal"));
  REQUIRE(!opened);
  CHECK(opened.error().message.find((dir.path() / "file" / "journal").string()) !=
        std::string::npos);
}

}  // namespace artham::test

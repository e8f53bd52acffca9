// Appends frames of 200 quote-sized packets (46 bytes) as fast as the journal takes them, next to
// plain writes of the same bytes; then, at a pace that leaves the machine idle, how long a frame
// takes to a reader's callback.
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bridge/local/journal.hpp"

namespace {

using namespace artham;
using steady = std::chrono::steady_clock;

constexpr std::uint32_t packets = 200;
constexpr std::uint32_t packet_bytes = 46;
constexpr std::uint32_t frames = 60'000;  // 12 M packets, 560 MB
constexpr auto ticks = "md:ticks";

double seconds_since(steady::time_point t) {
  return std::chrono::duration<double>(steady::now() - t).count();
}

std::string frame_record() {
  std::string body;
  const auto put = [&](std::uint32_t v, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) body.push_back(static_cast<char>(v >> (8 * i)));
  };
  put(packets, 2);
  for (std::uint32_t i = 0; i < packets; ++i) {
    put(packet_bytes - 2, 2);
    put(256 * i, 4);
    for (std::uint32_t k = 6; k < packet_bytes; ++k) body.push_back(static_cast<char>(k * i));
  }
  std::string out;
  record::append(
      out, record::with_times(record::kind::kite_frame, packets, market::second, market::second),
      body);
  return out;
}

/// Waits for callbacks without spinning.
struct bell {
  std::mutex mutex;
  std::condition_variable rung;
  bool up = false;
  void ring() {
    const std::lock_guard lock(mutex);
    up = true;
    rung.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex);
    rung.wait(lock, [&] { return up; });
    up = false;
  }
};

void must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "journal_bench: %s failed\n", what);
  std::exit(1);
}

double plain_writes(const std::filesystem::path& dir, const std::string& record) {
  std::string chunk;
  while (chunk.size() < 1U << 20U) chunk += record;
  const auto times = frames / (chunk.size() / record.size());
  const auto path = dir / "plain";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  must(fd >= 0, "open");
  const auto begin = steady::now();
  for (std::size_t i = 0; i < times; ++i) {
    must(::write(fd, chunk.data(), chunk.size()) == static_cast<ssize_t>(chunk.size()), "write");
  }
  const auto written = seconds_since(begin);
  must(::fdatasync(fd) == 0, "fdatasync");
  ::close(fd);
  std::filesystem::remove(path);
  std::printf("plain write(2) of the same bytes         %7.0f MB/s, %.0f MB/s with its fdatasync\n",
              static_cast<double>(times * chunk.size()) / written / 1e6,
              static_cast<double>(times * chunk.size()) / seconds_since(begin) / 1e6);
  return static_cast<double>(times * chunk.size()) / written;
}

std::unique_ptr<bridge::bridge> open_journal(const std::filesystem::path& dir,
                                             market::duration linger) {
  bridge::local::options o;
  o.dir = dir;
  o.linger = linger;
  auto opened = bridge::local::open(o);
  if (!opened) std::fprintf(stderr, "%s\n", opened.error().message.c_str());
  must(opened.has_value(), "opening the journal");
  return std::move(opened->journal);
}

void throughput(const std::filesystem::path& dir, const std::string& record,
                const std::vector<std::uint32_t>& tokens, double limit) {
  auto j = open_journal(dir, market::millisecond);
  auto w = std::move(*j->open_writer(ticks, 1));
  auto r = std::move(*j->open_reader(ticks, {}, bridge::top::appended, {}));
  bell room;
  bell ready;
  const auto begin = steady::now();
  std::thread reading([&] {
    for (std::uint64_t seq = 0; seq < std::uint64_t{frames} * packets;) {
      auto blocks = r->pull(1U << 18U);
      must(blocks.has_value(), "pull");
      if (!blocks->empty()) {
        seq = blocks->back()->last().seq;
        continue;
      }
      r->when_ready([&] { ready.ring(); });
      ready.wait();
    }
  });
  for (std::uint32_t i = 0; i < frames;) {
    auto at = w->append(record, packets, tokens);
    if (at) {
      ++i;
      continue;
    }
    must(at.error().code == errc::full, "append");
    w->when_room([&] { room.ring(); });
    room.wait();
  }
  reading.join();
  const auto read = seconds_since(begin);
  w.reset();
  j->stop();
  const auto durable = seconds_since(begin);
  const double bytes = static_cast<double>(record.size()) * frames;
  std::printf(
      "journal, appended and pulled             %7.0f MB/s, %.1f M packets/s, %.2f of plain "
      "write(2)\n",
      bytes / read / 1e6, static_cast<double>(frames) * packets / read / 1e6, bytes / read / limit);
  std::printf("journal, until durable                   %7.0f MB/s\n", bytes / durable / 1e6);
  r.reset();
  j.reset();

  const auto reopening = steady::now();
  j = open_journal(dir, market::millisecond);
  std::printf("open after a clean stop                  %7.3f s\n", seconds_since(reopening));
  const auto reading_back = steady::now();
  auto all = std::move(*j->open_reader(ticks, {}, bridge::top::appended, {}));
  std::uint64_t n = 0;
  for (auto blocks = *all->pull(1U << 18U); !blocks.empty(); blocks = *all->pull(1U << 18U)) {
    n += blocks.back()->count;
  }
  must(n != 0, "reading back");
  std::printf("read back from the files, checked        %7.0f MB/s\n",
              bytes / seconds_since(reading_back) / 1e6);
  const std::uint32_t absent[] = {1};
  const auto filtering = steady::now();
  auto filtered = std::move(*j->open_reader(ticks, {}, bridge::top::appended, absent));
  must(filtered->pull(1U << 18U)->size() < 100, "filtering");
  std::printf("the same for an instrument that is absent %6.3f s\n", seconds_since(filtering));
  all.reset();
  filtered.reset();
  j.reset();
  for (const auto& e : std::filesystem::directory_iterator(dir / ticks)) {
    if (e.path().extension() == ".idx") std::filesystem::remove(e.path());
  }
  const auto scanning = steady::now();
  must(bridge::local::verify(dir).has_value(), "verify");
  std::printf("scan and verify without indexes          %7.0f MB/s\n",
              bytes / seconds_since(scanning) / 1e6);
}

void latency(const std::filesystem::path& dir, const std::string& record,
             const std::vector<std::uint32_t>& tokens, std::chrono::microseconds pause) {
  auto j = open_journal(dir, market::millisecond);
  auto w = std::move(*j->open_writer(ticks, j->last_epoch() + 1));
  auto r =
      std::move(*j->open_reader(ticks, j->stream_tops(ticks)->appended, bridge::top::appended, {}));
  std::vector<double> us;
  bell done;
  for (int i = 0; i < 4000; ++i) {
    const auto begin = steady::now();
    must(w->append(record, packets, tokens).has_value(), "append");
    r->when_ready([&] {
      us.push_back(std::chrono::duration<double, std::micro>(steady::now() - begin).count());
      done.ring();
    });
    done.wait();
    while (!r->pull(1U << 18U)->empty()) {
    }
    if (pause.count() != 0) std::this_thread::sleep_for(pause);
  }
  std::ranges::sort(us);
  std::printf(
      "append to callback, %4lld us between frames  p50 %.0f us, p99 %.0f us, max %.0f us\n",
      static_cast<long long>(pause.count()), us[us.size() / 2], us[us.size() * 99 / 100],
      us.back());
}

}  // namespace

int main(int argc, char** argv) {
  std::string dir = std::string(argc > 1 ? argv[1] : "/tmp") + "/artham-journal-bench-XXXXXX";
  must(::mkdtemp(dir.data()) != nullptr, "mkdtemp");
  const auto record = frame_record();
  std::vector<std::uint32_t> tokens;
  for (std::uint32_t i = 0; i < packets; ++i) tokens.push_back(256 * i);
  std::printf("frames of %u packets of %u bytes in %s\n", packets, packet_bytes, dir.c_str());
  const auto limit = plain_writes(dir, record);
  throughput(std::filesystem::path(dir) / "fast", record, tokens, limit);
  latency(std::filesystem::path(dir) / "slow", record, tokens, std::chrono::microseconds(5000));
  latency(std::filesystem::path(dir) / "slow", record, tokens, std::chrono::microseconds(0));
  std::filesystem::remove_all(dir);
}

// Ticks through Redis: the bridge's blocks beside an entry a tick with named fields.
//   bridge_bench [thousand ticks [instruments]]
#include <hiredis/hiredis.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/bridge_market.hpp"
#include "bench/measure.hpp"
#include "bench/plain_redis.hpp"
#include "bridge/redis/entry_codec.hpp"
#include "bridge/redis/redis.hpp"
#include "tests/support/places.hpp"
#include "tests/support/redis_server.hpp"

namespace {

using namespace artham;         // NOLINT(google-build-using-namespace)
using namespace artham::bench;  // NOLINT(google-build-using-namespace)
namespace redis = bridge::redis;

constexpr int runs = 5;
constexpr std::size_t journal_block = 4U
                                      << 20U;  ///< under backlog: bridge/local's usual_block_bytes
constexpr std::size_t plain_ticks = 200'000;
constexpr auto patience = 60 * market::second;
const std::string stream = "md:ticks";
const std::string plain_stream = "plain";
const std::string group = "tick_store";

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bridge_bench: %s\n", what.c_str());
  std::exit(1);
}

/// utime and stime of a process, as the kernel has them in /proc, but to the nanosecond.
double cpu_of(pid_t pid) {
  clockid_t clock{};
  timespec t{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) die("no CPU time");
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// deploy/redis/artham.conf, but for who is let in, what lasts, and the log that is written anew.
std::string deployed_settings(bool append_only) {
  std::ifstream in(test::source_dir() + "/deploy/redis/artham.conf");
  if (!in) die("no deploy/redis/artham.conf");
  std::string all;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("bind") || line.starts_with("aclfile") || line.starts_with("append") ||
        line.starts_with("auto-aof-rewrite-percentage")) {
      continue;
    }
    all += line + '\n';
  }
  return all + (append_only ? "appendonly yes\nappendfsync everysec\n" : "appendonly no\n");
}

/// Says when a callback was called.
class event {
 public:
  std::function<void()> callback() {
    return [s = state_] {
      const std::lock_guard lock(s->mutex);
      s->is_set = true;
      s->changed.notify_all();
    };
  }
  void wait() {
    std::unique_lock lock(state_->mutex);
    if (!state_->changed.wait_for(lock, std::chrono::seconds(60), [&] { return state_->is_set; }))
      die("nothing happens for a minute");
    state_->is_set = false;
  }

 private:
  struct state {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_set = false;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

std::unique_ptr<redis::redis_bridge> open_bridge(const test::redis_server& server) {
  redis::options o;
  o.server.socket = server.socket();
  auto b = redis::open(o);
  if (!b) die(b.error().message);
  (*b)->hold("ingest", 1);
  return std::move(*b);
}

void put(redis::redis_bridge& b, const bridge_market& m) {
  event room;
  for (const auto& block : m.blocks) {
    for (;;) {
      const auto taken = b.put_block(stream, block, block->first());
      if (taken) break;
      if (taken.error().code != errc::full) die(taken.error().message);
      b.when_room(room.callback());
      room.wait();
    }
  }
  if (const auto done = b.flush(patience); !done) die(done.error().message);
}

/// Reads all of md:ticks as its store does, and passes it.
std::uint64_t pull(redis::redis_bridge& b, record::position last) {
  auto reader = b.open_consumer(stream, {}, group);
  if (!reader) die(reader.error().message);
  event ready;
  std::uint64_t ticks = 0;
  for (record::position at; at < last;) {
    const auto blocks = (*reader)->pull(100'000);
    if (!blocks) die(blocks.error().message);
    if (blocks->empty()) {
      (*reader)->when_ready(ready.callback());
      ready.wait();
      continue;
    }
    for (const auto& block : *blocks) ticks += block->count;
    at = blocks->back()->last();
    b.passed(stream, group, at);
  }
  return ticks;
}

/// Of one way, run by run: ticks/s, and microseconds of CPU a tick.
struct figures {
  std::vector<double> rate, client, server;
  void note(std::uint64_t ticks, double seconds, double client_cpu, double server_cpu) {
    const auto n = static_cast<double>(ticks);
    rate.push_back(n / seconds);
    client.push_back(client_cpu / n * 1e6);
    server.push_back(server_cpu / n * 1e6);
  }
};

void measure(figures& f, const test::redis_server& server, std::uint64_t ticks, bool keep,
             const std::function<void()>& work) {
  const auto client = cpu_seconds();
  const auto at_server = cpu_of(server.pid());
  const auto begun = std::chrono::steady_clock::now();
  work();
  const auto seconds = seconds_since(begun);
  if (keep) f.note(ticks, seconds, cpu_seconds() - client, cpu_of(server.pid()) - at_server);
}

void print(const char* name, const figures& f) {
  std::printf("  %-34s %10.0f ticks/s   CPU us/tick: client %6.3f server %7.4f\n", name,
              median(f.rate), median(f.client), median(f.server));
}
void print_ratios(const char* name, const figures& ours, const figures& plain, double aim) {
  std::printf("  %s: %.1f times the ticks/s (aim %.0f), 1/%.0f of the server's CPU (aim 1/30)\n",
              name, median(ours.rate) / median(plain.rate), aim,
              median(plain.server) / median(ours.server));
}

/// While the disk is busy Redis keeps for itself what it has yet to write.
std::uintmax_t append_only_bytes(const test::redis_server& server, plain_redis& plain) {
  std::uintmax_t bytes = 0;
  const auto dir = server.data_dir() / "appendonlydir";
  if (!std::filesystem::exists(dir)) return 0;
  while (plain.text({"INFO", "persistence"}).find("aof_buffer_length:0\r") == std::string::npos)
    std::this_thread::yield();
  for (const auto& file : std::filesystem::directory_iterator(dir)) bytes += file.file_size();
  return bytes;
}

void bench_server(const bridge_market& m, bool append_only) {
  const test::redis_server server({.config = deployed_settings(append_only)});
  plain_redis plain(server.socket());
  figures write, write_plain, read, read_plain;
  double memory = 0;
  double memory_plain = 0;
  double file = 0;
  double file_plain = 0;
  for (int run = 0; run <= runs; ++run) {
    const bool keep = run != 0;
    plain.command({"FLUSHALL"});
    plain.command({"HSET", "artham:fence:ingest", "fence", "1"});
    auto before = append_only_bytes(server, plain);
    {
      const auto b = open_bridge(server);
      measure(write, server, m.count, keep, [&] { put(*b, m); });
      file = static_cast<double>(append_only_bytes(server, plain) - before);
      memory = static_cast<double>(plain.number({"MEMORY", "USAGE", stream, "SAMPLES", "0"}));
      if (!append_only) {
        const auto last = m.blocks.back()->last();
        measure(read, server, m.count, keep, [&] {
          if (pull(*b, last) != m.count) die("ticks are missing");
          while (plain.pending(stream, group) != 0) std::this_thread::yield();
        });
      }
      b->stop();
    }
    before = append_only_bytes(server, plain);
    measure(write_plain, server, m.ticks.size(), keep, [&] { plain.write(plain_stream, m.ticks); });
    file_plain = static_cast<double>(append_only_bytes(server, plain) - before);
    memory_plain =
        static_cast<double>(plain.number({"MEMORY", "USAGE", plain_stream, "SAMPLES", "0"}));
    if (!append_only) {
      measure(read_plain, server, m.ticks.size(), keep, [&] {
        if (plain.read(plain_stream, group) != m.ticks.size()) die("plain ticks are missing");
      });
    }
  }
  const auto n = static_cast<double>(m.count);
  const auto n_plain = static_cast<double>(m.ticks.size());
  std::printf("%s\n", append_only ? "appendonly everysec" : "no append-only file");
  print("artham, blocks", write);
  print("XADD a tick, 10 fields", write_plain);
  print_ratios("write", write, write_plain, append_only ? 20 : 40);
  if (append_only) {
    std::printf("  bytes a tick in the file: artham %.1f, plain %.0f\n", file / n,
                file_plain / n_plain);
  } else {
    print("artham, read and passed", read);
    print("XREADGROUP COUNT 1000, XACK", read_plain);
    print_ratios("read and acknowledge", read, read_plain, 50);
    std::printf("  bytes a tick in memory: artham %.1f, plain %.0f\n", memory / n,
                memory_plain / n_plain);
  }
  std::fflush(stdout);
}

/// An answer of Redis with an entry's fields.
class answer_of {
 public:
  explicit answer_of(const redis::entry_fields& fields)
      : replies_(fields.size()), pointers_(fields.size()) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      replies_[i].type = REDIS_REPLY_STRING;
      replies_[i].str = const_cast<char*>(fields[i].data());  // NOLINT: hiredis has no const
      replies_[i].len = fields[i].size();
      pointers_[i] = &replies_[i];
    }
    whole_.type = REDIS_REPLY_ARRAY;
    whole_.elements = fields.size();
    whole_.element = pointers_.data();
  }
  [[nodiscard]] redis::reply_view view() const { return redis::reply_view(&whole_); }

 private:
  std::vector<redisReply> replies_;
  std::vector<redisReply*> pointers_;
  redisReply whole_{};
};

/// Packing and reading entries on one core, without a server.
void bench_codec(std::uint32_t instruments, std::size_t block_bytes) {
  const auto m = make_bridge_market(instruments, 400'000, 0, block_bytes);
  const auto n = static_cast<double>(m.count);
  const auto way = [&](redis::numbering how) {
    std::vector<double> pack, unpack;
    double bytes = 0;
    std::string codec;
    for (int run = 0; run <= runs; ++run) {
      double packing = 0;
      double reading = 0;
      bytes = 0;
      for (const auto& b : m.blocks) {
        const redis::entry e{b->first(), {}, b->last(), b->count, b->payload};
        auto begun = cpu_seconds();
        const auto fields = redis::pack(how, e, true);
        packing += cpu_seconds() - begun;
        codec = fields[7];
        for (const auto& f : fields) bytes += static_cast<double>(f.size());
        const answer_of answer(fields);
        begun = cpu_seconds();
        const auto found = redis::read_entry(how, {b->epoch, b->last().seq}, answer.view());
        reading += cpu_seconds() - begun;
        if (!found.block || found.block->payload != b->payload) die("an entry is not what it was");
      }
      if (run == 0) continue;
      pack.push_back(n / packing);
      unpack.push_back(n / reading);
    }
    std::printf("  %6.0f ticks an entry, %-5s %6.1f bytes a tick, packed %9.0f/s, read %9.0f/s\n",
                n / static_cast<double>(m.blocks.size()), codec.c_str(), bytes / n, median(pack),
                median(unpack));
  };
  way(redis::numbering::letters);  // dense too, and never by columns
  way(redis::numbering::ticks);
}

}  // namespace

int main(int argc, char** argv) {
  const auto thousands = argc > 1 ? std::atol(argv[1]) : 2000;
  const auto instruments = static_cast<std::uint32_t>(argc > 2 ? std::atol(argv[2]) : 5000);
  std::printf("entries on one core, %u instruments in full mode\n", instruments);
  for (const std::size_t bytes : {48'000U, 256U << 10U, 1U << 20U, 4U << 20U})
    bench_codec(instruments, bytes);
  const auto m = make_bridge_market(instruments, static_cast<std::uint64_t>(thousands) * 1000,
                                    plain_ticks, journal_block);
  std::printf("%llu ticks in %zu blocks, beside %zu plain ones; medians of %d\n",
              static_cast<unsigned long long>(m.count), m.blocks.size(), m.ticks.size(), runs);
  bench_server(m, false);
  bench_server(m, true);
}

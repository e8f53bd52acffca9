// Ticks per second from frames through journal, per-instrument actors and 8 timeframes to final
// bars in SQLite, beside a plain single-thread loop over the same frames in the same run.
// `pipeline_bench [million ticks] [rounds] [number of the row]`

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "app/calendars.hpp"
#include "app/pipeline.hpp"
#include "bench/frame_market.hpp"
#include "bench/measure.hpp"
#include "bridge/local/journal.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "store/sqlite/database.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using bench::cpu_seconds;
using bench::market_data;
using bench::measure;
using bench::median;
using bench::seconds_since;
using market::timestamp;
using clock_type = std::chrono::steady_clock;

constexpr const char* timeframes = "1m 3m 5m 15m 30m 1h 75m 1D";

/// Gives the frames to the sink as fast as it takes them.
class bench_feed final : public feed::feed {
 public:
  explicit bench_feed(const market_data& d) : data_(d) {}
  ~bench_feed() override { bench_feed::stop(); }
  void start(::artham::feed::sink& s) override {
    thread_ = std::thread([this, &s] {
      const auto open = data_.frames.front().at;
      s.on_market_time(open, open);
      s.on_state({::artham::feed::state::live}, open, open);
      s.on_subscription(data_.tokens, market::tick_mode::full, true, open, open);
      timestamp clock = open;
      for (const auto& f : data_.frames) {
        if (stop_) return;
        if (f.at >= clock + 250 * market::millisecond) {
          clock = f.at;
          s.on_market_time(clock, clock);
        }
        if (!s.on_frame(f.bytes, f.at, f.at)) {
          std::unique_lock lock(mutex_);
          go_.wait(lock, [this] { return std::exchange(resumed_, false) || stop_; });
        }
      }
      s.on_market_time(clock + market::second, clock);
    });
  }
  void stop() override {
    stop_ = true;
    go_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  result<void> subscribe(std::span<const std::uint32_t>, market::tick_mode) override { return {}; }
  void unsubscribe(std::span<const std::uint32_t>) override {}
  void resume() override {
    const std::lock_guard lock(mutex_);
    resumed_ = true;
    go_.notify_all();
  }
  [[nodiscard]] ::artham::feed::counters counts() const override { return {}; }
  [[nodiscard]] ::artham::feed::state current() const override {
    return ::artham::feed::state::live;
  }

 private:
  const market_data& data_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable go_;
  bool resumed_ = false;
  std::atomic<bool> stop_{false};
};

measure pipeline(const market_data& d, const std::vector<market::timeframe>& frames,
                 const market::calendar_ptr& calendar, bool tick_table) {
  std::string dir = (std::filesystem::current_path() / "bench-XXXXXX").string();
  if (mkdtemp(dir.data()) == nullptr) std::abort();
  bridge::local::options jo;
  jo.dir = dir + "/journal";
  auto journal = bridge::local::open(std::move(jo));
  store::options so;
  so.tick_table = tick_table;
  so.timeframes = frames;
  auto db = store::sqlite::open(dir + "/artham.db", so);
  if (!journal || !db) std::abort();
  const feed::kite::frame_decoder decoder;
  auto plan = std::make_shared<const market::bar_plan>(
      market::bar_plan{frames, 3 * market::second, calendar});
  runtime::worker writer("store-writer", 64);

  const auto cpu = cpu_seconds();
  const auto begun = clock_type::now();
  {
    actors::bar_reader_config bars;
    bars.input = journal->journal.get();
    bars.output = journal->journal.get();
    bars.decoder = &decoder;
    bars.timeframes = frames;
    bars.plan_of = [plan](std::uint32_t) { return plan; };
    app::bar_pipeline p(2, std::move(bars), [&](const supervisors::tree_options& tree) {
      actors::stream_store_config ticks;
      ticks.consumer = "tick_store";
      ticks.stream = record::ticks_stream();
      ticks.journal = journal->journal.get();
      ticks.writer = &(*db)->writing();
      ticks.writer_thread = &writer;
      ticks.metrics = tree.metrics;
      ticks.make_rows = actors::tick_rows(decoder, {tick_table});
      std::vector<actors::stream_store_config> stores{ticks};
      for (const auto& tf : frames) {
        auto c = ticks;
        c.consumer = "bar_store";
        c.stream = record::final_bars_stream(market::to_string(tf));
        c.make_rows = actors::bar_rows(tf);
        stores.push_back(std::move(c));
      }
      actors::ingestor_config ingest;
      ingest.journal = journal->journal.get();
      ingest.decoder = &decoder;
      ingest.metrics = tree.metrics;
      ingest.make_feed = [&d]() -> std::unique_ptr<feed::feed> {
        return std::make_unique<bench_feed>(d);
      };
      ingest.log.calendars = {calendar};
      std::vector<messages::child_spec> roles;
      roles.push_back(supervisors::store_tree(tree, std::move(stores)));
      roles.push_back(supervisors::ingest_tree(tree, std::move(ingest)));
      return roles;
    });
    auto& received = p.metrics().counter("artham_ticks_received_total", "");
    while (received.value() < d.ticks) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto top = journal->journal->stream_tops(record::ticks_stream());
    if (!p.wait_for(top->appended)) std::abort();
    for (bool stored = false; !stored;) {
      stored = true;
      const auto positions = (*db)->reading().positions();
      if (!positions) std::abort();
      const auto reached = [&](const std::string& stream) {
        const auto tops = journal->journal->stream_tops(stream);
        if (!tops || tops->appended.seq == 0) return true;
        return std::any_of(positions->begin(), positions->end(), [&](const auto& at) {
          return at.stream == stream && at.at.seq >= tops->appended.seq;
        });
      };
      for (const auto& tf : frames)
        stored = stored && reached(record::final_bars_stream(market::to_string(tf)));
      if (tick_table) {
        stored = stored && std::any_of(positions->begin(), positions->end(), [&](const auto& at) {
                   return at.stream == record::ticks_stream() && at.at.seq >= top->appended.seq;
                 });
      }
      if (!stored) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  const auto wall = seconds_since(begun);
  const auto n = static_cast<double>(d.ticks) / 1e6;
  const measure m{n / wall, (cpu_seconds() - cpu) / n};
  writer.stop();
  journal->journal->stop();
  db->reset();
  std::filesystem::remove_all(dir);
  return m;
}

/// MB/s of writing and syncing in this directory.
double disk_rate() {
  const std::string chunk(8U << 20U, 'x');
  const int fd = open("bench-disk", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const auto begun = clock_type::now();
  for (int i = 0; i < 64; ++i) {
    if (write(fd, chunk.data(), chunk.size()) < 0 || fdatasync(fd) != 0) std::abort();
  }
  const auto wall = seconds_since(begun);
  close(fd);
  unlink("bench-disk");
  return 64.0 * 8.388608 / wall;
}

}  // namespace

int main(int argc, char** argv) {
  const double millions = argc > 1 ? std::atof(argv[1]) : 10;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  const int only = argc > 3 ? std::atoi(argv[3]) : -1;
  const auto calendar = config::load_calendar("NSE")->calendar;
  const auto frames = *market::parse_timeframes(timeframes);
  const auto open = calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
  std::printf("disk: %.0f MB/s written and synced in 8 MiB pieces\n", disk_rate());
  struct setting {
    std::size_t instruments;
    std::size_t per_second;
    market::tick_mode mode;
    const char* mode_name;
    std::size_t bytes;
    bool tick_table;
  };
  int row = 0;
  for (const auto& s : {setting{1, 500, market::tick_mode::quote, "quote", 46, false},
                        setting{500, 4, market::tick_mode::quote, "quote", 46, false},
                        setting{9000, 2, market::tick_mode::ltp, "ltp", 10, false},
                        setting{9000, 2, market::tick_mode::quote, "quote", 46, false},
                        setting{9000, 2, market::tick_mode::full, "full", 186, false},
                        setting{9000, 2, market::tick_mode::quote, "quote", 46, true}}) {
    if (only >= 0 && row++ != only) continue;
    const auto wanted = static_cast<std::uint64_t>(millions * 1e6);
    const auto d = bench::make_frames(s.instruments, s.per_second, wanted, s.mode, open);
    std::vector<double> rate, cpu, plain_rate, plain_cpu;
    for (int i = 0; i < rounds; ++i) {
      const auto base = bench::plain_loop(d, frames, open);
      const auto ours = pipeline(d, frames, calendar, s.tick_table);
      plain_rate.push_back(base.rate);
      plain_cpu.push_back(base.cpu);
      rate.push_back(ours.rate);
      cpu.push_back(ours.cpu);
    }
    std::printf(
        "%5zu instruments %-5s store.ticks=%-7s  %6.2f M ticks/s  %6.3f cpu-s/M  %5.0f MB/s of "
        "frames | plain loop %6.2f M/s "
        "%6.3f cpu-s/M | ratio %.2f\n",
        s.instruments, s.mode_name, s.tick_table ? "table" : "journal", median(rate), median(cpu),
        median(rate) * static_cast<double>(s.bytes), median(plain_rate), median(plain_cpu),
        median(rate) / median(plain_rate));
    std::fflush(stdout);
  }
  return 0;
}

// `artham replay --journal` on 9,000 instruments, beside a plain single-thread loop over the same
// frames in the same run; then how long a start from a checkpoint takes, beside replaying what was
// journaled before. `replay_bench ARTHAM [million ticks] [rounds]`

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/ingest/ingest_log.hpp"
#include "app/calendars.hpp"
#include "app/journal_rules.hpp"
#include "app/pipeline.hpp"
#include "bench/frame_market.hpp"
#include "bench/measure.hpp"
#include "bridge/local/journal.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "config/settings.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "runtime/worker.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using bench::market_data;
using bench::median;
using bench::seconds_since;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t instruments = 9'000;
constexpr std::size_t per_second = 2;
constexpr const char* timeframes = "1m,3m,5m,15m,30m,1h,75m,1D";

template <class T>
T must(result<T> r, const char* what) {
  if (r) return std::move(*r);
  std::fprintf(stderr, "%s: %s\n", what, r.error().message.c_str());
  std::exit(3);
}

/// A folder of its own below the working directory, removed with everything in it.
class work_folder {
 public:
  work_folder() : path_((std::filesystem::current_path() / "bench-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  work_folder(const work_folder&) = delete;
  work_folder& operator=(const work_folder&) = delete;
  ~work_folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path path() const { return path_; }

 private:
  std::string path_;
};

/// Journals the frames as a run does. Returns the bytes of its records.
std::uint64_t write_journal(const market_data& d, const std::filesystem::path& dir) {
  bridge::local::options o;
  o.dir = dir;
  const auto opened = must(bridge::local::open(std::move(o)), "journal");
  auto& journal = *opened.journal;
  const auto calendars =
      must(app::load_calendar_set(config::builtin_calendar_names()), "calendars");
  const auto settings = must(config::load_settings({}), "settings");
  const feed::kite::frame_decoder decoder;
  actors::ingest_options options;
  options.calendars = {calendars.by_name.at("NSE")};
  options.hashes = {must(journal.put_object(config::canonical_text(settings)), "settings"),
                    must(journal.put_object(calendars.text), "calendars"),
                    must(journal.put_object(market::write_instruments({})), "instruments")};
  actors::ingest_log log(options, decoder);
  const auto writer = must(journal.open_writer(record::ticks_stream(), 1), "md:ticks");
  actors::record_batch batch;
  std::uint64_t bytes = 0;
  const auto put = [&] {
    if (batch.count == 0) return;
    while (!writer->append(batch.bytes, batch.count, batch.tokens)) usleep(500);
    bytes += batch.bytes.size();
    batch.clear();
  };
  const auto tell = [&](market::timestamp at, auto what) {
    log.on({at, at, std::move(what)}, batch);
    if (batch.bytes.size() > 256U << 10U) put();
  };
  const auto open = d.frames.front().at;
  tell(open, feed::state_change{feed::state::live, {}, {}});
  tell(open, actors::subscription_event{d.tokens, market::tick_mode::full, true});
  auto told = open;
  for (const auto& f : d.frames) {
    for (; f.at >= told + market::second; told += market::second)
      tell(told + market::second, actors::time_event{});
    tell(f.at, actors::frame_event{f.bytes});
  }
  tell(d.frames.back().at + market::second, actors::time_event{});
  put();
  journal.stop();
  return bytes;
}

struct replay_run {
  double rate = 0;          ///< M ticks/s, as the program prints it
  double cpu = 0;           ///< CPU seconds per million ticks
  double start_to_end = 0;  ///< M ticks/s from start to end of the process
  double peak = 0;          ///< MB of memory
  std::string digest;
};

replay_run replay(const char* artham, const std::filesystem::path& dir) {
  const auto answer = dir / "answer.json";
  const auto out = dir / "bars";
  const auto begun = clock_type::now();
  const auto child = fork();
  if (child < 0) std::abort();
  if (child == 0) {
    if (std::freopen(answer.c_str(), "w", stdout) == nullptr) _exit(3);
    const auto journal = dir / "journal";
    execl(artham, artham, "replay", "--journal", journal.c_str(), "--out", out.c_str(),
          "--timeframes", timeframes, "--json", nullptr);
    _exit(3);
  }
  int status = 0;
  rusage u{};
  if (wait4(child, &status, 0, &u) != child || status != 0) {
    std::fprintf(stderr, "%s replay failed\n", artham);
    std::exit(3);
  }
  const auto wall = seconds_since(begun);
  std::ifstream file(answer);
  const auto j = nlohmann::json::parse(file);
  const auto millions = j.at("ticks").get<double>() / 1e6;
  const auto cpu = static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                   static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
  return {j.at("ticks_per_second").get<double>() / 1e6, cpu / millions, millions / wall,
          static_cast<double>(u.ru_maxrss) / 1024, j.at("digest").get<std::string>()};
}

void measure_replay(const char* artham, const char* name, const market_data& d,
                    const std::filesystem::path& dir, int rounds) {
  const auto frames = must(market::parse_timeframes(timeframes), "timeframes");
  const auto bytes = write_journal(d, dir / "journal");
  const auto warm = replay(artham, dir);
  std::vector<double> rate, cpu, whole, peak, plain, plain_cpu;
  for (int i = 0; i < rounds; ++i) {
    const auto base = bench::plain_loop(d, frames, d.frames.front().at);
    plain.push_back(base.rate);
    plain_cpu.push_back(base.cpu);
    const auto r = replay(artham, dir);
    if (r.digest != warm.digest) {
      std::fprintf(stderr, "two replays of one journal differ\n");
      std::exit(1);
    }
    rate.push_back(r.rate);
    cpu.push_back(r.cpu);
    whole.push_back(r.start_to_end);
    peak.push_back(r.peak);
  }
  std::printf(
      "replay %-5s %5.1f bytes a tick  %6.2f M ticks/s  %6.3f cpu-s/M  %6.2f M ticks/s of the "
      "whole "
      "process  peak %5.0f MB | plain loop %6.2f M/s %6.3f cpu-s/M | ratio %.2f\n",
      name, static_cast<double>(bytes) / static_cast<double>(d.ticks), median(rate), median(cpu),
      median(whole), median(peak), median(plain), median(plain_cpu), median(rate) / median(plain));
  std::fflush(stdout);
}

/// Seconds until everything journaled is in bars again, and the ticks that it took.
struct started {
  double seconds = 0;
  std::uint64_t ticks = 0;
};

started start(bridge::bridge& journal, bridge::bridge& outputs,
              const std::filesystem::path& checkpoints, market::duration checkpoint_interval) {
  const feed::kite::frame_decoder decoder;
  const auto plan = std::make_shared<const market::bar_plan>(
      market::bar_plan{must(market::parse_timeframes(timeframes), "timeframes"), 3 * market::second,
                       must(config::load_calendar("NSE"), "calendar").calendar});
  runtime::worker disk("checkpoints", 4);
  actors::bar_reader_config config;
  config.input = &journal;
  config.output = &outputs;
  config.decoder = &decoder;
  config.timeframes = plan->timeframes;
  config.plan_of = [plan](std::uint32_t) { return plan; };
  config.checkpoint_dir = checkpoints;
  config.checkpoint_interval = checkpoint_interval;
  config.disk = &disk;
  const auto top = must(journal.stream_tops(record::ticks_stream()), "md:ticks").appended;
  const auto begun = clock_type::now();
  started s;
  {
    app::bar_pipeline pipeline(2, config);
    if (auto done = pipeline.wait_for(top); !done) std::abort();
    s = {seconds_since(begun), pipeline.ticks()};
    // What was under way when the last bar was made is saved before the pipeline ends.
    std::error_code none;
    while (std::filesystem::is_empty(checkpoints, none) || none) usleep(1'000);
  }
  disk.stop();
  return s;
}

/// The first start finds no checkpoint and replays all; on its way it takes one near the end.
void measure_start(const market_data& d, const std::filesystem::path& dir, int rounds) {
  const auto opened = must(bridge::local::open_read_only(dir / "journal"), "journal");
  std::vector<double> replayed, resumed;
  std::uint64_t behind = 0;
  double megabytes = 0;
  const auto first = d.frames.front().at;
  const auto most = d.frames.back().at - (d.frames.back().at - first) / 8;
  for (int i = 0; i < rounds; ++i) {
    const auto checkpoints = dir / ("checkpoints" + std::to_string(i));
    const auto outputs = bridge::memory::make();
    // Before the first checkpoint, the interval counts from the beginning of time.
    replayed.push_back(start(*opened.journal, *outputs, checkpoints, most).seconds);
    for (const auto& e : std::filesystem::directory_iterator(checkpoints))
      megabytes = static_cast<double>(e.file_size()) / 1e6;
    const auto s = start(*opened.journal, *outputs, checkpoints, market::never / 2);
    resumed.push_back(s.seconds);
    behind = s.ticks;
  }
  std::printf(
      "start: replaying all %.1f M ticks %.2f s; from a checkpoint of %.0f MB and %.1f M ticks "
      "behind it %.2f s | ratio %.1f\n",
      static_cast<double>(d.ticks) / 1e6, median(replayed), megabytes,
      static_cast<double>(behind) / 1e6, median(resumed), median(replayed) / median(resumed));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "replay_bench ARTHAM [million ticks] [rounds]\n");
    return 2;
  }
  const auto ticks = static_cast<std::uint64_t>((argc > 2 ? std::atof(argv[2]) : 20) * 1e6);
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 3;
  const auto calendar = must(config::load_calendar("NSE"), "calendar").calendar;
  const auto open = calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
  struct kind {
    market::tick_mode mode;
    const char* name;
  };
  for (const auto& k :
       {kind{market::tick_mode::ltp, "ltp"}, kind{market::tick_mode::quote, "quote"},
        kind{market::tick_mode::full, "full"}}) {
    const work_folder work;
    const auto d = bench::make_frames(instruments, per_second, ticks, k.mode, open);
    measure_replay(argv[1], k.name, d, work.path(), rounds);
    if (k.mode == market::tick_mode::ltp) measure_start(d, work.path(), rounds);
  }
  return 0;
}

// The feature stage. (1) A tick of an underlying to its whole chain of 200 contracts, valued anew,
// encoded and in the hands of whoever watches it, with nothing else going on. (2) A day
// of 5,000 contracts through decoder, feature actors and md:features: CPU seconds per million
// ticks, beside decoding those ticks alone.
// `features_bench [moves] [minutes of market time]`

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include "app/feature_rules.hpp"
#include "app/pipeline.hpp"
#include "bench/chain_market.hpp"
#include "bench/measure.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/protocol/feature_json.hpp"
#include "messages/record/mark_codec.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using steady = std::chrono::steady_clock;

constexpr std::size_t underlyings = 25;

template <class T>
T sure(result<T> r) {
  if (r) return std::move(*r);
  std::fprintf(stderr, "%s\n", r.error().message.c_str());
  std::exit(1);
}

/// md:ticks in memory, and the stage that reads it.
struct stage {
  explicit stage(const bench::chain_market& m) {
    auto calendars = sure(app::load_calendar_set(config::builtin_calendar_names()));
    config.input = input.get();
    config.output = output.get();
    config.decoder = &decoder;
    config.plan = app::feature_setup_of({}, calendars, m.instruments()).plan;
    writer = sure(input->open_writer(record::ticks_stream(), 1));
  }

  /// Appends frames of the ticks; returns how many positions they take.
  static std::uint64_t put_ticks(std::string& bytes, const std::vector<market::tick>& ticks,
                                 market::timestamp now) {
    feed::kite::frame_builder frame;
    const auto end = [&] {
      if (frame.empty()) return;
      const auto packets = static_cast<std::uint16_t>(frame.packets());
      record::append(bytes, record::with_times(record::kind::kite_frame, packets, now, now),
                     frame.finish());
    };
    for (const auto& t : ticks) {
      if (frame.full()) end();
      if (!frame.add(t)) std::abort();
    }
    end();
    return ticks.size();
  }
  static void put_clock(std::string& bytes, market::timestamp t) {
    market::mark m;
    m.time = t;
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t), record::encode(m));
  }
  record::position append(const std::vector<market::tick>& ticks, market::timestamp now) {
    bytes.clear();
    const auto count = put_ticks(bytes, ticks, now);
    const auto at = sure(writer->append(bytes, count, {}));
    return {at.epoch, at.seq + count - 1};
  }

  std::unique_ptr<bridge::memory::memory_bridge> input = bridge::memory::make();
  std::unique_ptr<bridge::memory::memory_bridge> output = bridge::memory::make();
  feed::kite::frame_decoder decoder;
  actors::feature_reader_config config;
  std::unique_ptr<bridge::writer> writer;
  std::string bytes;
};

/// Stands where the hub stands, in the same actor system: takes live chains, encodes them, gives
/// credit.
class watcher {
 public:
  /// A role to run beside the stage.
  messages::child_spec role(std::shared_ptr<messages::directory> names, std::string group) {
    messages::child_spec spec;
    spec.id = "watcher";
    spec.factory =
        messages::make_factory([this, names, group](const messages::child_context& context) {
          return context.system.spawn([this, names, group](caf::event_based_actor* self) {
            return watch(self, names, group);
          });
        });
    return spec;
  }

  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return taken_ >= count; })) {
      std::fputs("no live chain came\n", stderr);
      std::exit(1);
    }
  }
  [[nodiscard]] std::uint64_t taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  /// When the last one was encoded.
  [[nodiscard]] steady::time_point at() const {
    const std::lock_guard lock(mutex_);
    return at_;
  }
  [[nodiscard]] std::size_t bytes() const { return size_; }

 private:
  caf::behavior watch(caf::event_based_actor* self,
                      const std::shared_ptr<messages::directory>& names, const std::string& group) {
    const auto reader = std::make_shared<messages::feature_reader_actor>();
    caf::anon_send(caf::actor(self), caf::ok_atom_v);
    return {[this, self, reader](const messages::live_chains_ptr& chains) {
              std::string text;
              text.reserve(size_);
              for (const auto& c : *chains) protocol::append_chain(text, c, false);
              {
                const std::lock_guard lock(mutex_);
                ++taken_;
                at_ = steady::now();
                size_ = text.size();
                changed_.notify_all();
              }
              self->send(*reader, messages::credit_atom_v);
            },
            // The reader may not be there yet.
            [self, reader, names, group](caf::ok_atom) {
              *reader = caf::actor_cast<messages::feature_reader_actor>(
                  names->find(actors::feature_reader_name));
              if (!*reader) {
                self->delayed_send(self, std::chrono::milliseconds(5), caf::ok_atom_v);
                return;
              }
              self->send(*reader, messages::credit_atom_v);
              self->send(*reader, messages::watch_atom_v, group, true);
            }};
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t taken_ = 0;
  steady::time_point at_;
  std::size_t size_ = 0;
};

struct latency {
  double p50 = 0, p99 = 0;
};

/// Microseconds.
latency moves(bench::chain_market& m, std::size_t count, market::timestamp open,
              std::size_t& encoded) {
  stage s(m);
  watcher w;
  app::feature_pipeline p(2, s.config, [&](const supervisors::tree_options& tree) {
    return std::vector{w.role(tree.directory, bench::chain_market::name(0))};
  });
  std::vector<market::tick> all{m.spot(0, open)};
  for (std::size_t i = 0; i < m.contracts(); ++i) all.push_back(m.option(i, open));
  if (!p.wait_for(s.append(all, open))) std::exit(1);
  w.wait_for(1);
  std::vector<double> microseconds;
  for (std::size_t i = 0; i < count; ++i) {
    // Idle in between, as a market's ticks are.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto before = w.taken();
    const std::vector<market::tick> move{m.spot(0, open + market::second)};
    const auto begun = steady::now();
    s.append(move, open + market::second);
    w.wait_for(before + 1);
    microseconds.push_back(std::chrono::duration<double, std::micro>(w.at() - begun).count());
  }
  encoded = w.bytes();
  std::sort(microseconds.begin(), microseconds.end());
  const auto at = [&](double q) {
    return microseconds[static_cast<std::size_t>(q * static_cast<double>(microseconds.size() - 1))];
  };
  return {at(0.5), at(0.99)};
}

/// One minute of the market as records of md:ticks.
struct minute {
  std::string bytes;
  std::uint64_t positions = 0;
  std::uint64_t ticks = 0;
};

minute make_minute(bench::chain_market& m, std::size_t number, market::timestamp open) {
  minute made;
  const std::size_t a_second = m.contracts() / 5;  // each contract every five seconds
  std::vector<market::tick> batch;
  for (std::size_t n = number * 60; n < (number + 1) * 60; ++n) {
    const auto now = open + static_cast<market::duration>(n) * market::second;
    batch.clear();
    for (std::size_t u = 0; u < underlyings; ++u) batch.push_back(m.spot(u, now));
    for (std::size_t i = 0; i < a_second; ++i)
      batch.push_back(m.option((n * a_second + i) % m.contracts(), now));
    made.positions += stage::put_ticks(made.bytes, batch, now) + 4;
    made.ticks += batch.size();
    for (int quarter = 1; quarter <= 4; ++quarter)
      stage::put_clock(made.bytes, now + quarter * 250 * market::millisecond);
  }
  return made;
}

/// CPU seconds that decoding these records alone takes.
double decode(const minute& made, const stage& s, market::timestamp open) {
  const auto memory = bridge::memory::make();
  const auto writer = sure(memory->open_writer(record::ticks_stream(), 1));
  sure(writer->append(made.bytes, made.positions, {}));
  const auto cursor =
      sure(memory->open_reader(record::ticks_stream(), {}, bridge::top::appended, {}));
  const auto cpu = bench::cpu_seconds();
  std::vector<market::quote> quotes;
  for (const auto& b : sure(cursor->pull(UINT32_MAX))) {
    record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
      quotes.clear();
      if (h.kind == record::kind::kite_frame) s.decoder.quotes(body, open, {1, 1}, quotes);
    });
  }
  return bench::cpu_seconds() - cpu;
}

void day(std::size_t minutes, market::timestamp open) {
  bench::chain_market m(underlyings, 4, 25, open);
  stage s(m);
  app::feature_pipeline p(2, s.config);
  double ticks = 0;
  double decoding = 0;
  double cpu = 0;
  double wall = 0;
  for (std::size_t n = 0; n < minutes; ++n) {
    const auto made = make_minute(m, n, open);
    decoding += decode(made, s, open);
    ticks += static_cast<double>(made.ticks);
    const auto cpu_before = bench::cpu_seconds();
    const auto begun = steady::now();
    const auto at = sure(s.writer->append(made.bytes, made.positions, {}));
    const record::position last{at.epoch, at.seq + made.positions - 1};
    if (!p.wait_for(last)) std::exit(1);
    wall += bench::seconds_since(begun);
    cpu += bench::cpu_seconds() - cpu_before;
    s.input->drop_before(record::ticks_stream(), last);
    s.output->drop_before(record::features_stream(),
                          sure(s.output->stream_tops(record::features_stream())).appended);
  }
  double options = 0;
  for (const auto& sample : p.metrics().samples()) {
    if (sample.name == "artham_feature_options_total") options += static_cast<double>(sample.value);
  }
  std::printf(
      "%zu contracts in 100 chains, %zu minutes of market time: %.1f M ticks, %.1f M options "
      "valued "
      "in %.1f s (%.0f times as fast as the market)\n"
      "  %.2f CPU seconds a million ticks (decoding them alone: %.2f), %.2f microseconds an option "
      "valued and recorded\n",
      m.contracts(), minutes, ticks / 1e6, options / 1e6, wall,
      static_cast<double>(minutes) * 60 / wall, cpu / ticks * 1e6, decoding / ticks * 1e6,
      cpu / options * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000;
  const std::size_t minutes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 375;
  const auto open = config::load_calendar("NSE")
                        ->calendar->day(market::make_date(2026, 11, 27))
                        .sessions.front()
                        .open;
  std::vector<double> p50;
  std::vector<double> p99;
  std::size_t encoded = 0;
  for (int round = 0; round < 5; ++round) {
    bench::chain_market m(1, 1, 100, open);
    const auto l = moves(m, count, open, encoded);
    p50.push_back(l.p50);
    p99.push_back(l.p99);
  }
  std::printf(
      "a tick of the underlying to its chain of 200 contracts, valued, encoded (%zu bytes) and "
      "pushed: p50 %.0f us (aim: 100), p99 %.0f us (aim: 1000); median of 5 runs of %zu moves\n",
      encoded, bench::median(p50), bench::median(p99), count);
  day(minutes, open);
}

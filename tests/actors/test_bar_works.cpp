#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "actors/bars/derived_streams.hpp"
#include "actors/bars/work_maker.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "tests/actors/final_bars.hpp"

// What works claim of any journal: how it is cut, where it is started again and who else is in it
// cannot be seen in what comes out. The builders here are called one after the other.
// RC_PARAMS="max_success=100000 seed=..." makes it long.

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t tokens[] = {257, 513, 1025, 2049};
const auto frames = *market::parse_timeframes("5s 1m 3m");

/// Ticks of one instant, or a clock mark when there is none.
struct moment {
  market::timestamp time = 0;
  std::vector<market::bar_input> ticks;
};

std::vector<moment> any_moments() {
  const auto calendar = config::load_calendar("NSE")->calendar;
  auto now = calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
  std::map<std::uint32_t, std::int64_t> volume;
  std::vector<moment> all;
  for (auto n = *rc::gen::inRange(1, 120); n > 0; --n) {
    now += *rc::gen::element(0, 0, 250, 1'000, 4'000, 30'000) * market::millisecond;
    moment m{now, {}};
    for (const auto token : tokens) {
      if (*rc::gen::inRange(0, 3) == 0) continue;
      market::bar_input t;
      t.time = now - *rc::gen::element(0, 0, 0, 1, 7, 100) * market::second;
      t.token = token;
      t.last.units = *rc::gen::inRange<std::int64_t>(90, 110) * market::price_scale;
      t.volume_or_size = volume[token] += *rc::gen::inRange<std::int64_t>(0, 50);
      t.fields = market::bar_input::volume;
      m.ticks.push_back(t);
    }
    all.push_back(std::move(m));
  }
  // Far enough that every bar becomes final.
  all.push_back({now + 10 * market::minute, {}});
  return all;
}

/// The moments as md:ticks, those of some tokens only; an appended block a moment and its mark.
void journal(bridge::bridge& out, const std::vector<moment>& moments,
             const std::vector<std::uint32_t>& wanted) {
  auto writer = out.open_writer(record::ticks_stream(), 1);
  RC_ASSERT(writer.has_value());
  for (const auto& m : moments) {
    std::vector<market::bar_input> own;
    for (const auto& t : m.ticks) {
      if (std::ranges::count(wanted, t.token) != 0) own.push_back(t);
    }
    std::string bytes;
    if (!own.empty()) {
      std::string body;
      record::encode(body, own);
      const auto count = static_cast<std::uint16_t>(own.size());
      record::append(bytes, record::with_times(record::kind::packed_ticks, count, m.time, m.time),
                     body);
    }
    market::mark clock;
    clock.time = m.time;
    record::append(bytes, record::with_times(record::kind::mark, 1, m.time, m.time),
                   record::encode(clock));
    RC_ASSERT((*writer)->append(bytes, own.size() + 1, {}).has_value());
  }
}

/// A bar reader and its builders without actors. What it knows can be kept and gone on from.
class reading {
 public:
  explicit reading(bridge::bridge& output)
      : streams_(std::move(*derived_or_fail(output, metrics_))) {}

  struct kept {
    record::position at;
    market::timestamp clock = 0;
    std::map<std::uint32_t, std::string> states;
  };
  [[nodiscard]] kept keep() const {
    kept k{maker_.at(), maker_.clock(), {}};
    for (std::uint32_t slot = 0; slot < builders_.size(); ++slot) {
      builders_[slot].save(k.states[maker_.token(slot)]);
    }
    return k;
  }
  void go_on_from(const kept& k) {
    maker_.start_at(k.at, k.clock);
    for (const auto& [token, state] : k.states) {
      std::string_view bytes = state;
      auto loaded = market::bar_aggregator::load(plan_, bytes);
      RC_ASSERT(loaded.has_value());
      const auto slot = maker_.add(token);
      maker_.next_close(slot, loaded->next_close());
      builders_.push_back(std::move(*loaded));
    }
  }
  [[nodiscard]] record::position at() const { return maker_.at(); }

  void take(const std::vector<record::block_ptr>& blocks) {
    std::vector<std::uint32_t> added;
    auto work = maker_.make(blocks, added, [](const auto&) {});
    RC_ASSERT(work.has_value());
    for (const auto slot : added) builders_.emplace_back(plan_, maker_.token(slot));
    std::vector<market::closed_bar> closed;
    for (std::uint32_t i = 0; i < (*work)->slice_count; ++i) {
      const auto& s = (*work)->slices[i];
      auto& builder = builders_[s.slot];
      builder.consume({(*work)->ticks.data() + s.first_tick, s.last_tick - s.first_tick},
                      (*work)->marks, (*work)->clock_before, closed);
      maker_.next_close(s.slot, builder.next_close());
    }
    streams_->add(closed);
    RC_ASSERT(streams_->flush([] {}).value());
  }

 private:
  static result<std::unique_ptr<actors::derived_streams>> derived_or_fail(
      bridge::bridge& output, runtime::metrics& metrics) {
    auto made = actors::derived_streams::open(output, frames, metrics);
    RC_ASSERT(made.has_value());
    return made;
  }

  std::shared_ptr<const market::bar_plan> plan_ = std::make_shared<const market::bar_plan>(
      market::bar_plan{frames, 3 * market::second, config::load_calendar("NSE")->calendar});
  feed::kite::frame_decoder decoder_;
  runtime::metrics metrics_;
  actors::work_maker maker_{decoder_};
  std::vector<market::bar_aggregator> builders_;
  std::unique_ptr<actors::derived_streams> streams_;
};

using output = std::vector<std::pair<std::string, record::bar_record>>;

output everything(bridge::bridge& from) {
  output all;
  test::for_each_final_bar(
      from, frames, [&](const std::string& stream, const auto& r) { all.emplace_back(stream, r); });
  return all;
}

/// Reads all of it in works of `batch()` records, from the first one or what was kept.
template <class Batch, class AfterWork>
void read(bridge::bridge& input, reading& r, Batch batch, AfterWork after_work) {
  auto cursor = input.open_reader(record::ticks_stream(), r.at(), bridge::top::appended, {});
  RC_ASSERT(cursor.has_value());
  for (;;) {
    const auto blocks = (*cursor)->pull(batch());
    RC_ASSERT(blocks.has_value());
    if (blocks->empty()) return;
    r.take(*blocks);
    if (!after_work()) return;
  }
}

output read_whole(bridge::bridge& input) {
  const auto out = bridge::memory::make();
  reading r(*out);
  read(
      input, r, [] { return 1'000'000; }, [] { return true; });
  return everything(*out);
}

/// By stream, instrument, start and revision, without what tells where in a journal they stand.
output without_positions(output bars) {
  for (auto& [stream, r] : bars) {
    r.cause = {};
    r.bar.first = r.bar.last = {};
  }
  std::ranges::sort(bars, {}, [](const auto& b) {
    return std::tuple(b.first, b.second.bar.token, b.second.bar.start, b.second.bar.revision);
  });
  return bars;
}

}  // namespace

TEST_CASE("works keep what they claim") {
  CHECK(rc::check("cut anywhere and started again anywhere, the streams are the same", [] {
    const auto input = bridge::memory::make({.max_block_records = 1});
    journal(*input, any_moments(), {std::begin(tokens), std::end(tokens)});
    const auto expected = read_whole(*input);
    const auto out = bridge::memory::make();
    const auto longest = *rc::gen::inRange<std::uint64_t>(1, 200);
    const auto batch = [&] { return *rc::gen::inRange<std::uint64_t>(1, longest + 1); };
    reading::kept kept;
    int restarts = 5;
    for (bool ended = false; !ended;) {
      // What lies between the state that was kept and this end is read, and given out, again.
      reading r(*out);
      r.go_on_from(kept);
      ended = true;
      read(*input, r, batch, [&] {
        if (*rc::gen::inRange(0, 4) == 0) kept = r.keep();
        ended = restarts == 0 || *rc::gen::inRange(0, 30) != 0;
        if (!ended) --restarts;
        return ended;
      });
    }
    RC_ASSERT(everything(*out) == expected);
  }));

  CHECK(rc::check("two sets of instruments give what they give together", [] {
    const auto moments = any_moments();
    std::vector<std::uint32_t> sets[2];
    for (const auto token : tokens) sets[*rc::gen::inRange(0, 2)].push_back(token);
    output apart;
    for (const auto& set : sets) {
      const auto input = bridge::memory::make();
      journal(*input, moments, set);
      const auto bars = read_whole(*input);
      apart.insert(apart.end(), bars.begin(), bars.end());
    }
    const auto both = bridge::memory::make();
    journal(*both, moments, {std::begin(tokens), std::end(tokens)});
    RC_ASSERT(without_positions(apart) == without_positions(read_whole(*both)));
  }));
}

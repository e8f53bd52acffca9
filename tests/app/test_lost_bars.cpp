#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "app/calendars.hpp"
#include "app/lost_bars.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/record/mark_codec.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)
using market::mark_kind;

/// A time of day in India on 2026-11-20, a Friday, or days later.
market::timestamp at(const std::string& time_of_day, int days_later = 0) {
  return *market::parse_rfc3339("2026-11-20T" + time_of_day + "+05:30") + days_later * market::day;
}

class journal {
 public:
  record::position mark(mark_kind kind, market::timestamp t, std::uint8_t flag = 0,
                        std::vector<std::uint32_t> tokens = {}, market::timestamp from = 0) {
    market::mark m;
    m.kind = kind;
    m.time = t;
    m.flag = flag;
    m.tokens = std::move(tokens);
    m.from = from;
    if (kind == mark_kind::epoch) {
      writer_.reset();
      writer_ = std::move(*bridge_->open_writer(record::ticks_stream(), bridge_->last_epoch() + 1));
    }
    std::string bytes;
    record::append(bytes, record::with_times(record::kind::mark, 1, t, t), record::encode(m));
    return *writer_->append(bytes, 1, {});
  }
  void gap(market::timestamp from, market::timestamp to, std::vector<std::uint32_t> tokens = {}) {
    mark(mark_kind::gap, from, market::gap_begins, tokens, from);
    store::gap_row row;
    row.from = from;
    row.to = to;
    row.at = mark(mark_kind::gap, to, 0, std::move(tokens), from);
    gaps.push_back(row);
  }
  std::vector<store::gap_row> gaps;

  /// `7 09:15-09:17|…`
  std::string lost(const char* tf = "1m") {
    const auto calendars = app::load_calendar_set(config::builtin_calendar_names());
    REQUIRE(calendars);
    const auto nse = calendars->by_name.at("NSE");
    const feed::kite::frame_decoder decoder;
    const auto found = app::find_lost_bars(*bridge_, decoder, gaps, *market::parse_timeframe(tf),
                                           [&](std::uint32_t) { return nse; });
    REQUIRE(found);
    std::string out;
    for (const auto& [token, stretches] : *found) {
      for (const auto& s : stretches) {
        const auto clock = [](market::timestamp t) {
          return market::to_rfc3339(t, market::india_offset).substr(8, 8);
        };
        out += (out.empty() ? "" : "|") + std::to_string(token) + " " + clock(s.start) + "-" +
               clock(s.end);
      }
    }
    return out;
  }

 private:
  std::unique_ptr<bridge::memory::memory_bridge> bridge_ = bridge::memory::make();
  std::unique_ptr<bridge::writer> writer_;
};

}  // namespace

TEST_CASE("a gap concerns whole bars of the instruments that were subscribed when it came") {
  journal j;
  j.mark(mark_kind::epoch, at("09:00:00"));
  j.mark(mark_kind::subscription, at("09:00:00"), 1, {7});
  j.gap(at("09:15:30"), at("09:17:00"));
  CHECK(j.lost() == "7 20T09:15-20T09:17");
  CHECK(j.lost("5m") == "7 20T09:15-20T09:20");
  CHECK(j.lost("1D") == "7 20T09:15-20T15:30");
  j.mark(mark_kind::subscription, at("09:18:00"), 1, {9});
  j.gap(at("09:16:50"), at("09:17:10"));
  CHECK(j.lost() == "7 20T09:15-20T09:18|9 20T09:16-20T09:18");
  j.mark(mark_kind::subscription, at("09:19:00"), 0, {7});
  j.gap(at("09:30:00"), at("09:30:00"));
  CHECK(j.lost() == "7 20T09:15-20T09:18|9 20T09:16-20T09:18|9 20T09:30-20T09:31");
  j.gap(at("09:40:00"), at("09:40:01"), {7});
  CHECK(j.lost().starts_with("7 20T09:15-20T09:18|7 20T09:40-20T09:41|9"));
}

TEST_CASE("a night has no bars, and a restart concerns what was subscribed before it") {
  journal j;
  j.mark(mark_kind::epoch, at("09:00:00"));
  j.mark(mark_kind::subscription, at("09:00:00"), 1, {7});
  j.gap(at("15:30:00"), at("09:15:00", 3));
  CHECK(j.lost().empty());
  j.mark(mark_kind::epoch, at("09:16:20", 3));
  j.gap(at("15:29:00"), at("09:16:20", 3));
  CHECK(j.lost() == "7 20T15:29-20T15:30|7 23T09:15-23T09:17");
}

TEST_CASE("a gap that the journal has no longer concerns every instrument that it names") {
  journal j;
  j.mark(mark_kind::epoch, at("09:00:00"));
  j.mark(mark_kind::subscription, at("09:00:00"), 1, {7, 9});
  store::gap_row gone;
  gone.at = {9, 9};
  gone.from = at("09:20:10");
  gone.to = at("09:20:20");
  j.gaps.push_back(gone);
  CHECK(j.lost() == "7 20T09:20-20T09:21|9 20T09:20-20T09:21");
  // Unless its row says whom it concerns.
  j.gaps.back().tokens = {9};
  CHECK(j.lost() == "9 20T09:20-20T09:21");
}

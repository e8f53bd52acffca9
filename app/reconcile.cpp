#include "app/reconcile.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/environment.hpp"
#include "app/findings.hpp"
#include "app/kite_history.hpp"
#include "app/official_data.hpp"
#include "app/record_filter.hpp"
#include "bridge/local/journal.hpp"
#include "config/file_text.hpp"
#include "market/bar_reconcile.hpp"
#include "store/audit.hpp"

namespace artham::app {

namespace {

constexpr int found_difference = 1;

struct time_range {
  market::timestamp from = 0;
  market::timestamp to = market::never;
};

/// What was compared.
struct reconciled {
  std::string instrument;
  std::string timeframe;
  std::size_t bars = 0;
  std::size_t candles = 0;
  store::candle_counts stored;
  std::map<market::difference_class, std::size_t> classes;
};

class reconciliation {
 public:
  reconciliation(const reconcile_options& o, findings& found) : options_(o), found_(found) {}

  result<reconciled> run() {
    auto s = load(options_.settings);
    if (!s) return tl::unexpected(s.error());
    settings_ = std::move(*s);
    for (const auto step : {&reconciliation::read_options, &reconciliation::read_own,
                            &reconciliation::read_official, &reconciliation::compare}) {
      if (auto done = (this->*step)(); !done) return tl::unexpected(done.error());
    }
    return std::move(answer_);
  }

 private:
  result<void> read_options() {
    const auto tf = feed::kite::parse_interval(options_.interval);
    if (!tf) return fail(tf.error().code, "--interval: " + tf.error().message);
    timeframe_ = *tf;
    const auto range = parse_selection({options_.from, options_.to, {}}, {});
    if (!range) return tl::unexpected(range.error());
    range_ = {range->from, range->to};
    auto data = open_official_data(settings_);
    if (!data) return tl::unexpected(data.error());
    data_ = std::move(*data);
    const auto found = data_.store->reading().find(options_.instrument);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      return fail(errc::usage, "--instrument: the store knows no instrument \"" +
                                   options_.instrument +
                                   "\"; keys look like NSE:INFY, or give a "
                                   "token");
    }
    token_ = (*found)->instrument.token;
    answer_.instrument = market::display_key((*found)->instrument);
    answer_.timeframe = market::to_string(timeframe_);
    calendar_ = data_.index->calendar_of(token_);
    return {};
  }

  result<void> read_own() {
    store::bar_query q;
    q.token = token_;
    q.timeframe = timeframe_;
    q.from = range_.from;
    q.to = range_.to;
    q.limit = SIZE_MAX;
    const auto rows = data_.store->reading().bars(q);
    if (!rows) return tl::unexpected(rows.error());
    for (const auto& r : *rows) own_.push_back(r.bar);
    return {};
  }

  result<void> read_official() {
    result<std::vector<feed::kite::candle>> candles;
    if (!options_.kite.empty()) {
      const auto text = config::read_text(options_.kite);
      if (!text) return tl::unexpected(text.error());
      candles = feed::kite::parse_candles(*text);
      if (!candles) {
        return fail(errc::bad_input, "--kite " + options_.kite + ": " + candles.error().message +
                                         "; give the JSON of Kite's /instruments/historical");
      }
    } else {
      auto kite = history_of(settings_, options_.url);
      if (!kite) return tl::unexpected(kite.error());
      if (own_.empty()) {
        return fail(errc::not_found, "there is no " + answer_.timeframe + " bar of " +
                                         answer_.instrument + " to compare with");
      }
      // A day is labelled by its midnight.
      const auto day = calendar_->day_of(own_.front().start);
      candles = kite->fetch(token_, timeframe_,
                            timeframe_ == market::one_trading_day ? day.begin : own_.front().start,
                            own_.back().end);
      if (!candles) return tl::unexpected(candles.error());
    }
    official_ = official_bars(*candles, token_, timeframe_, *calendar_);
    std::erase_if(official_, [&](const market::bar& b) {
      return b.start < range_.from || b.start >= range_.to;
    });
    if (official_.empty()) {
      return fail(errc::not_found,
                  (options_.kite.empty() ? "the exchange" : "--kite " + options_.kite) +
                      " has no candle in the range: there is nothing to compare");
    }
    const auto put = data_.store->writing().put_candles(store::kite_source, timeframe_, official_);
    if (!put) return tl::unexpected(put.error());
    answer_.stored = *put;
    return {};
  }

  /// Bars behind the newest one stored may still come, as long as the program runs.
  result<void> leave_out_what_may_come() {
    const auto journal = std::filesystem::path(settings_.data.dir) / "journal";
    if (!std::filesystem::is_directory(journal)) return {};
    const auto writer = bridge::local::writer_of(journal);
    if (!writer) return tl::unexpected(writer.error());
    if (!*writer) return {};
    store::bar_query newest;
    newest.token = token_;
    newest.timeframe = timeframe_;
    newest.limit = 1;
    newest.newest_first = true;
    const auto last = data_.store->reading().bars(newest);
    if (!last) return tl::unexpected(last.error());
    const auto until = last->empty() ? 0 : last->back().bar.end;
    const auto left_out =
        std::erase_if(official_, [&](const market::bar& b) { return b.start >= until; });
    if (official_.empty()) {
      return fail(errc::not_found, "process " + **writer +
                                       " is still making bars, and has none yet to compare with "
                                       "these candles");
    }
    if (left_out != 0) {
      found_.note("note: process " + **writer + " is still making bars: " +
                  std::to_string(left_out) + " candles behind the last one are left out");
    }
    return {};
  }

  result<void> compare() {
    const auto first = official_.front().start;
    const auto last = official_.back().end;
    std::erase_if(own_, [&](const market::bar& b) { return b.start < first || b.start >= last; });
    if (auto done = leave_out_what_may_come(); !done) return done;
    const auto rows = data_.store->reading().gaps(first, last);
    if (!rows) return tl::unexpected(rows.error());
    std::vector<market::bar_bounds> gaps;
    for (const auto& g : *rows) {
      if (g.concerns(token_)) gaps.push_back({g.from, std::max(g.to, g.from + 1)});
    }
    answer_.bars = own_.size();
    answer_.candles = official_.size();
    for (const auto& d : market::reconcile(own_, official_, gaps, timeframe_)) {
      ++answer_.classes[d.why];
      report_difference(d);
    }
    return {};
  }

  void report_difference(const market::bar_difference& d) {
    const auto offset = calendar_->utc_offset(d.start);
    const auto start = market::to_rfc3339(d.start, offset);
    const auto why = std::string(market::to_string(d.why));
    nlohmann::json fields{{"class", why}, {"start", start}, {"column", d.column}};
    auto line = answer_.instrument + " " + answer_.timeframe + " " + start + " ";
    if (!d.own) {
      const bool ours = std::ranges::count(own_, d.start, &market::bar::start) != 0;
      line += ours ? "only we have this bar" : "only the exchange has this bar";
    } else {
      const auto own = store::column_text(d.column, d.own, offset);
      const auto official = store::column_text(d.column, d.official, offset);
      line += std::string(d.column) + ": ours " + own + ", theirs " + official;
      fields["own"] = own;
      fields["official"] = official;
    }
    found_.difference(line + ": " + why, std::move(fields));
  }

  const reconcile_options& options_;
  findings& found_;
  config::settings settings_;
  official_data data_;
  market::timeframe timeframe_;
  time_range range_;
  std::uint32_t token_ = 0;
  market::calendar_ptr calendar_;
  std::vector<market::bar> own_;
  std::vector<market::bar> official_;
  reconciled answer_;
};

}  // namespace

int reconcile(const reconcile_options& options) {
  findings found(options.json);
  const auto answer = reconciliation(options, found).run();
  if (!answer) return report(answer.error());
  const bool equal = found.differences() == 0;
  if (options.json) {
    auto classes = nlohmann::json::object();
    for (const auto c : market::difference_classes) {
      const auto n = answer->classes.find(c);
      classes[std::string(market::to_string(c))] = n == answer->classes.end() ? 0 : n->second;
    }
    const nlohmann::json j{{"equal", equal},
                           {"instrument", answer->instrument},
                           {"timeframe", answer->timeframe},
                           {"bars", answer->bars},
                           {"candles", answer->candles},
                           {"added", answer->stored.added},
                           {"changed", answer->stored.changed},
                           {"differences", found.gathered()},
                           {"classes", classes},
                           {"notes", found.notes()}};
    std::printf("%s\n", j.dump().c_str());
    return equal ? 0 : found_difference;
  }
  std::printf("bars %zu\ncandles %zu\nadded %zu\nchanged %zu\n", answer->bars, answer->candles,
              answer->stored.added, answer->stored.changed);
  for (const auto& [why, count] : answer->classes)
    std::printf("%s %zu\n", std::string(market::to_string(why)).c_str(), count);
  std::printf("differences %zu\n", found.differences());
  return equal ? 0 : found_difference;
}

}  // namespace artham::app

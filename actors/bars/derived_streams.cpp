#include "actors/bars/derived_streams.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "bridge/common/read_to_end.hpp"
#include "messages/record/bar_codec.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

result<record::cause> last_cause(bridge::bridge& from, std::string_view stream) {
  const auto tops = from.stream_tops(stream);
  if (!tops) {
    if (tops.error().code == errc::not_found) return record::cause{};
    return tl::unexpected(tops.error());
  }
  record::cause last;
  // The newest block may be a damaged one: look further back until a record tells its cause.
  for (std::uint64_t back = 1; last == record::cause{} && back <= tops->appended.seq; back *= 64) {
    record::position after = tops->appended;
    after.seq -= back;
    if (after.seq == 0) after.epoch = 0;
    auto cursor = bridge::open_to_end(from, stream, after);
    if (!cursor) return tl::unexpected(cursor.error());
    for (;;) {
      auto blocks = (*cursor)->pull(1U << 16U);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) break;
      for (const auto& b : *blocks) {
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view) {
          last = std::max(last, record::cause_of(h));
        });
      }
    }
  }
  return last;
}

result<std::unique_ptr<derived_streams>> derived_streams::open(
    bridge::bridge& out, const std::vector<market::timeframe>& timeframes,
    runtime::metrics& metrics) {
  auto made = std::make_unique<derived_streams>();
  made->repeated_ =
      &metrics.counter("artham_bars_repeated_total",
                       "Bars made again after a start and left out, as their stream had them.");
  for (const auto& tf : timeframes) {
    const auto text = market::to_string(tf);
    stream s;
    s.name = record::final_bars_stream(text);
    auto top = last_cause(out, s.name);
    if (!top) return tl::unexpected(top.error());
    s.top = s.opened = *top;
    auto writer = out.open_writer(s.name, std::max(out.last_epoch(), 1U));
    if (!writer) return tl::unexpected(writer.error());
    s.writer = std::move(*writer);
    s.bars =
        &metrics.counter("artham_bars_final_total", "Bars that became final, and their revisions.",
                         {{"timeframe", text}});
    s.revisions = &metrics.counter("artham_bars_revised_total",
                                   "Final bars that a late tick changed.", {{"timeframe", text}});
    made->streams_.push_back(std::move(s));
  }
  return made;
}

void derived_streams::add(std::vector<market::closed_bar>& closed, const quarantine_book& book,
                          repaired_bars repaired) {
  const auto is_repaired = [&](const market::closed_bar& c) {
    return book.has_repaired() && book.repaired(c.bar.token, c.cause);
  };
  const auto order = [&](const market::closed_bar& c) {
    return std::tuple(c.timeframe, c.cause, is_repaired(c), c.bar.token, c.bar.start);
  };
  std::sort(closed.begin(), closed.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  record::cause at;
  std::uint32_t timeframe = UINT32_MAX;
  std::uint32_t token = 0;
  for (const auto& c : closed) {
    const bool new_cause = c.timeframe != timeframe || c.cause != at.at;
    const bool mended = is_repaired(c);
    if (mended && repaired == repaired_bars::leave_out) {
      repeated_->add();
      continue;
    }
    const bool first_mended =
        mended && (new_cause || at.ordinal < first_repaired_ordinal || c.bar.token != token);
    if (first_mended) {
      at = {c.cause, first_repaired_ordinal};
    } else if (new_cause) {
      at = {c.cause, 0};
    } else {
      ++at.ordinal;
    }
    timeframe = c.timeframe;
    token = c.bar.token;
    put(streams_[c.timeframe], at, c.bar);
  }
}

void derived_streams::put(stream& s, record::cause at, const market::bar& bar) {
  // Repaired bars of several instruments share ordinals; what one cause made is appended at once.
  const bool had = at.ordinal < first_repaired_ordinal ? at <= s.top : at.at <= s.opened.at;
  if (had) {
    repeated_->add();
    return;
  }
  s.top = std::max(s.top, at);
  std::string body;
  record::encode(body, bar);
  record::append(s.held, record::with_cause(record::kind::bar, at), body);
  s.held_tokens.push_back(bar.token);
  if (bar.revision != 0) s.revisions->add();
  ++s.held_count;
}

result<bool> derived_streams::flush(const std::function<void()>& room) {
  for (stream& s : streams_) {
    if (s.held_count == 0) continue;
    auto at = s.writer->append(s.held, s.held_count, s.held_tokens);
    if (!at) {
      if (!is_transient(at.error().code)) return tl::unexpected(at.error());
      s.writer->when_room(room);
      return false;
    }
    s.bars->add(s.held_count);
    s.held.clear();
    s.held_tokens.clear();
    s.held_count = 0;
    runtime::failpoint("bars.appended");
  }
  return true;
}

std::map<std::string, record::cause> derived_streams::tops() const {
  std::map<std::string, record::cause> all;
  for (const stream& s : streams_) all.emplace(s.name, s.top);
  return all;
}

}  // namespace artham::actors

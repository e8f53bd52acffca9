#include "actors/bars/quarantine_log.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace artham::actors {

result<std::unique_ptr<quarantine_log>> quarantine_log::open(bridge::bridge& out,
                                                             std::span<const placed_letter> known) {
  std::unique_ptr<quarantine_log> log(new quarantine_log(out));
  const auto stream = record::dead_letters_stream();
  for (const auto& k : known) ++log->ordinals_[k.letter.cause.at];
  auto tops = out.stream_tops(stream);
  if (!tops && tops.error().code == errc::not_found) tops = bridge::tops{};
  if (!tops) return tl::unexpected(tops.error());
  auto cursor = out.open_reader(stream, tops->durable, bridge::top::durable, {});
  if (!cursor) return tl::unexpected(cursor.error());
  log->durable_ = std::move(*cursor);
  if (tops->durable < tops->appended) log->waiting_.push_back({{}, tops->appended});
  return log;
}

void quarantine_log::put(record::dead_letter l) {
  l.cause.ordinal = ordinals_[l.cause.at]++;
  waiting_.push_back({std::move(l), {}});
}

result<bool> quarantine_log::append(const std::function<void()>& again) {
  for (auto& w : waiting_) {
    if (w.place.seq != 0) continue;
    if (!writer_) {
      auto opened =
          out_.open_writer(record::dead_letters_stream(), std::max(out_.last_epoch(), 1U));
      if (!opened) return tl::unexpected(opened.error());
      writer_ = std::move(*opened);
    }
    std::string body;
    record::encode(body, w.letter);
    std::string bytes;
    record::append(bytes, record::with_cause(record::kind::dead_letter, w.letter.cause), body);
    const std::uint32_t tokens[] = {w.letter.token};
    const auto at = writer_->append(bytes, 1, tokens);
    if (!at) {
      if (!is_transient(at.error().code)) return tl::unexpected(at.error());
      writer_->when_room(again);
      return false;
    }
    w.place = *at;
  }
  return true;
}

result<void> quarantine_log::forget_durable() {
  const auto blocks = durable_->pull(1U << 12U);
  if (!blocks) return tl::unexpected(blocks.error());
  for (const auto& b : *blocks)
    std::erase_if(waiting_,
                  [&](const waiting& w) { return w.place.seq != 0 && w.place <= b->last(); });
  return {};
}

result<bool> quarantine_log::lets_pass(record::position cause, const std::function<void()>& again) {
  if (waiting_.empty()) return true;
  if (const auto room = append(again); !room || !*room) return room;
  if (auto done = forget_durable(); !done) return tl::unexpected(done.error());
  const bool pass =
      std::ranges::none_of(waiting_, [&](const waiting& w) { return w.letter.cause.at <= cause; });
  if (!pass) durable_->when_ready(again);
  return pass;
}

}  // namespace artham::actors

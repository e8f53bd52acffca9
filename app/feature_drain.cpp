#include "app/feature_drain.hpp"

#include <utility>

namespace artham::app {

namespace {

constexpr std::uint64_t records_a_time = 4'096;

}  // namespace

result<void> feature_drain::take(
    bridge::memory::memory_bridge& from,
    const std::function<result<void>(const record::feature_record&)>& fn) {
  if (!cursor_) {
    auto cursor = from.open_reader(record::features_stream(), {}, bridge::top::appended, {});
    if (!cursor) return tl::unexpected(cursor.error());
    cursor_ = std::move(*cursor);
  }
  for (;;) {
    const auto blocks = cursor_->pull(records_a_time);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return {};
    for (const auto& b : *blocks) {
      result<void> outcome;
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        if (!outcome) return;
        const auto r = record::decode_feature(h, body);
        outcome = r ? fn(*r) : tl::unexpected(r.error());
      });
      if (!outcome) return outcome;
      // The newest block stays: who goes on writing looks at where the stream ends.
      from.drop_before(record::features_stream(), std::exchange(taken_, b->last()));
    }
  }
}

}  // namespace artham::app

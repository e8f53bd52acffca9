#include "actors/features/feature_stream.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "bridge/common/read_to_end.hpp"
#include "runtime/failpoint.hpp"

namespace artham::actors {

result<features_top> read_features_top(bridge::bridge& from) {
  const auto tops = from.stream_tops(record::features_stream());
  features_top top;
  if (!tops) {
    if (tops.error().code == errc::not_found) return top;
    return tl::unexpected(tops.error());
  }
  // The newest block may be a damaged one: look further back until a record tells.
  for (std::uint64_t back = 1; top.at == 0 && back <= tops->appended.seq; back *= 64) {
    auto after = tops->appended;
    after.seq -= back;
    if (after.seq == 0) after.epoch = 0;
    const auto cursor = bridge::open_to_end(from, record::features_stream(), after);
    if (!cursor) return tl::unexpected(cursor.error());
    for (;;) {
      const auto blocks = (*cursor)->pull(1U << 16U);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) break;
      result<void> outcome;
      for (const auto& b : *blocks) {
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
          const auto r = record::decode_feature(h, body);
          if (!r) {
            outcome = tl::unexpected(r.error());
          } else if (r->cause >= top.cause) {
            top = {r->cause, r->at()};
          }
        });
      }
      if (!outcome) return tl::unexpected(outcome.error());
    }
  }
  return top;
}

result<std::unique_ptr<feature_stream>> feature_stream::open(bridge::bridge& out,
                                                             runtime::metrics& metrics) {
  auto made = std::make_unique<feature_stream>();
  auto top = read_features_top(out);
  if (!top) return tl::unexpected(top.error());
  made->top_ = *top;
  auto writer = out.open_writer(record::features_stream(), std::max(out.last_epoch(), 1U));
  if (!writer) return tl::unexpected(writer.error());
  made->writer_ = std::move(*writer);
  made->records_ =
      &metrics.counter("artham_features_total", "Records of md:features: chains and instruments.");
  for (std::size_t i = 0; i < made->options_.size(); ++i) {
    made->options_[i] = &metrics.counter(
        "artham_feature_options_total", "Options at clock marks, by what came of them.",
        {{"state", std::string(market::option::name(static_cast<market::option::state>(i)))}});
  }
  return made;
}

template <class Row>
void feature_stream::put(record::kind kind, record::cause at, const Row& row) {
  if (at <= top_.cause) return;
  top_.cause = at;
  body_.clear();
  record::encode(body_, row);
  record::append(held_, record::with_cause(kind, at), body_);
  ++held_count_;
}

void feature_stream::add(market::feature::feature_rows& rows) {
  std::ranges::sort(rows.chains, {}, [](const auto& c) {
    return std::tuple(c.cause, std::string_view(c.row.underlying), c.row.expiry);
  });
  std::ranges::sort(rows.instruments, {},
                    [](const auto& i) { return std::tuple(i.cause, i.row.token); });
  record::cause at;
  auto c = rows.chains.begin();
  auto i = rows.instruments.begin();
  while (c != rows.chains.end() || i != rows.instruments.end()) {
    // Of one mark, chains come first.
    const bool chain =
        c != rows.chains.end() && (i == rows.instruments.end() || c->cause <= i->cause);
    const auto cause = chain ? c->cause : i->cause;
    at.ordinal = cause == at.at ? at.ordinal + 1 : 0;
    at.at = cause;
    if (chain) {
      if (at > top_.cause) {
        for (const auto& o : c->row.options) options_[static_cast<std::size_t>(o.is)]->add();
        top_.at = c->row.at;
      }
      put(record::kind::chain, at, c->row);
      ++c;
    } else {
      if (at > top_.cause) top_.at = i->row.mark;
      put(record::kind::instrument_feature, at, i->row);
      ++i;
    }
  }
}

result<bool> feature_stream::flush(const std::function<void()>& room) {
  if (held_count_ == 0) return true;
  auto at = writer_->append(held_, held_count_, {});
  if (!at) {
    if (!is_transient(at.error().code)) return tl::unexpected(at.error());
    writer_->when_room(room);
    return false;
  }
  records_->add(held_count_);
  held_.clear();
  held_count_ = 0;
  runtime::failpoint("features.appended");
  return true;
}

}  // namespace artham::actors

#include "actors/bars/quarantine_book.hpp"

#include <algorithm>
#include <utility>

#include "bridge/common/read_to_end.hpp"
namespace artham::actors {

using what = record::letter_kind;

const quarantine_book::stretch* quarantine_book::entry::in_force() const {
  const bool stopped = !stops.empty() && stops.back().until == record::no_position;
  return stopped ? &stops.back() : nullptr;
}

void quarantine_book::add(const record::dead_letter& l) {
  auto& e = by_token_[l.token];
  switch (l.what) {
    case what::record: {
      const auto place = std::ranges::lower_bound(e.records, l.at);
      if (place != e.records.end() && *place == l.at) return;
      e.records.insert(place, l.at);
      ++records_;
      return;
    }
    case what::actor:
      if (e.in_force() != nullptr) {
        e.stops.back().from = std::min(e.stops.back().from, l.at);
        return;
      }
      e.stops.push_back({l.at});
      ++builders_;
      return;
    case what::lifted:
      if (e.in_force() == nullptr || e.stops.back().from != l.at) return;
      e.stops.back().until = l.cause.at;
      --builders_;
      ++lifted_;
      return;
  }
}

std::shared_ptr<const messages::left_out> quarantine_book::of(std::uint32_t token) const {
  const auto it = by_token_.find(token);
  if (it == by_token_.end()) return nullptr;
  auto all = std::make_shared<messages::left_out>();
  all->records = it->second.records;
  all->from = end_of(token);
  if (all->records.empty() && all->from == record::no_position) return nullptr;
  return all;
}

record::position quarantine_book::end_of(std::uint32_t token) const {
  const auto it = by_token_.find(token);
  if (it == by_token_.end()) return record::no_position;
  const auto* stop = it->second.in_force();
  return stop != nullptr ? stop->from : record::no_position;
}

bool quarantine_book::repaired(std::uint32_t token, record::position cause) const {
  if (lifted_ == 0) return false;
  const auto it = by_token_.find(token);
  if (it == by_token_.end()) return false;
  return std::ranges::any_of(it->second.stops, [&](const stretch& s) {
    return s.until != record::no_position && s.from <= cause && cause <= s.until;
  });
}

std::vector<std::uint32_t> quarantine_book::stopped_at(record::position at) const {
  std::vector<std::uint32_t> tokens;
  for (const auto& [token, e] : by_token_) {
    if (std::ranges::any_of(e.stops, [&](const stretch& s) { return s.from <= at; }))
      tokens.push_back(token);
  }
  std::ranges::sort(tokens);
  return tokens;
}

result<std::vector<placed_letter>> read_dead_letters(bridge::bridge& from) {
  std::vector<placed_letter> all;
  const auto cursor = bridge::open_to_end(from, record::dead_letters_stream(), {});
  if (!cursor) return tl::unexpected(cursor.error());
  result<void> outcome;
  for (;;) {
    const auto blocks = (*cursor)->pull(1U << 12U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return all;
    for (const auto& b : *blocks) {
      if (b->damaged) {
        return fail(errc::corrupt,
                    record::dead_letters_stream() +
                        " is damaged: which records the bars leave out is not known");
      }
      record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
        auto l = record::decode_dead_letter(h, body);
        if (l) {
          all.push_back({{b->epoch, seq}, std::move(*l)});
        } else if (outcome) {
          outcome = tl::unexpected(l.error());
        }
      });
    }
    if (!outcome) return tl::unexpected(outcome.error());
  }
}

}  // namespace artham::actors

#include "app/slice_letters.hpp"

#include <algorithm>
#include <string>

#include "bridge/local/journal_copy.hpp"

namespace artham::app {

namespace {

using record::letter_kind;

record::position behind(record::position p) {
  return {p.epoch, p.seq + 1};
}

}  // namespace

slice_letters::slice_letters(const std::vector<actors::placed_letter>& all,
                             const record_range& range, const std::set<std::uint32_t>& tokens) {
  for (const auto& placed : all) {
    auto l = placed.letter;
    if (!tokens.empty() && !tokens.contains(l.token)) continue;
    if (l.at > range.until) continue;
    if (l.what == letter_kind::record && l.at <= range.after) continue;
    l.cause.at = std::min(l.cause.at, range.until);
    letters_.push_back(std::move(l));
  }
}

std::set<record::position> slice_letters::positions() const {
  std::set<record::position> named;
  for (const auto& l : letters_) {
    named.insert(l.at);
    if (l.what == letter_kind::lifted) named.insert(behind(l.cause.at));
  }
  return named;
}

void slice_letters::move(const token_slice& moved, record::position last) {
  std::erase_if(letters_, [&](record::dead_letter& l) {
    const auto end = moved.moved(behind(l.cause.at));
    l.at = moved.moved(l.at);
    if (l.what != letter_kind::lifted) {
      l.cause.at = l.at;
    } else if (end == record::no_position) {
      l.cause.at = last;
    } else {
      l.cause.at = {end.epoch, end.seq - 1};
    }
    return l.at == record::no_position;
  });
}

result<void> slice_letters::write(const std::filesystem::path& journal) const {
  if (letters_.empty()) return {};
  record::block b;
  b.epoch = 1;
  b.first_seq = 1;
  b.count = letters_.size();
  for (const auto& l : letters_) {
    std::string body;
    record::encode(body, l);
    record::append(b.payload, record::with_cause(record::kind::dead_letter, l.cause), body);
  }
  bridge::local::stream_copy copy(journal, record::dead_letters_stream());
  if (auto added = copy.add(b); !added) return added;
  return copy.finish();
}

}  // namespace artham::app

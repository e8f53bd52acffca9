#include "app/quarantine_check.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace artham::app {

namespace {

using letter = record::dead_letter;

std::string text_of(const record::position& p) {
  return "(" + std::to_string(p.epoch) + ", " + std::to_string(p.seq) + ")";
}

}  // namespace

result<void> check_quarantines(store::audit& stored,
                               const std::vector<actors::placed_letter>& letters,
                               record::position stored_until, const check_context& context,
                               findings& found) {
  auto rows = stored.quarantines();
  if (!rows) return tl::unexpected(rows.error());
  const auto differs = [&](record::position place, const char* what, const char* text) {
    found.difference(
        record::dead_letters_stream() + " " + text_of(place) + " " + what + ": " + text,
        {{"what", what}, {"stream", record::dead_letters_stream()}, {"position", text_of(place)}});
  };
  for (const auto& l : letters) {
    if (l.place > stored_until) continue;
    const auto row = std::ranges::find(*rows, l.place, &store::quarantine_row::place);
    if (row == rows->end()) {
      if (context.may_lack("quarantines", l.letter.time, record::dead_letters_stream(),
                           l.letter.cause, l.letter.token))
        continue;
      differs(l.place, "missing", "the journal has this quarantine, and it is not stored");
      continue;
    }
    if (row->letter != l.letter) differs(l.place, "changed", "stored otherwise than journaled");
    rows->erase(row);
  }
  for (const auto& row : *rows)
    differs(row.place, "surplus", "stored, and the journal has no such quarantine");
  return {};
}

void note_quarantines(const std::vector<actors::placed_letter>& letters,
                      const check_context& context, findings& found) {
  std::map<std::uint32_t, const letter*> stopped;
  for (const auto& l : letters) {
    const auto& q = l.letter;
    switch (q.what) {
      case record::letter_kind::record:
        found.note("note: " + context.name_of(q.token) + " is built without md:ticks " +
                   text_of(q.at) + ": " + q.text);
        break;
      case record::letter_kind::actor:
        stopped.try_emplace(q.token, &q);
        break;
      case record::letter_kind::lifted:
        stopped.erase(q.token);
        found.note("note: " + context.name_of(q.token) + " was repaired from md:ticks " +
                   text_of(q.at) + " to " + text_of(q.cause.at));
        break;
    }
  }
  for (const auto& [token, q] : stopped) {
    found.note("note: " + context.name_of(token) + " has no bars from md:ticks " + text_of(q->at) +
               " on: " + q->text + "; artham verify --repair makes them when the cause is gone");
  }
}

}  // namespace artham::app

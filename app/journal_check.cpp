#include <cstdio>

#include <nlohmann/json.hpp>

#include "app/data_directory.hpp"
#include "app/environment.hpp"
#include "app/journal_command.hpp"
#include "app/opened_journal.hpp"

namespace artham::app {

namespace {

using bridge::local::open_report;

std::string torn_text(const open_report::cut& c) {
  return c.stream + ": " + c.file.string() + ": from byte " + std::to_string(c.offset) + ", " +
         std::to_string(c.bytes) + " bytes are a torn tail: position " +
         std::to_string(c.first_seq) +
         " and what follows was not written completely; the next artham run cuts it";
}

nlohmann::json to_json(const open_report& r) {
  auto streams = nlohmann::json::array();
  for (const auto& s : r.streams) {
    streams.push_back({{"stream", s.stream},
                       {"segments", s.segments},
                       {"epochs", s.epochs},
                       {"records", s.records},
                       {"positions", s.positions},
                       {"top", {{"epoch", s.top.epoch}, {"seq", s.top.seq}}},
                       {"bytes", s.bytes}});
  }
  auto torn = nlohmann::json::array();
  for (const auto& c : r.cuts) {
    torn.push_back({{"stream", c.stream},
                    {"file", c.file.string()},
                    {"offset", c.offset},
                    {"bytes", c.bytes},
                    {"first_seq", c.first_seq}});
  }
  auto damaged = nlohmann::json::array();
  for (const auto& d : r.damages) {
    damaged.push_back({{"stream", d.stream},
                       {"file", d.file.string()},
                       {"offset", d.offset},
                       {"bytes", d.bytes},
                       {"first_seq", d.first_seq},
                       {"positions", d.count}});
  }
  auto trimmed = nlohmann::json::array();
  for (const auto& k : r.trimmed) {
    trimmed.push_back({{"stream", k.stream},
                       {"first", {{"epoch", k.first.epoch}, {"seq", k.first.seq}}},
                       {"from", market::to_rfc3339(k.from, market::india_offset)}});
  }
  return {{"streams", streams}, {"torn", torn}, {"damaged", damaged}, {"trimmed", trimmed}};
}

}  // namespace

int journal_verify(const journal_verify_options& options) {
  const auto dir = find_journal(options.dir);
  if (!dir) return report(dir.error());
  const auto checked = bridge::local::verify(*dir);
  if (!checked) return report(checked.error());
  const bool intact = checked->damages.empty();
  if (options.json) {
    std::printf("%s\n", to_json(*checked).dump().c_str());
    return intact ? 0 : exit_code(errc::corrupt);
  }
  for (const auto& s : checked->streams) {
    std::printf(
        "%s segments %zu epochs %zu records %llu positions %llu top (%u, %llu) bytes %llu\n",
        s.stream.c_str(), s.segments, s.epochs, static_cast<unsigned long long>(s.records),
        static_cast<unsigned long long>(s.positions), s.top.epoch,
        static_cast<unsigned long long>(s.top.seq), static_cast<unsigned long long>(s.bytes));
  }
  if (const auto text = trimmed_text(*checked); !text.empty()) std::printf("%s\n", text.c_str());
  for (const auto& c : checked->cuts) std::printf("%s\n", torn_text(c).c_str());
  for (const auto& d : checked->damages) std::printf("%s\n", damage_text(d).c_str());
  if (intact) return 0;
  return report({errc::corrupt, "the journal in " + dir->string() + " is damaged in " +
                                    std::to_string(checked->damages.size()) +
                                    " places: restore the files named above from a copy"});
}

}  // namespace artham::app

#include "app/opened_journal.hpp"

#include <cstdio>
#include <utility>

#include "app/data_directory.hpp"

namespace artham::app {

result<opened_journal> open_journal(const std::filesystem::path& dir) {
  const auto path = find_journal(dir);
  if (!path) return tl::unexpected(path.error());
  auto opened = bridge::local::open_read_only(*path);
  if (!opened) return tl::unexpected(opened.error());
  tell_trimmed(opened->report);
  auto rules = rules_of(*opened->journal);
  if (!rules) return tl::unexpected(rules.error());
  return opened_journal{std::move(opened->journal), std::move(*rules)};
}

std::string trimmed_text(const bridge::local::open_report& report) {
  for (const auto& k : report.trimmed) {
    if (k.stream != record::ticks_stream()) continue;
    return k.stream + " is not kept any more before (" + std::to_string(k.first.epoch) + ", " +
           std::to_string(k.first.seq) + "), " + market::to_rfc3339(k.from, market::india_offset) +
           " (journal.retention)";
  }
  return {};
}

void tell_trimmed(const bridge::local::open_report& report) {
  if (const auto text = trimmed_text(report); !text.empty())
    std::fprintf(stderr, "artham: %s\n", text.c_str());
}

}  // namespace artham::app

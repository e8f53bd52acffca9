#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/journal_rules.hpp"
#include "bridge/local/journal.hpp"

namespace artham::app {

/// A journal for reading, and what its marks name.
struct opened_journal {
  std::unique_ptr<bridge::bridge> journal;
  journal_rules rules;
};

/// Where a journal was trimmed: `md:ticks is not kept any more before (3, 812), 2026-11-20T…`;
/// empty for a whole one.
[[nodiscard]] std::string trimmed_text(const bridge::local::open_report& report);
/// The same as a line on stderr.
void tell_trimmed(const bridge::local::open_report& report);

/// `dir` is a data directory, or a journal. Changes nothing, may stand beside a writer.
[[nodiscard]] result<opened_journal> open_journal(const std::filesystem::path& dir);

}  // namespace artham::app

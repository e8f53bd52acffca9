#pragma once

#include <filesystem>
#include <memory>

#include "app/journal_rules.hpp"
#include "bridge/local/journal.hpp"

namespace artham::app {

/// A journal for reading, and what its marks name.
struct opened_journal {
  std::unique_ptr<bridge::bridge> journal;
  journal_rules rules;
};

/// `dir` is a data directory, or a journal. Changes nothing, may stand beside a writer.
[[nodiscard]] result<opened_journal> open_journal(const std::filesystem::path& dir);

}  // namespace artham::app

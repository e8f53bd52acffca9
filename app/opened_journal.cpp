#include "app/opened_journal.hpp"

#include <utility>

#include "app/data_directory.hpp"

namespace artham::app {

result<opened_journal> open_journal(const std::filesystem::path& dir) {
  const auto path = find_journal(dir);
  if (!path) return tl::unexpected(path.error());
  auto opened = bridge::local::open_read_only(*path);
  if (!opened) return tl::unexpected(opened.error());
  auto rules = rules_of(*opened->journal);
  if (!rules) return tl::unexpected(rules.error());
  return opened_journal{std::move(opened->journal), std::move(*rules)};
}

}  // namespace artham::app

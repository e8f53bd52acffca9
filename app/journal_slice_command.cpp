#include <cstdio>

#include "app/bundle.hpp"
#include "app/environment.hpp"
#include "app/journal_command.hpp"
#include "app/journal_slice.hpp"
#include "app/opened_journal.hpp"

namespace artham::app {

namespace {

result<slice_summary> run_slice(const journal_slice_options& o) {
  const auto opened = open_journal(o.dir);
  if (!opened) return tl::unexpected(opened.error());
  const auto filter = parse_selection(o.select, opened->rules.instruments);
  if (!filter) return tl::unexpected(filter.error());
  if (auto free = check_new_directory(o.out); !free) return tl::unexpected(free.error());
  auto sum = write_slice(*opened->journal, *filter, o.bundle ? o.out / "journal" : o.out);
  if (!sum || !o.bundle) return sum;
  if (auto sealed = seal_bundle(o.out); !sealed) return tl::unexpected(sealed.error());
  return sum;
}

}  // namespace

int journal_slice(const journal_slice_options& options) {
  const auto done = run_slice(options);
  if (!done) return report(done.error());
  std::printf("positions %llu%s\n", static_cast<unsigned long long>(done->positions),
              done->renumbered ? " (numbered anew)" : "");
  return 0;
}

}  // namespace artham::app

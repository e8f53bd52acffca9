#include "app/migrate.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "app/data_directory.hpp"
#include "app/environment.hpp"
#include "app/opened_store.hpp"
#include "app/progress.hpp"
#include "app/store_copy.hpp"
#include "app/store_digest.hpp"
#include "app/verify.hpp"
#include "config/settings.hpp"
#include "store/postgres/import.hpp"

namespace artham::app {

namespace {

constexpr int found_difference = 1;

using positions = std::vector<store::stored_position>;

bool is_less(const store::stored_position& a, const store::stored_position& b) {
  return std::tie(a.consumer, a.stream, a.shard) < std::tie(b.consumer, b.stream, b.shard);
}

bool equal(positions a, positions b) {
  std::ranges::sort(a, is_less);
  std::ranges::sort(b, is_less);
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return !is_less(x, y) && !is_less(y, x) && x.at == y.at && x.ordinal == y.ordinal;
  });
}

class migration {
 public:
  migration(const migrate_options& o, config::settings settings)
      : options_(o), file_(settings), database_(std::move(settings)) {
    file_.store.kind = config::store_kind::sqlite;
  }

  /// Whether both stores are equal in the end.
  result<bool> run() {
    if (auto used = use_postgres(database_, options_.postgres); !used)
      return tl::unexpected(used.error());
    database_.store.ticks =
        options_.ticks ? config::tick_storage::table : config::tick_storage::journal;
    const auto journal = find_journal(options_.data);
    if (!journal) return tl::unexpected(journal.error());
    if (auto free = check_not_in_use(*journal); !free) return tl::unexpected(free.error());
    auto source = open_store_audit(file_, options_.data);
    if (!source) return tl::unexpected(source.error());
    source_ = std::move(*source);
    const auto whole = look_at_target();
    if (!whole) return tl::unexpected(whole.error());
    if (*whole) {
      std::printf("the database has all of it already\n");
    } else if (auto done = copy(); !done) {
      return tl::unexpected(done.error());
    }
    return compare();
  }

 private:
  /// True: all is there. An error: something else is.
  result<bool> look_at_target() {
    const auto has = source_->positions();
    if (!has) return tl::unexpected(has.error());
    const auto wanted = positions_of_copy(*has, options_.ticks);
    const auto target = open_store_audit(database_, options_.data);
    if (!target) {
      if (target.error().code == errc::not_found) return false;
      return tl::unexpected(target.error());
    }
    const auto there = (*target)->positions();
    if (!there) return tl::unexpected(there.error());
    const auto instruments = (*target)->instruments();
    if (!instruments) return tl::unexpected(instruments.error());
    has_instruments_ = !instruments->empty();
    if (has_instruments_) {
      const auto ours = source_->instruments();
      if (!ours) return tl::unexpected(ours.error());
      if (*ours != *instruments) return not_empty("other instruments");
    }
    if (!wanted.empty() && equal(*there, wanted)) return true;
    // An earlier copy that broke off has positions of ticks at most.
    for (const auto& p : *there) {
      if (p.consumer != "tick_store" || !options_.ticks || p.at != there->front().at ||
          there->size() != store::tick_shards) {
        return not_empty("rows that a node stored, or another copy");
      }
      ticks_until_ = p.at;
    }
    return false;
  }

  tl::unexpected<error> not_empty(const std::string& what) const {
    return fail(errc::conflict,
                store_place(database_, options_.data) + " is not empty, it has " + what +
                    ": name an empty database, or empty it with DROP SCHEMA artham, artham_views "
                    "CASCADE");
  }

  result<void> copy() {
    auto timeframes = source_->timeframes();
    if (!timeframes) return tl::unexpected(timeframes.error());
    // Makes the schema.
    if (auto made = open_store(database_, options_.data, {.timeframes = *timeframes}); !made)
      return tl::unexpected(made.error());
    if (!has_instruments_) {
      const auto instruments = source_->instruments();
      if (!instruments) return tl::unexpected(instruments.error());
      const auto put =
          store::postgres::import_instruments(postgres_server_of(database_), *instruments);
      if (!put) return put;
    }
    // Again, as it reads the instruments when it is opened.
    auto target = open_store(database_, options_.data, {.timeframes = *timeframes});
    if (!target) return tl::unexpected(target.error());
    progress bar("migrate");
    store_copy_options how;
    how.ticks = options_.ticks;
    how.ticks_until = ticks_until_;
    how.on_progress = [&](std::uint64_t rows) { bar.at(rows); };
    const auto copied = copy_store(*source_, (*target)->writing(), how);
    if (!copied) return tl::unexpected(copied.error());
    std::printf("copied %llu rows\n", static_cast<unsigned long long>(copied->rows));
    if (copied->refused != 0) {
      std::printf("note: the database refused %llu rows, they are in dead_letters: %s\n",
                  static_cast<unsigned long long>(copied->refused), copied->reason.c_str());
    }
    return {};
  }

  result<bool> compare() {
    auto target = open_store_audit(database_, options_.data);
    if (!target) return tl::unexpected(target.error());
    const auto ours = digest_store(*source_, options_.ticks);
    if (!ours) return tl::unexpected(ours.error());
    const auto theirs = digest_store(**target, options_.ticks);
    if (!theirs) return tl::unexpected(theirs.error());
    bool same = ours->size() == theirs->size();
    for (const auto& t : *ours) {
      const auto other = std::ranges::find(*theirs, t.table, &table_digest::table);
      const auto rows = other == theirs->end() ? 0 : other->rows;
      const bool equal = other != theirs->end() && *other == t;
      same = same && equal;
      std::printf("%s %llu%s\n", t.table.c_str(), static_cast<unsigned long long>(t.rows),
                  equal            ? ""
                  : rows == t.rows ? ": the database has other rows"
                                   : (", the database has " + std::to_string(rows)).c_str());
    }
    return same;
  }

  migrate_options options_;
  config::settings file_;
  config::settings database_;
  std::unique_ptr<store::audit> source_;
  bool has_instruments_ = false;
  record::position ticks_until_;
};

result<bool> run_migration(const migrate_options& o) {
  config::settings_sources sources;
  sources.environment = environment();
  auto settings = config::load_settings(sources);
  if (!settings) return tl::unexpected(settings.error());
  return migration(o, std::move(*settings)).run();
}

}  // namespace

int migrate(const migrate_options& options) {
  const auto same = run_migration(options);
  if (!same) return report(same.error());
  verify_options with;
  with.data = options.data;
  with.in_file = true;
  std::printf("artham.db and the journal\n");
  const int file = verify(with);
  with.in_file = false;
  with.postgres = options.postgres;
  std::printf("the database and the journal\n");
  const int database = verify(with);
  return std::max({*same ? 0 : found_difference, file, database});
}

}  // namespace artham::app

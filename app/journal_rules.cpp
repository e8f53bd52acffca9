#include "app/journal_rules.hpp"

#include <set>
#include <utility>

#include "bridge/common/read_to_end.hpp"
namespace artham::app {

namespace {

/// The hashes that a mark puts in force, and the record in front of it.
struct change {
  market::config_hashes hashes;
  record::position before;
};

result<std::vector<change>> changes_in(bridge::bridge& journal) {
  auto cursor = bridge::open_to_end(journal, record::ticks_stream(), {});
  if (!cursor) return tl::unexpected(cursor.error());
  std::vector<change> changes;
  record::position last;
  for (;;) {
    auto blocks = (*cursor)->pull(1U << 18U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return changes;
    for (const auto& b : *blocks) {
      for (const auto& m : b->marks) {
        if (m.kind != market::mark_kind::epoch && m.kind != market::mark_kind::config) continue;
        const auto before =
            m.position.seq == b->first_seq ? last : record::position{b->epoch, m.position.seq - 1};
        if (changes.empty() || changes.back().hashes != m.hashes)
          changes.push_back({m.hashes, before});
      }
      last = b->last();
    }
  }
}

}  // namespace

bar_rules rules_of(const config::settings& s, calendar_set calendars) {
  bar_rules rules;
  rules.timeframes = s.bars.timeframes;
  rules.lateness = s.bars.lateness;
  rules.revision_horizon = s.bars.revision_horizon;
  rules.calendars = std::move(calendars);
  return rules;
}

std::shared_ptr<const plan_book> bar_rules::plans() const {
  return std::make_shared<const plan_book>(
      market::bar_plan{timeframes, lateness, nullptr, revision_horizon}, calendars, instruments,
      only);
}

market::content_hash bar_rules::hash() const {
  std::string text;
  for (const auto& tf : timeframes) text += market::to_string(tf) + " ";
  text += std::to_string(lateness) + " " + std::to_string(revision_horizon) + " " +
          std::to_string(market::bar_aggregator::state_version) + "\n";
  return sha256(text + calendars.text);
}

result<std::optional<market::config_hashes>> hashes_of_epoch(bridge::bridge& journal,
                                                             std::uint32_t epoch) {
  const auto cursor = bridge::open_to_end(journal, record::ticks_stream(), end_before(epoch));
  if (!cursor) return tl::unexpected(cursor.error());
  const auto blocks = (*cursor)->pull(1);
  if (!blocks) return tl::unexpected(blocks.error());
  for (const auto& b : *blocks) {
    for (const auto& m : b->marks) {
      // Where the epoch's beginning is not kept any more, a config mark stands for it.
      const bool tells = m.kind == market::mark_kind::epoch || m.kind == market::mark_kind::config;
      if (tells && m.position.epoch == epoch) return m.hashes;
    }
  }
  return std::nullopt;
}

result<market::config_hashes> newest_hashes(bridge::bridge& journal) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  const auto hashes = hashes_of_epoch(journal, tops->appended.epoch);
  if (!hashes) return tl::unexpected(hashes.error());
  if (!*hashes) {
    return fail(errc::corrupt,
                "the journal's newest epoch has lost its beginning: nothing says "
                "what it was journaled under");
  }
  return **hashes;
}

result<config::settings> read_settings(const bridge::bridge& journal,
                                       const market::config_hashes& hashes) {
  const auto text = journal.get_object(hashes.settings);
  if (!text) return tl::unexpected(text.error());
  config::settings_sources sources;
  sources.file = config::settings_file{"settings kept with the journal", *text};
  return config::load_settings(sources);
}

result<bar_rules> read_rules(const bridge::bridge& journal, const market::config_hashes& hashes) {
  const auto calendar_text = journal.get_object(hashes.calendar);
  if (!calendar_text) return tl::unexpected(calendar_text.error());
  const auto settings = read_settings(journal, hashes);
  if (!settings) return tl::unexpected(settings.error());
  auto calendars = read_calendar_set(*calendar_text);
  if (!calendars) return tl::unexpected(calendars.error());
  return rules_of(*settings, std::move(*calendars));
}

std::string journal_rules::name_of(std::uint32_t token) const {
  const auto it = instruments.find(token);
  return market::display_key(it == instruments.end() ? market::unknown_instrument(token)
                                                     : it->second);
}

result<journal_rules> rules_of(bridge::bridge& journal) {
  const auto changes = changes_in(journal);
  if (!changes) return tl::unexpected(changes.error());
  if (changes->empty()) {
    return fail(
        errc::corrupt,
        "the journal has no epoch mark: nothing says by which calendar its instruments trade");
  }
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  journal_rules all;
  std::set<market::content_hash> listed;
  std::vector<market::instrument> instruments;
  for (const auto& c : *changes) {
    auto rules = read_rules(journal, c.hashes);
    if (!rules) return tl::unexpected(rules.error());
    if (listed.insert(c.hashes.instruments).second) {
      const auto csv = journal.get_object(c.hashes.instruments);
      if (!csv) return tl::unexpected(csv.error());
      const auto list = market::parse_instruments(*csv);
      if (!list) return tl::unexpected(list.error());
      for (const auto& i : *list) all.instruments.insert_or_assign(i.token, i);
      instruments.insert(instruments.end(), list->begin(), list->end());
    }
    if (!all.periods.empty()) {
      if (all.last().hash() == rules->hash()) continue;
      all.periods.back().until = c.before;
    }
    all.periods.push_back({std::move(*rules), tops->appended});
  }
  for (auto& p : all.periods)
    p.rules.instruments =
        std::make_shared<const actors::instrument_index>(instruments, p.rules.calendars.by_name);
  return all;
}

}  // namespace artham::app

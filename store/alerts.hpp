#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "market/error.hpp"
#include "market/position.hpp"
#include "market/time.hpp"
#include "messages/record/record.hpp"

/// Rules, what they remember, and the alerts that they made. Implementations: store/sqlite,
/// store/postgres.
namespace artham::store {

/// One version of somebody's rule. A change is a new version; the newest counts.
struct alert_rule {
  std::int64_t id = 0;  ///< never given twice
  std::uint32_t version = 0;
  std::string owner;  ///< `key:3`
  std::string name;
  std::string key;        ///< as market::alert::parse_rule_key reads it
  std::string condition;  ///< as market::alert::condition::parse reads it
  std::string repeat;     ///< `once`, `each`
  bool revisions = false;
  market::duration quiet = 0;
  std::string webhook;  ///< empty: none
  bool enabled = true;
  bool deleted = false;
  std::uint32_t token = 0;                 ///< of the key's instrument; 0: it names none
  market::timestamp ends = market::never;  ///< event time from which on it says nothing
  market::timestamp made = 0;              ///< wall clock
  record::position after;                  ///< md:ticks ended there when it was made
  friend bool operator==(const alert_rule&, const alert_rule&) = default;
};

/// How far a version has been evaluated: it counts for causes behind `from`, up to `until`.
struct alert_progress {
  std::int64_t rule = 0;
  std::uint32_t version = 0;
  record::position from;
  std::optional<record::position> until{};
  std::string state;  ///< as market::alert::write_state writes it
  friend bool operator==(const alert_progress&, const alert_progress&) = default;
};

struct stored_rule {
  alert_rule rule;
  std::optional<alert_progress> progress;      ///< none: not looked at yet
  std::optional<record::position> superseded;  ///< `after` of the version behind it
};

/// What has become of an alert's POST.
enum class hook_state : std::uint8_t {
  none,       ///< the rule has no webhook
  pending,    ///< it is tried, or will be
  delivered,  ///< answered with 2xx
  given_up,   ///< after as many attempts, or as long, as the settings allow
};
[[nodiscard]] std::string_view to_string(hook_state s);

struct alert_row {
  /// The place among all alerts: larger than that of any which was to be seen before.
  std::uint64_t n = 0;
  std::string id;  ///< market::alert::alert_id
  std::int64_t rule = 0;
  std::uint32_t version = 0;
  std::string owner, name, key, condition;  ///< of the rule's version
  record::cause cause;
  market::timestamp at = 0;    ///< event time
  market::timestamp made = 0;  ///< wall clock, when it was stored
  std::uint64_t left_out = 0;
  std::string values;  ///< a JSON object
  std::string webhook;
  hook_state hook = hook_state::none;
  std::uint32_t attempts = 0;
  market::timestamp next_attempt = 0;  ///< wall clock; of a pending one
  std::string outcome;                 ///< of the last attempt, for people
  friend bool operator==(const alert_row&, const alert_row&) = default;
};

struct alert_query {
  std::optional<std::string> owner{};  ///< none: everybody's
  std::optional<std::int64_t> rule{};
  std::uint64_t after = 0;  ///< only those behind this place
  std::size_t limit = 100;
  bool newest_first = false;  ///< take the newest `limit`; the answer is in order all the same
};

/// How far a stream has been evaluated.
struct alert_position {
  std::string stream;
  record::position at;     ///< of the last record
  record::position cause;  ///< likewise, in md:ticks
  friend bool operator==(const alert_position&, const alert_position&) = default;
};
/// Of a stream that was never evaluated.
[[nodiscard]] inline alert_position no_alert_position(std::string stream) {
  return {std::move(stream), {}, {}};
}

struct loaded_alerts {
  std::uint64_t version = 0;                             ///< of the rules
  std::vector<std::optional<alert_position>> positions;  ///< none: never evaluated
  /// Versions that are, or were, enabled and may still say something.
  std::vector<stored_rule> rules;
};

/// One transaction: all of it or nothing.
struct alert_batch {
  std::uint64_t version = 0;                 ///< the rules that it was made by
  std::span<const alert_position> expected;  ///< no_alert_position for a stream that has none
  std::span<const alert_position> positions;
  std::span<const alert_progress> progress;
  std::span<const alert_row> alerts;  ///< without their places; one whose id is there is left out
};

/// What a rule's owner may have.
struct alert_limits {
  std::size_t rules = 0;
  std::size_t webhooks = 0;
};

/// Of an owner with so many other rules, of which so many have webhooks. errc::full names the
/// setting that allows no more.
[[nodiscard]] result<void> check_alert_limits(std::size_t rules, std::size_t webhooks,
                                              bool with_webhook, const alert_limits& limits);

struct hook_outcome {
  std::uint64_t n = 0;
  hook_state state = hook_state::pending;
  market::timestamp next_attempt = 0;
  std::string text;
  bool attempted = true;  ///< false: it was given back as it was
};

/// Used from one thread at a time; calls block. What one process changes the next call of every
/// other one sees.
class alert_book {
 public:
  virtual ~alert_book() = default;

  /// Given an id and version 1. errc::full when the owner has as many as he may have.
  virtual result<alert_rule> add_rule(const alert_rule& rule, const alert_limits& limits) = 0;
  /// The next version of `rule.id`, if `rule.version` is still the newest: errc::conflict;
  /// not_found when it was deleted; full as of add_rule.
  virtual result<alert_rule> change_rule(const alert_rule& rule, const alert_limits& limits) = 0;
  /// The newest version of each that was not deleted, by id; of everybody without an owner.
  [[nodiscard]] virtual result<std::vector<stored_rule>> rules(
      const std::optional<std::string>& owner) = 0;
  [[nodiscard]] virtual result<std::optional<stored_rule>> rule(std::int64_t id) = 0;
  /// Every version that was ever evaluated, by id and version.
  [[nodiscard]] virtual result<std::vector<stored_rule>> evaluated_rules() = 0;

  /// In order of their places.
  [[nodiscard]] virtual result<std::vector<alert_row>> alerts(const alert_query& q) = 0;
  /// The place of the newest.
  [[nodiscard]] virtual result<std::uint64_t> newest() = 0;

  /// Grows with every change of a rule.
  [[nodiscard]] virtual result<std::uint64_t> version() = 0;
  [[nodiscard]] virtual result<loaded_alerts> load(std::span<const std::string> streams) = 0;
  /// False, and nothing is written: a rule was changed, or somebody else has evaluated on from
  /// `expected`. Load again.
  virtual result<bool> commit(const alert_batch& b) = 0;

  /// Pending ones whose time has come, but none of these receivers; nobody else is given them
  /// before `again`.
  virtual result<std::vector<alert_row>> claim_hooks(market::timestamp now, market::timestamp again,
                                                     std::size_t limit,
                                                     std::span<const std::string> without) = 0;
  virtual result<void> settle_hooks(std::span<const hook_outcome> outcomes) = 0;
  [[nodiscard]] virtual result<std::uint64_t> count_pending_hooks() = 0;
};

}  // namespace artham::store

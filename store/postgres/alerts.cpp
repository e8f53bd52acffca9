#include "store/postgres/alerts.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/failpoint.hpp"
#include "store/postgres/reconnecting.hpp"
#include "store/postgres/server.hpp"

namespace artham::store::postgres {

namespace {

constexpr const char* rule_columns =
    "r.id, r.version, r.owner, r.name, r.key, r.condition, r.repeat, r.revisions, r.quiet, "
    "r.webhook, r.enabled, r.deleted, r.token, r.ends_ns, r.made_at, r.after_epoch, r.after_seq, "
    "p.from_epoch, p.from_seq, p.until_epoch, p.until_seq, p.state, n.after_epoch, n.after_seq";
constexpr const char* rule_tables =
    " FROM artham.alert_rules r LEFT JOIN artham.alert_progress p ON p.rule_id = r.id AND "
    "p.version = r.version LEFT JOIN artham.alert_rules n ON n.id = r.id AND n.version = "
    "r.version + 1 ";
constexpr const char* alert_columns =
    "n, id, rule_id, version, owner, name, key, condition, cause_epoch, cause_seq, cause_ordinal, "
    "event_ns, fired_at, left_out, said, webhook, hook, hook_attempts, hook_next, hook_outcome";

std::string text_of(const answer& a, int row, int column) {
  return std::string(a.text(row, column));
}
record::position read_position(const answer& a, int row, int column) {
  return {static_cast<std::uint32_t>(a.integer(row, column)),
          static_cast<std::uint64_t>(a.integer(row, column + 1))};
}
std::optional<record::position> read_if_known(const answer& a, int row, int column) {
  if (a.is_null(row, column)) return std::nullopt;
  return read_position(a, row, column);
}

stored_rule read_rule(const answer& a, int row) {
  stored_rule s;
  auto& r = s.rule;
  r.id = a.integer(row, 0);
  r.version = static_cast<std::uint32_t>(a.integer(row, 1));
  r.owner = text_of(a, row, 2);
  r.name = text_of(a, row, 3);
  r.key = text_of(a, row, 4);
  r.condition = text_of(a, row, 5);
  r.repeat = text_of(a, row, 6);
  r.revisions = a.integer(row, 7) != 0;
  r.quiet = a.integer(row, 8);
  r.webhook = text_of(a, row, 9);
  r.enabled = a.integer(row, 10) != 0;
  r.deleted = a.integer(row, 11) != 0;
  r.token = static_cast<std::uint32_t>(a.integer(row, 12));
  r.ends = a.integer(row, 13);
  r.made = a.integer(row, 14);
  r.after = read_position(a, row, 15);
  if (const auto from = read_if_known(a, row, 17)) {
    s.progress =
        alert_progress{r.id, r.version, *from, read_if_known(a, row, 19), text_of(a, row, 21)};
  }
  s.superseded = read_if_known(a, row, 22);
  return s;
}

std::vector<stored_rule> read_rules(const answer& a) {
  std::vector<stored_rule> all;
  all.reserve(static_cast<std::size_t>(a.rows()));
  for (int i = 0; i < a.rows(); ++i) all.push_back(read_rule(a, i));
  return all;
}

alert_row read_alert(const answer& a, int row) {
  alert_row r;
  r.n = static_cast<std::uint64_t>(a.integer(row, 0));
  r.id = text_of(a, row, 1);
  r.rule = a.integer(row, 2);
  r.version = static_cast<std::uint32_t>(a.integer(row, 3));
  r.owner = text_of(a, row, 4);
  r.name = text_of(a, row, 5);
  r.key = text_of(a, row, 6);
  r.condition = text_of(a, row, 7);
  r.cause.at = read_position(a, row, 8);
  r.cause.ordinal = static_cast<std::uint32_t>(a.integer(row, 10));
  r.at = a.integer(row, 11);
  r.made = a.integer(row, 12);
  r.left_out = static_cast<std::uint64_t>(a.integer(row, 13));
  r.values = text_of(a, row, 14);
  r.webhook = text_of(a, row, 15);
  r.hook = static_cast<hook_state>(a.integer(row, 16));
  r.attempts = static_cast<std::uint32_t>(a.integer(row, 17));
  r.next_attempt = a.integer(row, 18);
  r.outcome = text_of(a, row, 19);
  return r;
}

std::vector<alert_row> read_alerts(const answer& a) {
  std::vector<alert_row> all;
  all.reserve(static_cast<std::size_t>(a.rows()));
  for (int i = 0; i < a.rows(); ++i) all.push_back(read_alert(a, i));
  return all;
}

std::string numbers(record::position p) {
  return std::to_string(p.epoch) + ", " + std::to_string(p.seq);
}

class postgres_alerts final : public alert_book {
 public:
  postgres_alerts(std::string place, std::string conninfo, std::chrono::milliseconds timeout)
      : db_(std::move(place), std::move(conninfo), timeout) {}

  result<alert_rule> add_rule(const alert_rule& rule, const alert_limits& limits) override {
    return change([&](const answer& state) -> result<alert_rule> {
      auto made = rule;
      made.id = state.integer(0, 1) + 1;
      made.version = 1;
      return put(made, limits);
    });
  }

  result<alert_rule> change_rule(const alert_rule& rule, const alert_limits& limits) override {
    return change([&](const answer&) -> result<alert_rule> {
      const auto present = newest_of(rule.id);
      if (!present) return tl::unexpected(present.error());
      const auto number = std::to_string(rule.id);
      if (!*present || (*present)->rule.deleted)
        return fail(errc::not_found, "there is no rule " + number + " any more");
      const auto version = (*present)->rule.version;
      if (version != rule.version) {
        return fail(errc::conflict, "rule " + number + " has been changed meanwhile, to version " +
                                        std::to_string(version) + ": look at it and try again");
      }
      auto made = rule;
      ++made.version;
      return put(made, limits);
    });
  }

  result<std::vector<stored_rule>> rules(const std::optional<std::string>& owner) override {
    const parameter values[] = {owner};
    auto a =
        db_.ask("SELECT " + std::string(rule_columns) + rule_tables +
                    "WHERE n.id IS NULL AND r.deleted = 0 AND ($1::text IS NULL OR r.owner = $1) "
                    "ORDER BY r.id",
                values);
    if (!a) return tl::unexpected(a.error());
    return read_rules(*a);
  }

  result<std::optional<stored_rule>> rule(std::int64_t id) override {
    auto found = newest_of(id);
    if (found && *found && (*found)->rule.deleted) return std::nullopt;
    return found;
  }

  result<std::vector<stored_rule>> evaluated_rules() override {
    auto a = db_.ask("SELECT " + std::string(rule_columns) + rule_tables +
                     "WHERE p.rule_id IS NOT NULL ORDER BY r.id, r.version");
    if (!a) return tl::unexpected(a.error());
    return read_rules(a->front());
  }

  result<std::vector<alert_row>> alerts(const alert_query& q) override {
    std::string sql = "SELECT " + std::string(alert_columns) + " FROM artham.alerts WHERE n > $1";
    std::vector<parameter> values{std::to_string(q.after)};
    const auto add = [&](std::string_view text, std::string value) {
      values.emplace_back(std::move(value));
      sql.append(text).append(std::to_string(values.size()));
    };
    if (q.owner) add(" AND owner = $", *q.owner);
    if (q.rule) add(" AND rule_id = $", std::to_string(*q.rule));
    add(q.newest_first ? " ORDER BY n DESC LIMIT $" : " ORDER BY n LIMIT $",
        std::to_string(q.limit));
    auto a = db_.ask(sql, values);
    if (!a) return tl::unexpected(a.error());
    auto rows = read_alerts(*a);
    if (q.newest_first) std::ranges::reverse(rows);
    return rows;
  }

  result<std::uint64_t> newest() override {
    return number("SELECT alerts FROM artham.alert_state");
  }
  result<std::uint64_t> version() override {
    return number("SELECT version FROM artham.alert_state");
  }

  result<loaded_alerts> load(std::span<const std::string> streams) override {
    auto begun = db_.ask(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT version FROM artham.alert_state; "
        "SELECT stream, epoch, seq, cause_epoch, cause_seq FROM artham.alert_positions");
    if (!begun) return tl::unexpected(begun.error());
    loaded_alerts all;
    all.version = static_cast<std::uint64_t>((*begun)[1].integer(0, 0));
    // What has ended before all of them says nothing more.
    record::position least{UINT32_MAX, INT64_MAX};
    for (const auto& name : streams) {
      all.positions.push_back(find_position((*begun)[2], name));
      least = std::min(least, all.positions.back().value_or(no_alert_position(name)).cause);
    }
    auto rules = db_.ask("SELECT " + std::string(rule_columns) + rule_tables +
                         "WHERE r.enabled = 1 AND r.deleted = 0 AND (p.until_epoch IS NULL OR "
                         "(p.until_epoch, p.until_seq) > (" +
                         numbers(least) + ")) ORDER BY r.id, r.version; COMMIT");
    if (!rules) return tl::unexpected(rules.error());
    all.rules = read_rules(rules->front());
    return all;
  }

  result<bool> commit(const alert_batch& b) override {
    // The one row of alert_state is the lock: places are seen in the order in which they are given.
    auto begun = db_.ask(
        "BEGIN; SELECT version, rules, alerts FROM artham.alert_state FOR UPDATE; SELECT stream, "
        "epoch, seq, cause_epoch, cause_seq FROM artham.alert_positions");
    if (!begun) return tl::unexpected(begun.error());
    const auto& state = (*begun)[1];
    bool stands = static_cast<std::uint64_t>(state.integer(0, 0)) == b.version;
    for (const auto& e : b.expected)
      stands =
          stands && find_position((*begun)[2], e.stream).value_or(no_alert_position(e.stream)) == e;
    if (!stands) return given_up();
    runtime::failpoint("alerts.begun");
    auto place = state.integer(0, 2);
    for (const auto& a : b.alerts) {
      auto put = write_alert(a, place + 1);
      if (!put) return tl::unexpected(put.error());
      if (*put) ++place;
    }
    const auto c = db_.open();
    if (!c) return tl::unexpected(c.error());
    std::string sql = "UPDATE artham.alert_state SET alerts = " + std::to_string(place);
    for (const auto& p : b.progress) sql += "; " + progress_sql(**c, p);
    for (const auto& p : b.positions) sql += "; " + position_sql(**c, p);
    if (auto done = db_.ask(sql); !done) return tl::unexpected(done.error());
    runtime::failpoint("alerts.written");
    if (auto done = db_.ask("COMMIT"); !done) return tl::unexpected(done.error());
    runtime::failpoint("alerts.committed");
    return true;
  }

  result<std::vector<alert_row>> claim_hooks(market::timestamp now, market::timestamp again,
                                             std::size_t limit,
                                             std::span<const std::string> without) override {
    std::vector<parameter> values{std::to_string(now), std::to_string(again),
                                  std::to_string(limit)};
    std::string sql =
        "UPDATE artham.alerts SET hook_next = $2::bigint WHERE n IN (SELECT n FROM artham.alerts "
        "WHERE hook = 1 AND hook_next <= $1::bigint";
    for (const auto& url : without) {
      values.emplace_back(url);
      sql += " AND webhook <> $" + std::to_string(values.size());
    }
    auto a =
        db_.ask(sql + " ORDER BY hook_next, n LIMIT $3::bigint FOR UPDATE SKIP LOCKED) RETURNING " +
                    alert_columns,
                values);
    if (!a) return tl::unexpected(a.error());
    auto rows = read_alerts(*a);
    std::ranges::sort(rows, {}, &alert_row::n);
    return rows;
  }

  result<void> settle_hooks(std::span<const hook_outcome> outcomes) override {
    for (const auto& o : outcomes) {
      const auto number = std::to_string(o.n);
      const auto next = std::to_string(o.next_attempt);
      const parameter all[] = {next, number, std::to_string(static_cast<int>(o.state)), o.text};
      auto a = o.attempted
                   ? db_.ask(
                         "UPDATE artham.alerts SET hook = $3::integer, hook_next = $1::bigint, "
                         "hook_outcome = $4, hook_attempts = hook_attempts + 1 WHERE n = "
                         "$2::bigint AND hook = 1",
                         all)
                   : db_.ask(
                         "UPDATE artham.alerts SET hook_next = $1::bigint WHERE n = $2::bigint AND "
                         "hook = 1",
                         std::span(all).first(2));
      if (!a) return tl::unexpected(a.error());
    }
    return {};
  }

  result<std::uint64_t> count_pending_hooks() override {
    return number("SELECT count(*) FROM artham.alerts WHERE hook = 1");
  }

 private:
  static std::optional<alert_position> find_position(const answer& a, const std::string& stream) {
    for (int i = 0; i < a.rows(); ++i) {
      if (a.text(i, 0) == stream)
        return alert_position{stream, read_position(a, i, 1), read_position(a, i, 3)};
    }
    return std::nullopt;
  }

  result<bool> given_up() {
    if (auto undone = db_.ask("ROLLBACK"); !undone) return tl::unexpected(undone.error());
    return false;
  }

  result<std::uint64_t> number(const std::string& sql) {
    auto a = db_.ask(sql);
    if (!a) return tl::unexpected(a.error());
    return static_cast<std::uint64_t>(a->front().integer(0, 0));
  }

  /// In a transaction that ends with a new version of the rules.
  template <class Fn>
  result<alert_rule> change(Fn&& fn) {
    auto begun = db_.ask("BEGIN; SELECT version, rules FROM artham.alert_state FOR UPDATE");
    if (!begun) return tl::unexpected(begun.error());
    auto made = fn((*begun)[1]);
    if (!made) {
      db_.roll_back();
      return made;
    }
    auto done =
        db_.ask("UPDATE artham.alert_state SET version = version + 1, rules = greatest(rules, " +
                std::to_string(made->id) + "); COMMIT");
    if (!done) return tl::unexpected(done.error());
    return made;
  }

  result<std::optional<stored_rule>> newest_of(std::int64_t id) {
    const parameter values[] = {std::to_string(id)};
    auto a = db_.ask("SELECT " + std::string(rule_columns) + rule_tables +
                         "WHERE r.id = $1::bigint AND n.id IS NULL",
                     values);
    if (!a) return tl::unexpected(a.error());
    if (a->rows() == 0) return std::nullopt;
    return read_rule(*a, 0);
  }

  result<alert_rule> put(const alert_rule& r, const alert_limits& limits) {
    const parameter whose[] = {r.owner, std::to_string(r.id)};
    auto count = db_.ask(
        "SELECT count(*), count(nullif(r.webhook, '')) FROM artham.alert_rules r WHERE r.owner = "
        "$1 AND r.id <> $2::bigint AND r.deleted = 0 AND NOT EXISTS (SELECT 1 FROM "
        "artham.alert_rules n WHERE n.id = r.id AND n.version > r.version)",
        whose);
    if (!count) return tl::unexpected(count.error());
    const auto rules = static_cast<std::size_t>(count->integer(0, 0));
    const auto hooks = static_cast<std::size_t>(count->integer(0, 1));
    if (!r.deleted) {
      if (auto fits = check_alert_limits(rules, hooks, !r.webhook.empty(), limits); !fits)
        return tl::unexpected(fits.error());
    }
    const parameter values[] = {std::to_string(r.id),
                                std::to_string(r.version),
                                r.owner,
                                r.name,
                                r.key,
                                r.condition,
                                r.repeat,
                                r.revisions ? "1" : "0",
                                std::to_string(r.quiet),
                                r.webhook,
                                r.enabled ? "1" : "0",
                                r.deleted ? "1" : "0",
                                std::to_string(r.token),
                                std::to_string(r.ends),
                                std::to_string(r.made),
                                std::to_string(r.after.epoch),
                                std::to_string(r.after.seq)};
    auto a = db_.ask(
        "INSERT INTO artham.alert_rules (id, version, owner, name, key, condition, repeat, "
        "revisions, quiet, webhook, enabled, deleted, token, ends_ns, made_at, after_epoch, "
        "after_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, "
        "$17)",
        values);
    if (!a) return tl::unexpected(a.error());
    return r;
  }

  /// False: it was there.
  result<bool> write_alert(const alert_row& a, std::int64_t place) {
    const parameter values[] = {std::to_string(place),
                                a.id,
                                std::to_string(a.rule),
                                std::to_string(a.version),
                                a.owner,
                                a.name,
                                a.key,
                                a.condition,
                                std::to_string(a.cause.at.epoch),
                                std::to_string(a.cause.at.seq),
                                std::to_string(a.cause.ordinal),
                                std::to_string(a.at),
                                std::to_string(a.made),
                                std::to_string(a.left_out),
                                a.values,
                                a.webhook,
                                std::to_string(static_cast<int>(a.hook))};
    auto put = db_.ask(
        "INSERT INTO artham.alerts (n, id, rule_id, version, owner, name, key, condition, "
        "cause_epoch, cause_seq, cause_ordinal, event_ns, fired_at, left_out, said, webhook, hook) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON "
        "CONFLICT (id) DO NOTHING",
        values);
    if (!put) return tl::unexpected(put.error());
    return put->affected() == 1;
  }

  static std::string progress_sql(const connection& c, const alert_progress& p) {
    return "INSERT INTO artham.alert_progress (rule_id, version, from_epoch, from_seq, "
           "until_epoch, until_seq, state) VALUES (" +
           std::to_string(p.rule) + ", " + std::to_string(p.version) + ", " + numbers(p.from) +
           ", " + (p.until ? numbers(*p.until) : "NULL, NULL") + ", " + c.literal(p.state) +
           ") ON CONFLICT (rule_id, version) DO UPDATE SET (until_epoch, until_seq, state) = "
           "(excluded.until_epoch, excluded.until_seq, excluded.state)";
  }

  static std::string position_sql(const connection& c, const alert_position& p) {
    return "INSERT INTO artham.alert_positions (stream, epoch, seq, cause_epoch, cause_seq) "
           "VALUES (" +
           c.literal(p.stream) + ", " + numbers(p.at) + ", " + numbers(p.cause) +
           ") ON CONFLICT (stream) DO UPDATE SET (epoch, seq, cause_epoch, cause_seq) = "
           "(excluded.epoch, excluded.seq, excluded.cause_epoch, excluded.cause_seq)";
  }

  reconnecting db_;
};

}  // namespace

result<std::unique_ptr<alert_book>> open_alerts(const server& s) {
  auto info = conninfo(s, "artham alerts");
  if (!info) return tl::unexpected(info.error());
  return std::make_unique<postgres_alerts>(place_of(s), std::move(*info), s.timeout);
}

}  // namespace artham::store::postgres

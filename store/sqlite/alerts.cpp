#include "store/sqlite/alerts.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

#include "runtime/failpoint.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/migrations.hpp"

namespace artham::store::sqlite {

namespace {

constexpr int busy_timeout_ms = 5000;

constexpr const char* rule_columns =
    "r.id, r.version, r.owner, r.name, r.key, r.condition, r.repeat, r.revisions, r.quiet, "
    "r.webhook, r.enabled, r.deleted, r.token, r.ends_ts, r.made_at, r.after_epoch, r.after_seq, "
    "p.from_epoch, p.from_seq, p.until_epoch, p.until_seq, p.state, n.after_epoch, n.after_seq";
constexpr const char* rule_tables =
    " FROM alert_rules r LEFT JOIN alert_progress p ON p.rule_id = r.id AND p.version = r.version "
    "LEFT JOIN alert_rules n ON n.id = r.id AND n.version = r.version + 1 ";
constexpr const char* alert_columns =
    "n, id, rule_id, version, owner, name, key, condition, cause_epoch, cause_seq, cause_ordinal, "
    "event_ts, fired_at, left_out, said, webhook, hook, hook_attempts, hook_next, hook_outcome";

record::position read_position(SQLite::Statement& row, int column) {
  return {row.getColumn(column).getUInt(),
          static_cast<std::uint64_t>(row.getColumn(column + 1).getInt64())};
}
std::optional<record::position> read_if_known(SQLite::Statement& row, int column) {
  if (row.getColumn(column).isNull()) return std::nullopt;
  return read_position(row, column);
}

stored_rule read_rule(SQLite::Statement& row) {
  stored_rule s;
  auto& r = s.rule;
  r.id = row.getColumn(0).getInt64();
  r.version = row.getColumn(1).getUInt();
  r.owner = row.getColumn(2).getString();
  r.name = row.getColumn(3).getString();
  r.key = row.getColumn(4).getString();
  r.condition = row.getColumn(5).getString();
  r.repeat = row.getColumn(6).getString();
  r.revisions = row.getColumn(7).getInt() != 0;
  r.quiet = row.getColumn(8).getInt64();
  r.webhook = row.getColumn(9).getString();
  r.enabled = row.getColumn(10).getInt() != 0;
  r.deleted = row.getColumn(11).getInt() != 0;
  r.token = row.getColumn(12).getUInt();
  r.ends = row.getColumn(13).getInt64();
  r.made = row.getColumn(14).getInt64();
  r.after = read_position(row, 15);
  if (const auto from = read_if_known(row, 17)) {
    s.progress = alert_progress{r.id, r.version, *from, read_if_known(row, 19),
                                row.getColumn(21).getString()};
  }
  s.superseded = read_if_known(row, 22);
  return s;
}

alert_row read_alert(SQLite::Statement& row) {
  alert_row a;
  a.n = static_cast<std::uint64_t>(row.getColumn(0).getInt64());
  a.id = row.getColumn(1).getString();
  a.rule = row.getColumn(2).getInt64();
  a.version = row.getColumn(3).getUInt();
  a.owner = row.getColumn(4).getString();
  a.name = row.getColumn(5).getString();
  a.key = row.getColumn(6).getString();
  a.condition = row.getColumn(7).getString();
  a.cause.at = read_position(row, 8);
  a.cause.ordinal = row.getColumn(10).getUInt();
  a.at = row.getColumn(11).getInt64();
  a.made = row.getColumn(12).getInt64();
  a.left_out = static_cast<std::uint64_t>(row.getColumn(13).getInt64());
  a.values = row.getColumn(14).getString();
  a.webhook = row.getColumn(15).getString();
  a.hook = static_cast<hook_state>(row.getColumn(16).getInt());
  a.attempts = row.getColumn(17).getUInt();
  a.next_attempt = row.getColumn(18).getInt64();
  a.outcome = row.getColumn(19).getString();
  return a;
}

class sqlite_alerts final : public alert_book {
 public:
  explicit sqlite_alerts(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

  result<alert_rule> add_rule(const alert_rule& rule, const alert_limits& limits) override {
    return change([&]() -> result<alert_rule> {
      auto made = rule;
      db_->exec("UPDATE alert_state SET rules = rules + 1");
      made.id = db_->execAndGet("SELECT rules FROM alert_state").getInt64();
      made.version = 1;
      return put(made, limits);
    });
  }

  result<alert_rule> change_rule(const alert_rule& rule, const alert_limits& limits) override {
    return change([&]() -> result<alert_rule> {
      const auto present = newest_of(rule.id);
      const auto number = std::to_string(rule.id);
      if (!present || present->rule.deleted)
        return fail(errc::not_found, "there is no rule " + number + " any more");
      if (present->rule.version != rule.version) {
        return fail(errc::conflict, "rule " + number + " has been changed meanwhile, to version " +
                                        std::to_string(present->rule.version) +
                                        ": look at it and try again");
      }
      auto made = rule;
      ++made.version;
      return put(made, limits);
    });
  }

  result<std::vector<stored_rule>> rules(const std::optional<std::string>& owner) override {
    return guard([&]() -> result<std::vector<stored_rule>> {
      SQLite::Statement s(*db_,
                          "SELECT " + std::string(rule_columns) + rule_tables +
                              "WHERE n.id IS NULL AND r.deleted = 0 AND (? IS NULL OR r.owner = ?) "
                              "ORDER BY r.id");
      if (owner) {
        s.bind(1, *owner);
        s.bind(2, *owner);
      }
      return read_rules(s);
    });
  }

  result<std::optional<stored_rule>> rule(std::int64_t id) override {
    return guard([&]() -> result<std::optional<stored_rule>> {
      auto found = newest_of(id);
      if (found && found->rule.deleted) return std::nullopt;
      return found;
    });
  }

  result<std::vector<stored_rule>> evaluated_rules() override {
    return guard([&]() -> result<std::vector<stored_rule>> {
      SQLite::Statement s(*db_, "SELECT " + std::string(rule_columns) + rule_tables +
                                    "WHERE p.rule_id IS NOT NULL ORDER BY r.id, r.version");
      return read_rules(s);
    });
  }

  result<std::vector<alert_row>> alerts(const alert_query& q) override {
    return guard([&]() -> result<std::vector<alert_row>> {
      std::string sql = "SELECT " + std::string(alert_columns) + " FROM alerts WHERE n > ?";
      if (q.owner) sql += " AND owner = ?";
      if (q.rule) sql += " AND rule_id = ?";
      sql += q.newest_first ? " ORDER BY n DESC LIMIT ?" : " ORDER BY n LIMIT ?";
      SQLite::Statement s(*db_, sql);
      int at = 1;
      s.bind(at++, static_cast<std::int64_t>(q.after));
      if (q.owner) s.bind(at++, *q.owner);
      if (q.rule) s.bind(at++, *q.rule);
      s.bind(at, static_cast<std::int64_t>(q.limit));
      auto rows = read_alerts(s);
      if (q.newest_first) std::ranges::reverse(rows);
      return rows;
    });
  }

  result<std::uint64_t> newest() override {
    return guard([&]() -> result<std::uint64_t> { return state("alerts"); });
  }

  result<std::uint64_t> version() override {
    return guard([&]() -> result<std::uint64_t> { return state("version"); });
  }

  result<loaded_alerts> load(std::span<const std::string> streams) override {
    return guard([&]() -> result<loaded_alerts> {
      SQLite::Transaction t(*db_);
      loaded_alerts all;
      all.version = state("version");
      // What has ended before all of them says nothing more.
      record::position least{UINT32_MAX, INT64_MAX};
      for (const auto& name : streams) {
        all.positions.push_back(position_of(name));
        least = std::min(least, all.positions.back().value_or(no_alert_position(name)).cause);
      }
      SQLite::Statement s(*db_, "SELECT " + std::string(rule_columns) + rule_tables +
                                    "WHERE r.enabled = 1 AND r.deleted = 0 AND (p.until_epoch IS "
                                    "NULL OR (p.until_epoch, p.until_seq) > (?, ?)) "
                                    "ORDER BY r.id, r.version");
      s.bind(1, least.epoch);
      s.bind(2, static_cast<std::int64_t>(least.seq));
      all.rules = read_rules(s);
      return all;
    });
  }

  result<bool> commit(const alert_batch& b) override {
    return guard([&]() -> result<bool> {
      SQLite::Transaction t(*db_, SQLite::TransactionBehavior::IMMEDIATE);
      if (state("version") != b.version) return false;
      for (const auto& e : b.expected)
        if (position_of(e.stream).value_or(no_alert_position(e.stream)) != e) return false;
      runtime::failpoint("alerts.begun");
      for (const auto& a : b.alerts) write_alert(a);
      for (const auto& p : b.progress) write_progress(p);
      for (const auto& p : b.positions) write_position(p);
      runtime::failpoint("alerts.written");
      t.commit();
      runtime::failpoint("alerts.committed");
      return true;
    });
  }

  result<std::vector<alert_row>> claim_hooks(market::timestamp now, market::timestamp again,
                                             std::size_t limit,
                                             std::span<const std::string> without) override {
    return guard([&]() -> result<std::vector<alert_row>> {
      std::string due = " FROM alerts WHERE hook = 1 AND hook_next <= ?";
      for (std::size_t i = 0; i < without.size(); ++i) due += " AND webhook <> ?";
      const auto bind = [&](SQLite::Statement& s) {
        int at = 1;
        s.bind(at++, now);
        for (const auto& url : without) s.bind(at++, url);
        return at;
      };
      // Nothing to write most of the time: then nobody is kept from writing.
      SQLite::Statement look(*db_, "SELECT 1" + due + " LIMIT 1");
      bind(look);
      const bool some = look.executeStep();
      look.reset();
      if (!some) return std::vector<alert_row>{};
      SQLite::Transaction t(*db_, SQLite::TransactionBehavior::IMMEDIATE);
      SQLite::Statement s(
          *db_, "SELECT " + std::string(alert_columns) + due + " ORDER BY hook_next, n LIMIT ?");
      s.bind(bind(s), static_cast<std::int64_t>(limit));
      auto rows = read_alerts(s);
      s.reset();
      SQLite::Statement claim(*db_, "UPDATE alerts SET hook_next = ? WHERE n = ?");
      for (auto& r : rows) {
        claim.reset();
        claim.bind(1, again);
        claim.bind(2, static_cast<std::int64_t>(r.n));
        claim.exec();
        r.next_attempt = again;
      }
      t.commit();
      return rows;
    });
  }

  result<void> settle_hooks(std::span<const hook_outcome> outcomes) override {
    return guard([&]() -> result<void> {
      SQLite::Transaction t(*db_, SQLite::TransactionBehavior::IMMEDIATE);
      SQLite::Statement s(*db_,
                          "UPDATE alerts SET hook = ?, hook_next = ?, hook_outcome = ?, "
                          "hook_attempts = hook_attempts + 1 WHERE n = ? AND hook = 1");
      SQLite::Statement back(*db_, "UPDATE alerts SET hook_next = ? WHERE n = ? AND hook = 1");
      for (const auto& o : outcomes) {
        auto& which = o.attempted ? s : back;
        which.reset();
        int at = 1;
        if (o.attempted) which.bind(at++, static_cast<int>(o.state));
        which.bind(at++, o.next_attempt);
        if (o.attempted) which.bind(at++, o.text);
        which.bind(at, static_cast<std::int64_t>(o.n));
        which.exec();
      }
      t.commit();
      return {};
    });
  }

  result<std::uint64_t> count_pending_hooks() override {
    return guard([&]() -> result<std::uint64_t> {
      return static_cast<std::uint64_t>(
          db_->execAndGet("SELECT count(*) FROM alerts WHERE hook = 1").getInt64());
    });
  }

 private:
  template <class Fn>
  auto guard(Fn&& fn) -> decltype(fn()) {
    return guarded(db_->getFilename(), std::forward<Fn>(fn));
  }
  /// In a transaction that ends with a new version of the rules.
  template <class Fn>
  auto change(Fn&& fn) -> decltype(fn()) {
    return with_new_version(*db_, "alert_state", std::forward<Fn>(fn));
  }

  std::uint64_t state(const std::string& column) {
    return static_cast<std::uint64_t>(
        db_->execAndGet("SELECT " + column + " FROM alert_state").getInt64());
  }

  static std::vector<stored_rule> read_rules(SQLite::Statement& s) {
    std::vector<stored_rule> all;
    while (s.executeStep()) all.push_back(read_rule(s));
    return all;
  }
  static std::vector<alert_row> read_alerts(SQLite::Statement& s) {
    std::vector<alert_row> all;
    while (s.executeStep()) all.push_back(read_alert(s));
    return all;
  }

  std::optional<stored_rule> newest_of(std::int64_t id) {
    SQLite::Statement s(*db_, "SELECT " + std::string(rule_columns) + rule_tables +
                                  "WHERE r.id = ? AND n.id IS NULL");
    s.bind(1, id);
    if (!s.executeStep()) return std::nullopt;
    return read_rule(s);
  }

  result<alert_rule> put(const alert_rule& r, const alert_limits& limits) {
    SQLite::Statement count(
        *db_,
        "SELECT count(*), count(nullif(r.webhook, '')) FROM alert_rules r WHERE r.owner = ? AND "
        "r.id <> ? AND r.deleted = 0 AND NOT EXISTS (SELECT 1 FROM alert_rules n WHERE n.id = "
        "r.id AND n.version > r.version)");
    count.bind(1, r.owner);
    count.bind(2, r.id);
    count.executeStep();
    const auto rules = static_cast<std::size_t>(count.getColumn(0).getInt64());
    const auto hooks = static_cast<std::size_t>(count.getColumn(1).getInt64());
    count.reset();
    if (!r.deleted) {
      if (auto fits = check_alert_limits(rules, hooks, !r.webhook.empty(), limits); !fits)
        return tl::unexpected(fits.error());
    }
    SQLite::Statement s(*db_,
                        "INSERT INTO alert_rules (id, version, owner, name, key, condition, "
                        "repeat, revisions, quiet, webhook, enabled, deleted, token, ends_ts, "
                        "made_at, after_epoch, after_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                        "?, ?, ?, ?, ?, ?)");
    s.bind(1, r.id);
    s.bind(2, r.version);
    s.bind(3, r.owner);
    s.bind(4, r.name);
    s.bind(5, r.key);
    s.bind(6, r.condition);
    s.bind(7, r.repeat);
    s.bind(8, r.revisions ? 1 : 0);
    s.bind(9, r.quiet);
    s.bind(10, r.webhook);
    s.bind(11, r.enabled ? 1 : 0);
    s.bind(12, r.deleted ? 1 : 0);
    s.bind(13, r.token);
    s.bind(14, r.ends);
    s.bind(15, r.made);
    s.bind(16, r.after.epoch);
    s.bind(17, static_cast<std::int64_t>(r.after.seq));
    s.exec();
    return r;
  }

  std::optional<alert_position> position_of(const std::string& stream) {
    SQLite::Statement s(
        *db_, "SELECT epoch, seq, cause_epoch, cause_seq FROM alert_positions WHERE stream = ?");
    s.bind(1, stream);
    if (!s.executeStep()) return std::nullopt;
    return alert_position{stream, read_position(s, 0), read_position(s, 2)};
  }

  void write_position(const alert_position& p) {
    SQLite::Statement s(*db_,
                        "INSERT OR REPLACE INTO alert_positions (stream, epoch, seq, cause_epoch, "
                        "cause_seq) VALUES (?, ?, ?, ?, ?)");
    s.bind(1, p.stream);
    s.bind(2, p.at.epoch);
    s.bind(3, static_cast<std::int64_t>(p.at.seq));
    s.bind(4, p.cause.epoch);
    s.bind(5, static_cast<std::int64_t>(p.cause.seq));
    s.exec();
  }

  void write_progress(const alert_progress& p) {
    SQLite::Statement s(*db_,
                        "INSERT OR REPLACE INTO alert_progress (rule_id, version, from_epoch, "
                        "from_seq, until_epoch, until_seq, state) VALUES (?, ?, ?, ?, ?, ?, ?)");
    s.bind(1, p.rule);
    s.bind(2, p.version);
    s.bind(3, p.from.epoch);
    s.bind(4, static_cast<std::int64_t>(p.from.seq));
    if (p.until) {
      s.bind(5, p.until->epoch);
      s.bind(6, static_cast<std::int64_t>(p.until->seq));
    }
    s.bind(7, p.state);
    s.exec();
  }

  void write_alert(const alert_row& a) {
    SQLite::Statement known(*db_, "SELECT 1 FROM alerts WHERE id = ?");
    known.bind(1, a.id);
    if (known.executeStep()) return;
    db_->exec("UPDATE alert_state SET alerts = alerts + 1");
    SQLite::Statement s(*db_,
                        "INSERT INTO alerts (n, id, rule_id, version, owner, name, key, condition, "
                        "cause_epoch, cause_seq, cause_ordinal, event_ts, fired_at, left_out, "
                        "said, webhook, hook) VALUES ((SELECT alerts FROM alert_state), ?, ?, ?, "
                        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    s.bind(1, a.id);
    s.bind(2, a.rule);
    s.bind(3, a.version);
    s.bind(4, a.owner);
    s.bind(5, a.name);
    s.bind(6, a.key);
    s.bind(7, a.condition);
    s.bind(8, a.cause.at.epoch);
    s.bind(9, static_cast<std::int64_t>(a.cause.at.seq));
    s.bind(10, a.cause.ordinal);
    s.bind(11, a.at);
    s.bind(12, a.made);
    s.bind(13, static_cast<std::int64_t>(a.left_out));
    s.bind(14, a.values);
    s.bind(15, a.webhook);
    s.bind(16, static_cast<int>(a.hook));
    s.exec();
  }

  std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

result<std::unique_ptr<alert_book>> open_alerts(const std::filesystem::path& file) {
  return guarded(file.string(), [&]() -> result<std::unique_ptr<alert_book>> {
    auto db = std::make_unique<SQLite::Database>(
        file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
        busy_timeout_ms);
    db->exec("PRAGMA journal_mode = WAL");
    // What was told to somebody stays told when the power fails.
    db->exec("PRAGMA synchronous = FULL");
    auto migrated = migrate(*db);
    if (!migrated) return tl::unexpected(migrated.error());
    return std::make_unique<sqlite_alerts>(std::move(db));
  });
}

}  // namespace artham::store::sqlite

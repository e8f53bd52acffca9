#include "store/sqlite/access.hpp"

#include <sys/stat.h>

#include <charconv>
#include <string>
#include <utility>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/sqlite/connection.hpp"
#include "store/sqlite/migrations.hpp"

namespace artham::store::sqlite {

namespace {

constexpr int busy_timeout_ms = 5000;
constexpr const char* key_columns = "id, name, hash, scopes, created, used, revoked";
constexpr const char* user_columns = "id, name, password_hash, scopes, created, disabled";

api_key read_key(SQLite::Statement& row) {
  api_key k;
  k.id = row.getColumn(0).getInt64();
  k.name = row.getColumn(1).getString();
  k.hash = row.getColumn(2).getString();
  k.scopes = static_cast<std::uint8_t>(row.getColumn(3).getInt());
  k.created = row.getColumn(4).getInt64();
  k.used = row.getColumn(5).getInt64();
  k.revoked = row.getColumn(6).getInt64();
  return k;
}

user read_user(SQLite::Statement& row) {
  user u;
  u.id = row.getColumn(0).getInt64();
  u.name = row.getColumn(1).getString();
  u.password_hash = row.getColumn(2).getString();
  u.scopes = static_cast<std::uint8_t>(row.getColumn(3).getInt());
  u.created = row.getColumn(4).getInt64();
  u.disabled = row.getColumn(5).getInt64();
  return u;
}

std::int64_t number_of(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  return ec == std::errc{} && end == text.data() + text.size() ? n : 0;
}

class sqlite_access final : public access {
 public:
  explicit sqlite_access(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

  result<std::uint64_t> version() override {
    return guard([&]() -> result<std::uint64_t> { return read_version(); });
  }

  result<access_list> list() override {
    return guard([&]() -> result<access_list> {
      SQLite::Transaction t(*db_);
      access_list all;
      all.version = read_version();
      SQLite::Statement keys(*db_,
                             "SELECT " + std::string(key_columns) + " FROM api_keys ORDER BY id");
      while (keys.executeStep()) all.keys.push_back(read_key(keys));
      SQLite::Statement users(*db_,
                              "SELECT " + std::string(user_columns) + " FROM users ORDER BY id");
      while (users.executeStep()) all.users.push_back(read_user(users));
      SQLite::Statement ended(*db_, "SELECT id, expires FROM ended_tickets ORDER BY id");
      while (ended.executeStep())
        all.ended.push_back({ended.getColumn(0).getString(), ended.getColumn(1).getInt64()});
      return all;
    });
  }

  result<api_key> add_key(const api_key& key) override {
    return change([&]() -> result<api_key> {
      if (exists("SELECT 1 FROM api_keys WHERE revoked = 0 AND name = ?", key.name)) {
        return fail(errc::conflict, "there is a key '" + key.name +
                                        "' already: choose another name, or revoke it first");
      }
      SQLite::Statement s(*db_,
                          "INSERT INTO api_keys (name, hash, scopes, created) VALUES (?, ?, ?, ?)");
      s.bind(1, key.name);
      s.bind(2, key.hash);
      s.bind(3, key.scopes);
      s.bind(4, key.created);
      s.exec();
      auto made = key;
      made.id = db_->getLastInsertRowid();
      return made;
    });
  }

  result<api_key> revoke_key(std::string_view which, market::timestamp now) override {
    return change([&]() -> result<api_key> {
      // A name that is a number means the name.
      SQLite::Statement find(*db_, "SELECT " + std::string(key_columns) +
                                       " FROM api_keys WHERE revoked = 0 AND (name = ? OR id = ?) "
                                       "ORDER BY name = ? DESC LIMIT 1");
      find.bind(1, std::string(which));
      find.bind(2, number_of(which));
      find.bind(3, std::string(which));
      if (!find.executeStep())
        return fail(errc::not_found, "no key that is good is called '" + std::string(which) +
                                         "'; artham key list has those there are");
      auto key = read_key(find);
      key.revoked = now;
      SQLite::Statement s(*db_, "UPDATE api_keys SET revoked = ? WHERE id = ?");
      s.bind(1, now);
      s.bind(2, key.id);
      s.exec();
      return key;
    });
  }

  result<void> used(std::span<const use> uses) override {
    return guard([&]() -> result<void> {
      SQLite::Transaction t(*db_, SQLite::TransactionBehavior::IMMEDIATE);
      SQLite::Statement s(*db_, "UPDATE api_keys SET used = max(used, ?) WHERE id = ?");
      for (const auto& u : uses) {
        s.reset();
        s.bind(1, u.at);
        s.bind(2, u.id);
        s.exec();
      }
      t.commit();
      return {};
    });
  }

  result<user> add_user(const user& who) override {
    return change([&]() -> result<user> {
      if (exists("SELECT 1 FROM users WHERE disabled = 0 AND name = ?", who.name)) {
        return fail(errc::conflict, "there is a user '" + who.name +
                                        "' already: choose another name, or remove him first");
      }
      SQLite::Statement s(
          *db_, "INSERT INTO users (name, password_hash, scopes, created) VALUES (?, ?, ?, ?)");
      s.bind(1, who.name);
      s.bind(2, who.password_hash);
      s.bind(3, who.scopes);
      s.bind(4, who.created);
      s.exec();
      auto made = who;
      made.id = db_->getLastInsertRowid();
      return made;
    });
  }

  result<user> remove_user(std::string_view name, market::timestamp now) override {
    return change([&]() -> result<user> {
      SQLite::Statement find(*db_, "SELECT " + std::string(user_columns) +
                                       " FROM users WHERE disabled = 0 AND name = ?");
      find.bind(1, std::string(name));
      if (!find.executeStep())
        return fail(errc::not_found, "no user who may log in is called '" + std::string(name) +
                                         "'; artham user list has those there are");
      auto who = read_user(find);
      who.disabled = now;
      SQLite::Statement s(*db_, "UPDATE users SET disabled = ? WHERE id = ?");
      s.bind(1, now);
      s.bind(2, who.id);
      s.exec();
      return who;
    });
  }

  result<void> end_ticket(const ended_ticket& ticket, market::timestamp now) override {
    return change([&]() -> result<void> {
      SQLite::Statement forget(*db_, "DELETE FROM ended_tickets WHERE expires <= ?");
      forget.bind(1, now);
      forget.exec();
      SQLite::Statement s(*db_, "INSERT OR IGNORE INTO ended_tickets (id, expires) VALUES (?, ?)");
      s.bind(1, ticket.id);
      s.bind(2, ticket.expires);
      s.exec();
      return {};
    });
  }

  result<std::string> ticket_secret(const std::string& candidate) override {
    return guard([&]() -> result<std::string> {
      SQLite::Transaction t(*db_, SQLite::TransactionBehavior::IMMEDIATE);
      SQLite::Statement s(*db_,
                          "UPDATE access_state SET ticket_secret = ? WHERE ticket_secret IS NULL");
      s.bind(1, candidate);
      s.exec();
      auto kept = db_->execAndGet("SELECT ticket_secret FROM access_state").getString();
      t.commit();
      return kept;
    });
  }

  result<void> note(std::span<const access_event> events, std::size_t keep) override {
    return guard([&]() -> result<void> {
      SQLite::Transaction t(*db_, SQLite::TransactionBehavior::IMMEDIATE);
      SQLite::Statement s(
          *db_, "INSERT INTO audit (at, who, what, address, outcome) VALUES (?, ?, ?, ?, ?)");
      for (const auto& e : events) {
        s.reset();
        s.bind(1, e.at);
        s.bind(2, e.who);
        s.bind(3, e.what);
        s.bind(4, e.address);
        s.bind(5, e.outcome);
        s.exec();
      }
      SQLite::Statement forget(*db_, "DELETE FROM audit WHERE n <= (SELECT max(n) FROM audit) - ?");
      forget.bind(1, static_cast<std::int64_t>(keep));
      forget.exec();
      t.commit();
      return {};
    });
  }

  result<std::vector<access_event>> events(std::size_t limit) override {
    return guard([&]() -> result<std::vector<access_event>> {
      SQLite::Statement s(
          *db_, "SELECT at, who, what, address, outcome FROM audit ORDER BY n DESC LIMIT ?");
      s.bind(1, static_cast<std::int64_t>(limit));
      std::vector<access_event> all;
      while (s.executeStep()) {
        all.push_back({s.getColumn(0).getInt64(), s.getColumn(1).getString(),
                       s.getColumn(2).getString(), s.getColumn(3).getString(),
                       s.getColumn(4).getString()});
      }
      return all;
    });
  }

 private:
  template <class Fn>
  auto guard(Fn&& fn) -> decltype(fn()) {
    return guarded(db_->getFilename(), std::forward<Fn>(fn));
  }
  /// In a transaction that ends with a new version.
  template <class Fn>
  auto change(Fn&& fn) -> decltype(fn()) {
    return with_new_version(*db_, "access_state", std::forward<Fn>(fn));
  }
  std::uint64_t read_version() {
    return static_cast<std::uint64_t>(
        db_->execAndGet("SELECT version FROM access_state").getInt64());
  }
  bool exists(const char* query, const std::string& name) {
    SQLite::Statement s(*db_, query);
    s.bind(1, name);
    return s.executeStep();
  }

  std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

result<std::unique_ptr<access>> open_access(const std::filesystem::path& file) {
  return guarded(file.string(), [&]() -> result<std::unique_ptr<access>> {
    auto db = std::make_unique<SQLite::Database>(
        file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
        busy_timeout_ms);
    if (chmod(file.c_str(), S_IRUSR | S_IWUSR) != 0)
      return fail(errc::io, file.string() + ": cannot be made its owner's alone");
    db->exec("PRAGMA journal_mode = WAL");
    // What was revoked stays so when the power fails.
    db->exec("PRAGMA synchronous = FULL");
    auto migrated = migrate(*db);
    if (!migrated) return tl::unexpected(migrated.error());
    return std::make_unique<sqlite_access>(std::move(db));
  });
}

}  // namespace artham::store::sqlite

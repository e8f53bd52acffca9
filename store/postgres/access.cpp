#include "store/postgres/access.hpp"

#include <charconv>
#include <string>
#include <utility>

#include "store/postgres/reconnecting.hpp"
#include "store/postgres/server.hpp"

namespace artham::store::postgres {

namespace {

constexpr const char* key_columns = "id, name, hash, scopes, created, used, revoked";
constexpr const char* user_columns = "id, name, password_hash, scopes, created, disabled";
constexpr std::string_view unique_violation = "23505";

api_key read_key(const answer& a, int row) {
  api_key k;
  k.id = a.integer(row, 0);
  k.name = a.text(row, 1);
  k.hash = a.text(row, 2);
  k.scopes = static_cast<std::uint8_t>(a.integer(row, 3));
  k.created = a.integer(row, 4);
  k.used = a.integer(row, 5);
  k.revoked = a.integer(row, 6);
  return k;
}

user read_user(const answer& a, int row) {
  user u;
  u.id = a.integer(row, 0);
  u.name = a.text(row, 1);
  u.password_hash = a.text(row, 2);
  u.scopes = static_cast<std::uint8_t>(a.integer(row, 3));
  u.created = a.integer(row, 4);
  u.disabled = a.integer(row, 5);
  return u;
}

std::string number_in(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  return std::to_string(ec == std::errc{} && end == text.data() + text.size() ? n : 0);
}

class postgres_access final : public access {
 public:
  postgres_access(std::string place, std::string conninfo, std::chrono::milliseconds timeout)
      : db_(std::move(place), std::move(conninfo), timeout) {}

  result<std::uint64_t> version() override {
    auto a = db_.ask("SELECT version FROM artham.access_state");
    if (!a) return tl::unexpected(a.error());
    return static_cast<std::uint64_t>(a->front().integer(0, 0));
  }

  result<access_list> list() override {
    auto a = db_.ask(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT version FROM "
        "artham.access_state; SELECT " +
        std::string(key_columns) + " FROM artham.api_keys ORDER BY id; SELECT " + user_columns +
        " FROM artham.users ORDER BY id; SELECT id, expires FROM artham.ended_tickets ORDER BY id "
        "COLLATE \"C\"; COMMIT");
    if (!a) return tl::unexpected(a.error());
    access_list all;
    all.version = static_cast<std::uint64_t>((*a)[1].integer(0, 0));
    for (int i = 0; i < (*a)[2].rows(); ++i) all.keys.push_back(read_key((*a)[2], i));
    for (int i = 0; i < (*a)[3].rows(); ++i) all.users.push_back(read_user((*a)[3], i));
    for (int i = 0; i < (*a)[4].rows(); ++i)
      all.ended.push_back({std::string((*a)[4].text(i, 0)), (*a)[4].integer(i, 1)});
    return all;
  }

  result<api_key> add_key(const api_key& key) override {
    const parameter values[] = {key.name, key.hash, std::to_string(key.scopes),
                                std::to_string(key.created)};
    auto a = change(
        "INSERT INTO artham.api_keys (name, hash, scopes, created) VALUES ($1, $2, $3, $4) "
        "RETURNING " +
            std::string(key_columns),
        values,
        "there is a key '" + key.name + "' already: choose another name, or revoke it first");
    if (!a) return tl::unexpected(a.error());
    return read_key(*a, 0);
  }

  result<api_key> revoke_key(std::string_view which, market::timestamp now) override {
    const parameter values[] = {std::string(which), number_in(which), std::to_string(now)};
    // A name that is a number means the name.
    auto a = change(
        "UPDATE artham.api_keys SET revoked = $3::bigint WHERE id = (SELECT id FROM "
        "artham.api_keys WHERE revoked = 0 AND (name = $1 OR id = $2::bigint) ORDER BY (name = $1) "
        "DESC LIMIT 1) AND revoked = 0 RETURNING " +
            std::string(key_columns),
        values, {});
    if (!a) return tl::unexpected(a.error());
    if (a->rows() == 0)
      return fail(errc::not_found, "no key that is good is called '" + std::string(which) +
                                       "'; artham key list has those there are");
    return read_key(*a, 0);
  }

  result<void> used(std::span<const use> uses) override {
    std::string ids;
    std::string times;
    for (const auto& u : uses) {
      ids.append(ids.empty() ? "{" : ",").append(std::to_string(u.id));
      times.append(times.empty() ? "{" : ",").append(std::to_string(u.at));
    }
    if (uses.empty()) return {};
    const parameter values[] = {ids + "}", times + "}"};
    return nothing(
        db_.ask("UPDATE artham.api_keys AS k SET used = greatest(k.used, n.at) FROM "
                "unnest($1::bigint[], $2::bigint[]) AS n (id, at) WHERE k.id = n.id",
                values));
  }

  result<user> add_user(const user& who) override {
    const parameter values[] = {who.name, who.password_hash, std::to_string(who.scopes),
                                std::to_string(who.created)};
    auto a = change(
        "INSERT INTO artham.users (name, password_hash, scopes, created) VALUES ($1, $2, $3, $4) "
        "RETURNING " +
            std::string(user_columns),
        values,
        "there is a user '" + who.name + "' already: choose another name, or remove him first");
    if (!a) return tl::unexpected(a.error());
    return read_user(*a, 0);
  }

  result<user> remove_user(std::string_view name, market::timestamp now) override {
    const parameter values[] = {std::string(name), std::to_string(now)};
    auto a = change(
        "UPDATE artham.users SET disabled = $2::bigint WHERE disabled = 0 AND name = $1 "
        "RETURNING " +
            std::string(user_columns),
        values, {});
    if (!a) return tl::unexpected(a.error());
    if (a->rows() == 0)
      return fail(errc::not_found, "no user who may log in is called '" + std::string(name) +
                                       "'; artham user list has those there are");
    return read_user(*a, 0);
  }

  result<void> end_ticket(const ended_ticket& t, market::timestamp now) override {
    const parameter time[] = {std::to_string(now)};
    auto forgotten = db_.ask("DELETE FROM artham.ended_tickets WHERE expires <= $1::bigint", time);
    if (!forgotten) return tl::unexpected(forgotten.error());
    const parameter values[] = {t.id, std::to_string(t.expires)};
    return nothing(change(
        "INSERT INTO artham.ended_tickets (id, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        values, {}));
  }

  result<std::string> ticket_secret(const std::string& candidate) override {
    const parameter values[] = {candidate};
    auto a = db_.ask(
        "UPDATE artham.access_state SET ticket_secret = coalesce(ticket_secret, $1) RETURNING "
        "ticket_secret",
        values);
    if (!a) return tl::unexpected(a.error());
    return std::string(a->text(0, 0));
  }

  result<void> note(std::span<const access_event> events, std::size_t keep) override {
    auto c = db_.open();
    if (!c) return tl::unexpected(c.error());
    std::string sql = "BEGIN; ";
    for (const auto& e : events) {
      sql += "INSERT INTO artham.audit (at, who, what, address, outcome) VALUES (" +
             std::to_string(e.at) + ", " + (*c)->literal(e.who) + ", " + (*c)->literal(e.what) +
             ", " + (*c)->literal(e.address) + ", " + (*c)->literal(e.outcome) + "); ";
    }
    return nothing(
        db_.ask(sql + "DELETE FROM artham.audit WHERE n <= (SELECT max(n) FROM artham.audit) - " +
                std::to_string(keep) + "; COMMIT"));
  }

  result<std::vector<access_event>> events(std::size_t limit) override {
    auto a =
        db_.ask("SELECT at, who, what, address, outcome FROM artham.audit ORDER BY n DESC LIMIT " +
                std::to_string(limit));
    if (!a) return tl::unexpected(a.error());
    std::vector<access_event> all;
    const auto& rows = a->front();
    all.reserve(static_cast<std::size_t>(rows.rows()));
    for (int i = 0; i < rows.rows(); ++i) {
      all.push_back({rows.integer(i, 0), std::string(rows.text(i, 1)), std::string(rows.text(i, 2)),
                     std::string(rows.text(i, 3)), std::string(rows.text(i, 4))});
    }
    return all;
  }

 private:
  template <class T>
  static result<void> nothing(const result<T>& a) {
    if (!a) return tl::unexpected(a.error());
    return {};
  }

  /// In a transaction that ends with a new version; `taken` is the message when the name is.
  result<answer> change(const std::string& sql, std::span<const parameter> values,
                        const std::string& taken) {
    // The row of the version is the lock: versions are in the order of commits.
    auto begun = db_.ask("BEGIN; UPDATE artham.access_state SET version = version + 1");
    if (!begun) return tl::unexpected(begun.error());
    auto c = db_.open();
    if (!c) return tl::unexpected(c.error());
    auto a = (*c)->run(sql, values);
    if (!a) {
      auto e = db_.failed(a.error());
      if (a.error().sqlstate == unique_violation && !taken.empty()) e = {errc::conflict, taken};
      return tl::unexpected(std::move(e));
    }
    if (auto done = db_.ask("COMMIT"); !done) return tl::unexpected(done.error());
    return std::move(*a);
  }

  reconnecting db_;
};

}  // namespace

result<std::unique_ptr<access>> open_access(const server& s) {
  auto info = conninfo(s, "artham access");
  if (!info) return tl::unexpected(info.error());
  return std::make_unique<postgres_access>(place_of(s), std::move(*info), s.timeout);
}

}  // namespace artham::store::postgres

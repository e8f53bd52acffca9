#include "app/access_command.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "app/access_setup.hpp"
#include "app/environment.hpp"
#include "app/opened_store.hpp"
#include "app/password_input.hpp"
#include "market/time.hpp"
#include "runtime/clock.hpp"
#include "web/access/credential.hpp"
#include "web/access/password.hpp"

namespace artham::app {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t longest_name = 64;
constexpr std::size_t events_kept = 100'000;

result<std::unique_ptr<store::access>> open(const access_options& o) {
  auto s = load(o.settings);
  if (!s) return tl::unexpected(s.error());
  if (!o.postgres.empty()) {
    if (auto used = use_postgres(*s, o.postgres); !used) return tl::unexpected(used.error());
  }
  const std::filesystem::path data = s->data.dir;
  if (s->store.kind == config::store_kind::sqlite) {
    std::error_code ec;
    std::filesystem::create_directories(data, ec);
    if (ec) {
      return fail(errc::usage, "cannot create the data directory " + data.string() + ": " +
                                   ec.message() + "; give that of the node with --data");
    }
  }
  return open_store_access(*s, data);
}

/// Names stand in logs and lists, a line each.
result<void> check_name(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '@';
  });
  if (plain && !name.empty() && name.size() <= longest_name) return {};
  return fail(errc::usage, "'" + name + "' is no name: up to " + std::to_string(longest_name) +
                               " letters, digits and - _ . @");
}

/// What was done is done, whether it can be noted or not.
void note(store::access& a, std::string who, std::string what) {
  const store::access_event event{runtime::utc_now(), std::move(who), std::move(what), "", "ok"};
  if (auto noted = a.note({&event, 1}, events_kept); !noted)
    std::fprintf(stderr, "artham: not noted in the audit: %s\n", noted.error().message.c_str());
}

std::string time_text(market::timestamp t) {
  return t == 0 ? "never" : market::to_rfc3339(t / market::second * market::second, 0);
}

ordered_json to_json(const store::api_key& k) {
  ordered_json j;
  j["id"] = k.id;
  j["name"] = k.name;
  j["scopes"] = store::scopes_text(k.scopes);
  j["created"] = time_text(k.created);
  j["used"] = k.used == 0 ? ordered_json() : ordered_json(time_text(k.used));
  j["revoked"] = k.revoked == 0 ? ordered_json() : ordered_json(time_text(k.revoked));
  return j;
}

ordered_json to_json(const store::user& u) {
  ordered_json j;
  j["id"] = u.id;
  j["name"] = u.name;
  j["scopes"] = store::scopes_text(u.scopes);
  j["created"] = time_text(u.created);
  j["removed"] = u.disabled == 0 ? ordered_json() : ordered_json(time_text(u.disabled));
  return j;
}

void print(const ordered_json& j) {
  std::printf("%s\n", j.dump().c_str());
}

}  // namespace

int add_key(const access_options& o, const std::string& name, const std::string& scopes) {
  if (auto ok = check_name(name); !ok) return report(ok.error());
  const auto given = store::parse_scopes(scopes);
  if (!given) return report(given.error());
  auto a = open(o);
  if (!a) return report(a.error());
  const auto secret = web::random_text();
  store::api_key k;
  k.name = name;
  k.hash = web::hash_of(secret);
  k.scopes = *given;
  k.created = runtime::utc_now();
  const auto made = (*a)->add_key(k);
  if (!made) return report(made.error());
  note(**a, "key " + std::to_string(made->id) + " " + made->name, "key_added");
  const auto text = web::key_text(made->id, secret);
  if (o.json) {
    auto j = to_json(*made);
    j["key"] = text.reveal();
    print(j);
  } else {
    std::printf("%s\n", text.reveal().c_str());
    std::fprintf(stderr,
                 "artham: this key is shown this once; revoke it with artham key revoke %s\n",
                 made->name.c_str());
  }
  return 0;
}

int list_keys(const access_options& o) {
  auto a = open(o);
  if (!a) return report(a.error());
  const auto list = (*a)->list();
  if (!list) return report(list.error());
  if (o.json) {
    auto all = ordered_json::array();
    for (const auto& k : list->keys) all.push_back(to_json(k));
    print(all);
    return 0;
  }
  for (const auto& k : list->keys) {
    std::printf("%lld %s %s created %s used %s%s\n", static_cast<long long>(k.id), k.name.c_str(),
                store::scopes_text(k.scopes).c_str(), time_text(k.created).c_str(),
                time_text(k.used).c_str(),
                k.revoked == 0 ? "" : (" revoked " + time_text(k.revoked)).c_str());
  }
  return 0;
}

int revoke_key(const access_options& o, const std::string& which) {
  auto a = open(o);
  if (!a) return report(a.error());
  const auto k = (*a)->revoke_key(which, runtime::utc_now());
  if (!k) return report(k.error());
  note(**a, "key " + std::to_string(k->id) + " " + k->name, "key_revoked");
  if (o.json) {
    print(to_json(*k));
  } else {
    std::printf("revoked %lld %s\n", static_cast<long long>(k->id), k->name.c_str());
  }
  return 0;
}

int add_user(const access_options& o, const std::string& name, const std::string& scopes) {
  if (auto ok = check_name(name); !ok) return report(ok.error());
  const auto given = store::parse_scopes(scopes);
  if (!given) return report(given.error());
  auto a = open(o);
  if (!a) return report(a.error());
  const auto password = read_new_password(name);
  if (!password) return report(password.error());
  auto hash = web::hash_password(*password);
  if (!hash) return report(hash.error());
  store::user u;
  u.name = name;
  u.password_hash = std::move(*hash);
  u.scopes = *given;
  u.created = runtime::utc_now();
  const auto made = (*a)->add_user(u);
  if (!made) return report(made.error());
  note(**a, "user " + name, "user_added");
  if (o.json) {
    print(to_json(*made));
  } else {
    std::printf("added %s\n", name.c_str());
  }
  return 0;
}

int list_users(const access_options& o) {
  auto a = open(o);
  if (!a) return report(a.error());
  const auto list = (*a)->list();
  if (!list) return report(list.error());
  if (o.json) {
    auto all = ordered_json::array();
    for (const auto& u : list->users) all.push_back(to_json(u));
    print(all);
    return 0;
  }
  for (const auto& u : list->users) {
    std::printf("%s %s created %s%s\n", u.name.c_str(), store::scopes_text(u.scopes).c_str(),
                time_text(u.created).c_str(),
                u.disabled == 0 ? "" : (" removed " + time_text(u.disabled)).c_str());
  }
  return 0;
}

int remove_user(const access_options& o, const std::string& name) {
  auto a = open(o);
  if (!a) return report(a.error());
  const auto u = (*a)->remove_user(name, runtime::utc_now());
  if (!u) return report(u.error());
  note(**a, "user " + name, "user_removed");
  if (o.json) {
    print(to_json(*u));
  } else {
    std::printf("removed %s\n", name.c_str());
  }
  return 0;
}

}  // namespace artham::app

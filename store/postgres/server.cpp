#include "store/postgres/server.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include <libpq-fe.h>

namespace artham::store::postgres {

namespace {

struct options_deleter {
  void operator()(PQconninfoOption* o) const { PQconninfoFree(o); }
};

/// What the URL says, by keyword.
result<std::map<std::string, std::string>> parse(const std::string& url) {
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
    return fail(errc::usage,
                "store.postgres.url must be like postgresql://user@host:port/database");
  }
  char* text = nullptr;
  const std::unique_ptr<PQconninfoOption, options_deleter> list(
      PQconninfoParse(url.c_str(), &text));
  const std::unique_ptr<char, void (*)(void*)> message(text, PQfreemem);
  if (!list) {
    // libpq's message may quote what stands in the URL.
    return fail(errc::usage,
                "store.postgres.url is no URL of PostgreSQL; it must be like "
                "postgresql://user@host:port/database, special characters as %XX");
  }
  std::map<std::string, std::string> values;
  for (const auto* o = list.get(); o->keyword != nullptr; ++o) {
    if (o->val != nullptr && *o->val != '\0') values.emplace(o->keyword, o->val);
  }
  return values;
}

std::string value_or(const std::map<std::string, std::string>& values, const std::string& key,
                     const char* fallback) {
  const auto it = values.find(key);
  return it == values.end() ? fallback : it->second;
}

void append(std::string& out, std::string_view key, std::string_view value) {
  out.append(out.empty() ? "" : " ").append(key).append("='");
  for (const char c : value) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('\'');
}

}  // namespace

std::string place_of(const server& s) {
  const auto values = parse(s.url);
  if (!values) return "postgresql";
  const auto user = value_or(*values, "user", "");
  return "postgresql://" + value_or(*values, "host", "localhost") + ":" +
         value_or(*values, "port", "5432") + "/" + value_or(*values, "dbname", user.c_str()) +
         (user.empty() ? "" : " as " + user);
}

result<std::string> conninfo(const server& s, std::string_view application) {
  auto values = parse(s.url);
  if (!values) return tl::unexpected(values.error());
  if (values->contains("password")) {
    return fail(errc::usage,
                "store.postgres.url holds a password, and settings are seen in many places; take "
                "it out and give it as store.postgres.password (in a settings file of mode 0600 or "
                "the environment), as PGPASSWORD or in ~/.pgpass");
  }
  if (!s.password.empty()) values->insert_or_assign("password", s.password.reveal());
  values->insert_or_assign("application_name", std::string(application));
  values->emplace("connect_timeout",
                  std::to_string(std::clamp<std::int64_t>(s.timeout.count() / 1000, 2, 5)));
  values->emplace("keepalives_idle", "10");
  values->emplace("keepalives_interval", "5");
  values->emplace("keepalives_count", "3");
  values->emplace("tcp_user_timeout", std::to_string(s.timeout.count()));
  std::string text;
  for (const auto& [key, value] : *values) append(text, key, value);
  return text;
}

}  // namespace artham::store::postgres

#include "web/access/rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "web/access/credential.hpp"
#include "web/page/assets.hpp"
#include "web/page/ui_paths.hpp"

namespace artham::web {

namespace {

constexpr std::array<std::string_view, 4> public_paths{"/livez", "/readyz", "/version",
                                                       "/openapi.json"};
constexpr std::array<std::string_view, 3> credential_names{"api_key", "access_token", "ticket"};

/// The rest of a header's value behind its scheme; empty: another scheme.
std::string_view behind_scheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return {};
  const bool same = std::equal(scheme.begin(), scheme.end(), value.begin(), [](char a, char b) {
    return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
  });
  if (!same) return {};
  value.remove_prefix(scheme.size());
  const auto first = value.find_first_not_of(' ');
  return first == std::string_view::npos ? std::string_view() : value.substr(first);
}

}  // namespace

bool is_kite(std::string_view path) {
  return path == "/kite" || path.starts_with("/kite/");
}

bool is_alerts(std::string_view path) {
  return path == "/v1/alerts" || path.starts_with("/v1/alerts/");
}

bool is_public(std::string_view method, std::string_view path) {
  if (path == "/v1/login") return true;
  if (method != "GET" && method != "HEAD") return false;
  return std::ranges::count(public_paths, path) != 0 || find_asset(path) != nullptr ||
         is_ui_path(path);
}

store::scope needed_scope(std::string_view method, std::string_view path) {
  if (path == "/v1/replays" || path.starts_with("/v1/replays/") || path.starts_with("/kite/replay"))
    return store::scope::replay;
  const bool reads = method == "GET" || method == "HEAD";
  // Rules that somebody makes are his own.
  if (is_alerts(path)) return store::scope::read;
  return reads || is_kite(path) ? store::scope::read : store::scope::admin;
}

runtime::secret credential_of(std::string_view path, const runtime::secret& authorization,
                              const text_pairs& query) {
  const std::string_view value = authorization.reveal();
  if (const auto bearer = behind_scheme(value, "bearer"); !bearer.empty())
    return runtime::secret(std::string(bearer));
  if (!is_kite(path)) return {};
  if (const auto pair = behind_scheme(value, "token"); !pair.empty())
    return runtime::secret(std::string(pair.substr(pair.find(':') + 1)));
  for (const auto& [name, text] : query)
    if (name == "access_token") return runtime::secret(text);
  return {};
}

std::optional<std::string> credential_in_query(std::string_view path, const text_pairs& query) {
  if (is_kite(path)) return std::nullopt;
  for (const auto& [name, text] : query)
    if (std::ranges::count(credential_names, name) != 0 || looks_like_credential(text)) return name;
  return std::nullopt;
}

}  // namespace artham::web

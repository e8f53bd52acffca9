#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/secret.hpp"
#include "store/access.hpp"
#include "web/server/http.hpp"

/// What is needed where.
namespace artham::web {

/// Paths that anybody may ask: of the page, health, version, the API's description, login.
[[nodiscard]] bool is_public(std::string_view method, std::string_view path);
/// Replays need `replay`, whatever else changes something `admin`, the rest and alerts `read`.
[[nodiscard]] store::scope needed_scope(std::string_view method, std::string_view path);

/// Alerts and their rules belong to whoever made them.
[[nodiscard]] bool is_alerts(std::string_view path);

/// Kite's clients carry keys as Kite's protocol wants it.
[[nodiscard]] bool is_kite(std::string_view path);

/// The key or ticket of `Bearer …`, for Kite's paths of `token api_key:access_token` or of the
/// parameter access_token; empty: none.
[[nodiscard]] runtime::secret credential_of(std::string_view path,
                                            const runtime::secret& authorization,
                                            const text_pairs& query);
/// The name of a parameter that holds a key, where it would be seen in logs; none: there is none.
[[nodiscard]] std::optional<std::string> credential_in_query(std::string_view path,
                                                             const text_pairs& query);

}  // namespace artham::web

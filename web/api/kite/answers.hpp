#pragma once

#include <string>
#include <string_view>

#include "market/error.hpp"
#include "market/price.hpp"
#include "market/time.hpp"
#include "web/server/http.hpp"

/// Kite Connect's REST protocol, so that its official clients work against artham by changing their
/// root.
namespace artham::web::kite {

/// `{"status":"success","data":…}`; `data` is JSON.
[[nodiscard]] http_response success(std::string_view data);
/// Kite's error envelope. `type` is `InputException` and so on.
[[nodiscard]] http_response failure(unsigned status, std::string_view type,
                                    std::string_view message);
/// What is wrong with the request: 400 InputException.
[[nodiscard]] http_response bad_input(std::string_view message);
/// InputException, DataException (stored data is damaged), NetworkException (not available now) or
/// GeneralException.
[[nodiscard]] http_response failed(const error& e);

/// `2026-11-20 09:15:00`, in India; `null` for 0.
[[nodiscard]] std::string time_json(market::timestamp t);

}  // namespace artham::web::kite

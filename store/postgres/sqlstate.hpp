#pragma once

#include <string_view>

#include "market/error.hpp"

/// What PostgreSQL's error codes mean to us
/// (https://www.postgresql.org/docs/15/errcodes-appendix.html).
namespace artham::store::postgres {

/// Empty: the connection failed. Whatever an operator can mend while we wait is transient.
[[nodiscard]] errc code_of(std::string_view sqlstate);

/// The values themselves are refused: trying again does not help, leaving the row out does.
[[nodiscard]] bool is_about_data(std::string_view sqlstate);

/// One line: where, what the server said, and for the common ones the way out.
[[nodiscard]] error error_of(std::string_view place, std::string_view sqlstate,
                             std::string_view message);

}  // namespace artham::store::postgres

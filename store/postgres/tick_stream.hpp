#pragma once

#include <functional>

#include <pqxx/pqxx>

#include "store/store.hpp"
#include "store/token_book.hpp"

namespace artham::store::postgres {

/// All stored ticks in the order of seq, those that are rows and those in packs; the packs of
/// several instruments overlap, and only those are open that do. The packet is valid during the
/// call.
void read_ticks(pqxx::transaction_base& t, const token_book& tokens,
                const std::function<void(const tick_row&)>& fn);

}  // namespace artham::store::postgres

#pragma once

#include <string>
#include <string_view>

#include "market/bar.hpp"
#include "market/tick.hpp"

/// How market data looks in JSON, on the WebSocket and in REST: times in integer microseconds,
/// prices as decimal text, members that a record does not have left out.
namespace artham::protocol {

void append_bar(std::string& out, const market::bar& b, bool final);
/// `receive` is market time.
void append_tick(std::string& out, const market::tick& t, market::timestamp receive);
/// Quoted and escaped; what is not UTF-8 becomes U+FFFD.
void append_text(std::string& out, std::string_view text);
/// Has more than so many lists and objects in each other; of any text, JSON or not.
[[nodiscard]] bool is_deeper_than(std::string_view text, int levels);

}  // namespace artham::protocol

#pragma once

#include "bridge/redis/connection.hpp"

/// What runs on the server, each at once or not at all.
namespace artham::bridge::redis {

/// KEYS stream, fence hash, tops; ARGV fence, ID that the entry follows or `-` for none, ID, how
/// many entries are kept, roughly (0: all), fields. Answers OK; FENCED, NOTNEXT {top} or EMPTIED,
/// each with the stream.
[[nodiscard]] const script& append_script();
/// KEYS stream, tops. The ID of the last entry; nil for a stream without any.
[[nodiscard]] const script& top_script();
/// KEYS stream, cursors; ARGV group, consumer, ID. The group begins behind the ID, all that was
/// delivered and is not acknowledged belongs to the consumer, and there is no other; nor a cursor
/// of that name.
[[nodiscard]] const script& open_group_script();
/// KEYS stream; ARGV group, ID. Acknowledges what was delivered up to the ID; answers how much, at
/// most a thousand.
[[nodiscard]] const script& acknowledge_script();
/// The set of requests for what was trimmed before it was read; keys of one request: what it asks
/// for, and the answer, a stream of entries.
inline constexpr std::string_view refills_key = "artham:refills";
[[nodiscard]] std::string refill_ask_key(std::string_view id);
[[nodiscard]] std::string refill_answer_key(std::string_view id);
/// The only field of an answer's entry that says that nothing is there any more up to its ID.
inline constexpr std::string_view refill_gone = "gone";
/// KEYS set, ask, answer; ARGV id, text, ms that it stands for. Removes an answer that is there.
[[nodiscard]] const script& ask_refill_script();
/// KEYS ask, answer, fence hash; ARGV text, fence, ms that the answer is kept, and per entry: its
/// ID, how many fields and values it has, these. Nothing when another question stands there now, or
/// an answer. FENCED.
[[nodiscard]] const script& answer_refill_script();
/// KEYS stream, cursors; ARGV where to stop in any case, consumers that must have been there.
/// Removes what no group and no cursor needs; with neither nothing. Never the last entry. Answers
/// how many entries, and how many are left.
[[nodiscard]] const script& trim_script();
/// KEYS stream, cursors; ARGV consumers without whom it is not known. The first ID that a group or
/// a cursor needs, and field `f` of the first entry from there on; nil when that is not known.
[[nodiscard]] const script& needed_script();

}  // namespace artham::bridge::redis

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
/// KEYS stream, cursors; ARGV where to stop in any case, consumers that must have been there.
/// Removes what no group and no cursor needs; with neither nothing. Never the last entry. Answers
/// how many entries, and how many are left.
[[nodiscard]] const script& trim_script();

}  // namespace artham::bridge::redis

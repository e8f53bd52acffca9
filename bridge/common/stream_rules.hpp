#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bridge/bridge.hpp"

/// What every implementation of the port holds streams and their writers to.
namespace artham::bridge {

inline constexpr std::size_t max_stream_name = 80;

/// Letters, digits and `: . _ -`, 1 to 80 of them, not beginning with a dot. errc::bad_input
/// otherwise.
[[nodiscard]] result<void> check_stream_name(std::string_view stream);

/// True for md:ticks and md:ticks:{shard}: their records carry times; those of all others carry
/// causes.
[[nodiscard]] bool is_source(std::string_view stream);

/// The stream that a derived stream's causes are positions of: `md:ticks:{shard}` when the name
/// ends in
/// `:{shard}`, else `md:ticks`.
[[nodiscard]] std::string source_of(std::string_view stream);

/// One writer at a time; epochs never fall, and a source gets a new one with every writer.
/// `last_epoch` is the stream's. errc::conflict or bad_input (epoch 0).
[[nodiscard]] result<void> check_writer(std::string_view stream, std::uint32_t epoch,
                                        std::uint32_t last_epoch, bool has_writer);

}  // namespace artham::bridge

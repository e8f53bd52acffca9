#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/postgres/copy_rows.hpp"
#include "store/store.hpp"

/// Ticks as rows of `ticks` or of `tick_packs`.
namespace artham::store::postgres {

/// Takes what has gathered now and then: sends it.
using copy_sink = std::function<outcome<void>(std::string_view)>;

extern const std::string tick_copy;  ///< COPY artham.ticks (…) FROM STDIN …
extern const std::string pack_copy;  ///< COPY artham.tick_packs (…) FROM STDIN …

/// Says the instrument_id that a token means at a time.
using id_of_token = std::function<std::int32_t(std::uint32_t token, market::timestamp t)>;

/// A row per tick.
[[nodiscard]] outcome<void> copy_ticks(std::span<const tick_row> ticks, const id_of_token& id_of,
                                       const copy_sink& sink);

/// Ticks that go into one row: of one instrument, epoch, mode, packet size and minute, with the
/// same fields; in order of seq.
class tick_packer {
 public:
  /// A row per pack.
  [[nodiscard]] outcome<void> copy(std::span<const tick_row> ticks, const id_of_token& id_of,
                                   const copy_sink& sink);

 private:
  /// Puts the ticks of each instrument together, in order of seq.
  void sort(std::span<const tick_row> ticks);
  void append_pack(std::span<const tick_row> ticks, std::span<const std::uint32_t> members,
                   std::int32_t id);

  copy_rows out_;
  std::vector<std::uint32_t> order_;  ///< of the ticks, by instrument
  std::unordered_map<std::uint32_t, std::uint32_t> groups_;
  std::vector<std::uint32_t> group_of_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace artham::store::postgres

#include <doctest/doctest.h>

#include <string>

#include "market/bar.hpp"
#include "market/mark.hpp"

using namespace artham::market;

TEST_CASE("bar flags are joined in their stated order") {
  const auto bits = [](auto... flags) {
    return static_cast<std::uint16_t>((0 | ... | static_cast<int>(flags)));
  };
  CHECK(flags_text(0).empty());
  CHECK(flags_text(bits(bar_flag::late)) == "late");
  CHECK(flags_text(bits(bar_flag::backfilled, bar_flag::partial, bar_flag::gap)) ==
        "partial|gap|backfilled");
  CHECK(flags_text(0xffff) == "partial|gap|late|reset|short_session|backfilled");
}

TEST_CASE("marks and causes have names, also those of a newer version") {
  CHECK(to_string(mark_kind::clock) == "clock");
  CHECK(to_string(mark_kind::config) == "config");
  CHECK(to_string(gap_cause::token_expired) == "token_expired");
  CHECK(to_string(gap_cause::none) == "none");
  CHECK(to_string(static_cast<gap_cause>(99)) == "unknown");
  CHECK(to_string(static_cast<mark_kind>(99)) == "unknown");
}

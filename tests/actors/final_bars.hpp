#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>

#include "bridge/bridge.hpp"
#include "market/timeframe.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/record.hpp"

namespace artham::test {

/// Calls fn(stream, bar_record) for all final bars of these timeframes, in stream order.
template <class Fn>
void for_each_final_bar(bridge::bridge& of, std::span<const market::timeframe> frames, Fn&& fn) {
  for (const auto& tf : frames) {
    const auto stream = record::final_bars_stream(market::to_string(tf));
    auto cursor = of.open_reader(stream, {}, bridge::top::appended, {});
    REQUIRE(cursor);
    for (;;) {
      const auto blocks = (*cursor)->pull(1000);
      REQUIRE(blocks);
      if (blocks->empty()) break;
      for (const auto& b : *blocks) {
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
          const auto r = record::decode_bar(h, body);
          REQUIRE(r);
          fn(stream, *r);
        });
      }
    }
  }
}

}  // namespace artham::test

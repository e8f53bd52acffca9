#pragma once

#include <string>
#include <vector>

#include "store/store.hpp"

namespace artham::support {

/// A store's reading side for tests that are about something else than features: there are none.
class no_features : public store::reader {
 public:
  result<std::vector<std::string>> chain_underlyings() override { return {}; }
  result<std::vector<store::stored_expiry>> chain_expiries(std::string_view) override { return {}; }
  result<std::optional<record::feature_record>> chain(std::string_view, market::date,
                                                      market::timestamp) override {
    return {};
  }
  result<std::vector<record::feature_record>> chain_history(std::string_view, market::date,
                                                            const store::feature_query&) override {
    return {};
  }
  result<std::vector<store::stored_greeks>> greeks(std::uint32_t,
                                                   const store::feature_query&) override {
    return {};
  }
  result<std::vector<record::feature_record>> instrument_features(
      std::uint32_t, const store::feature_query&) override {
    return {};
  }
};

}  // namespace artham::support

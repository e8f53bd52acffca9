#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/session/instrument_index.hpp"
#include "market/feature/feature_plan.hpp"
#include "market/timeframe.hpp"
#include "messages/protocol/command.hpp"
#include "messages/protocol/key.hpp"

namespace artham::actors {

/// What the keys that clients write stand for.
class key_resolver {
 public:
  key_resolver(std::shared_ptr<const instrument_index> instruments,
               std::vector<market::timeframe> timeframes,
               std::shared_ptr<const market::feature::feature_plan> features);

  struct resolved {
    std::uint64_t key = 0;
    std::string text;  ///< as it was written; of one among several that a `*` stands for, its own
  };
  /// All keys, `*` being expanded to at most so many in sum; or why the command cannot be done.
  [[nodiscard]] tl::expected<std::vector<resolved>, protocol::refusal> resolve(
      const std::vector<std::string>& texts, std::size_t at_most) const;

 private:
  using outcome = tl::expected<void, protocol::refusal>;

  [[nodiscard]] outcome add(const std::string& text, std::size_t at_most,
                            std::vector<resolved>& to) const;
  [[nodiscard]] outcome add_all(const protocol::key& key, const std::string& text,
                                std::size_t at_most, std::vector<resolved>& to) const;
  [[nodiscard]] tl::expected<std::uint32_t, protocol::refusal> timeframe(
      const protocol::key& key, const std::string& text) const;
  /// Or why there is no such chain.
  [[nodiscard]] tl::expected<std::uint64_t, std::string> chain(std::string_view underlying,
                                                               market::date expiry) const;
  [[nodiscard]] bool is_option(std::uint32_t token) const;

  std::shared_ptr<const instrument_index> instruments_;
  std::vector<market::timeframe> timeframes_;
  std::shared_ptr<const market::feature::feature_plan> features_;
};

}  // namespace artham::actors

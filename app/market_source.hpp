#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/ingest/ingestor.hpp"
#include "actors/session/instrument_index.hpp"
#include "app/calendars.hpp"
#include "app/demand_feed.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "exchange/server.hpp"
#include "feed/feed.hpp"
#include "market/formula/formula_plan.hpp"
#include "market/instrument.hpp"
#include "runtime/metrics.hpp"
#include "store/store.hpp"

namespace artham::app {

/// What a market source is made of; what is pointed to outlives it.
struct market_source_options {
  const config::settings* settings = nullptr;
  std::filesystem::path data;
  std::optional<std::filesystem::path> recording;  ///< instead of the synthetic market
  bridge::bridge* journal = nullptr;
  /// Knows earlier instruments, and is told of these; nobody writes to it yet. Null: the journal
  /// alone knows.
  store::database* store = nullptr;
  const calendar_set* calendars = nullptr;
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  /// What clients want; empty: nobody can tell.
  demand_source demand;
};

/// Where ticks come from and which instruments they are of: Kite, another exchange, or the one that
/// is part of the program.
class market_source {
 public:
  /// Starts the program's own exchange if the settings name no other, and gets the instruments.
  [[nodiscard]] static result<std::unique_ptr<market_source>> open(market_source_options o);
  ~market_source();
  market_source(const market_source&) = delete;
  market_source& operator=(const market_source&) = delete;

  /// An ingestor of what is wanted of it, which journals under these hashes.
  [[nodiscard]] actors::ingestor_config ingestor(const market::config_hashes& hashes) const;
  /// Those of the exchange and those that formulas make.
  [[nodiscard]] const std::vector<market::instrument>& instruments() const { return instruments_; }
  [[nodiscard]] std::shared_ptr<const actors::instrument_index> index() const { return index_; }
  /// Of what is subscribed, by name.
  [[nodiscard]] const std::vector<market::calendar_ptr>& calendars_in_use() const {
    return in_use_;
  }
  /// Null: there are none.
  [[nodiscard]] std::shared_ptr<const market::formula::formula_plan> formulas() const {
    return formulas_;
  }
  /// The trading date that the instruments were asked for on.
  [[nodiscard]] market::date today() const { return today_; }
  /// The program's own, or null.
  [[nodiscard]] const exchange::server* own_exchange() const { return exchange_.get(); }
  [[nodiscard]] const std::string& feed_url() const { return feed_url_; }
  /// Ends the program's own exchange.
  void stop();

 private:
  explicit market_source(market_source_options o);
  result<void> start();
  result<void> start_exchange(const actors::newest_times& newest);
  result<void> load_instruments(const actors::newest_times& newest);
  /// Of the store, or of the journal where the store cannot tell; `why` there is no newer list.
  [[nodiscard]] result<std::vector<market::instrument>> known_instruments(const error& why) const;
  /// Instruments that the formulas make, with those of the exchange.
  result<void> add_formulas();
  /// The name was not used for something else before, so that the journal stays readable.
  [[nodiscard]] result<void> check_name(const market::instrument& i) const;
  [[nodiscard]] bool by_demand() const;
  [[nodiscard]] std::vector<market::calendar_ptr> calendars_of(
      std::span<const std::uint32_t> tokens) const;
  [[nodiscard]] result<std::vector<std::uint32_t>> wanted_tokens(market::date today) const;

  market_source_options options_;
  std::unique_ptr<exchange::server> exchange_;
  std::string feed_url_;
  std::string rest_url_;
  bool continuous_ = false;
  bool exchange_clock_ = false;
  std::vector<market::instrument> instruments_;
  std::shared_ptr<const market::formula::formula_plan> formulas_;
  std::vector<std::uint32_t> tokens_;
  std::vector<market::calendar_ptr> in_use_;
  std::shared_ptr<const actors::instrument_index> index_;
  market::date today_;
};

}  // namespace artham::app

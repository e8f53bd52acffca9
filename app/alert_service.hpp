#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "actors/alert/alert_bell.hpp"
#include "actors/alert/alert_desk.hpp"
#include "actors/session/instrument_index.hpp"
#include "app/feature_rules.hpp"
#include "bridge/bridge.hpp"
#include "config/settings.hpp"
#include "market/timeframe.hpp"
#include "web/api/alerts.hpp"

namespace artham::app {

/// What a gateway's part of alerts is made of; what is pointed to outlives it.
struct alert_service_options {
  const config::settings* settings = nullptr;
  std::filesystem::path data;
  bridge::bridge* streams = nullptr;  ///< has md:ticks of all shards
  std::shared_ptr<const actors::instrument_index> instruments;
  std::vector<market::timeframe> timeframes;
  feature_setup features;
  std::shared_ptr<actors::alert_bell> bell;
};

/// Rules and alerts as a gateway serves them. Looks a few times a second whether there are more
/// alerts, as they may be made by another node, and rings the bell.
class alert_service {
 public:
  [[nodiscard]] static result<std::unique_ptr<alert_service>> start(alert_service_options o);
  ~alert_service();
  alert_service(const alert_service&) = delete;
  alert_service& operator=(const alert_service&) = delete;

  [[nodiscard]] const std::shared_ptr<actors::alert_desk>& desk() const { return desk_; }
  /// For the routes, which must be gone when this is.
  [[nodiscard]] web::alert_sources sources() const;
  /// Ends the threads. Whoever asks must be gone: what was not begun is dropped.
  void stop();

 private:
  explicit alert_service(alert_service_options o) : options_(std::move(o)) {}
  void run();
  void look(store::alert_book& book);
  [[nodiscard]] result<web::bound_key> bind(const market::alert::rule_key& key) const;

  alert_service_options options_;
  std::shared_ptr<actors::alert_desk> desk_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool looking_ = false;  ///< the desk has a look to do
  bool stopping_ = false;
  std::optional<std::uint64_t> newest_;  ///< the desk's thread's
  std::thread clock_;
};

}  // namespace artham::app

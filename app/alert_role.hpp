#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "actors/alert/alert_evaluator.hpp"
#include "app/store_role.hpp"
#include "config/settings.hpp"
#include "feed/feed.hpp"
#include "runtime/metrics.hpp"
#include "store/alerts.hpp"
#include "web/hook/webhook_sender.hpp"

namespace artham::app {

/// Rules and alerts in the store of the settings, with a connection of its own.
[[nodiscard]] result<std::unique_ptr<store::alert_book>> open_alert_book(
    const config::settings& s, const std::filesystem::path& data);

/// What evaluates rules and sends webhooks is made of; what is pointed to outlives it.
struct alert_role_options {
  const config::settings* settings = nullptr;
  std::filesystem::path data;
  const feed::decoder* decoder = nullptr;
  runtime::metrics* metrics = nullptr;
  std::shared_ptr<actors::alert_bell> bell;
};

/// The threads that evaluation stores with, and the sender of webhooks, if there is a secret to
/// sign them with. Beside the store role.
class alert_role {
 public:
  [[nodiscard]] static result<std::unique_ptr<alert_role>> start(alert_role_options o);
  ~alert_role();
  alert_role(const alert_role&) = delete;
  alert_role& operator=(const alert_role&) = delete;

  /// An actor's configuration, for the streams of a shard. `owns` as its member.
  [[nodiscard]] actors::alert_evaluator_config evaluator(
      const stored_streams& s,
      std::function<bool(const market::alert::rule_key&, std::uint32_t token)> owns = {}) const;
  /// How far streams have been evaluated for good.
  [[nodiscard]] const actors::alert_board& board() const { return *board_; }
  /// Ends the threads, after the actors.
  void stop();

 private:
  explicit alert_role(alert_role_options o) : options_(std::move(o)) {}

  alert_role_options options_;
  std::shared_ptr<actors::alert_desk> desk_;
  std::shared_ptr<actors::alert_board> board_ = std::make_shared<actors::alert_board>();
  std::unique_ptr<web::webhook_sender> sender_;
  std::uint64_t place_ = 0;  ///< of the sender, at the bell
};

}  // namespace artham::app

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "messages/client.hpp"
#include "messages/protocol/auth.hpp"
#include "web/access/access_control.hpp"

namespace artham::web {

/// Who shows this at a path, if he has the scope that it needs.
[[nodiscard]] granted<identity> identify(access_control& access, std::string_view credential,
                                         const std::string& path, const std::string& address);

/// One WebSocket: who it is from, and the session behind it once that is known. Thread-safe.
class guarded_session final : public messages::session,
                              public access_control::visitor,
                              public std::enable_shared_from_this<guarded_session> {
 public:
  using opened = std::function<void(result<std::shared_ptr<messages::session>>)>;

  guarded_session(messages::gateway& inner, std::shared_ptr<access_control> access,
                  std::shared_ptr<messages::client> client, messages::opening how);

  /// As gateway::open.
  void begin(opened done);

  void on_command(std::string text) override;
  void on_binary_command(std::string bytes) override;
  void on_drained() override;
  void on_closed() override;
  void look() override;

 private:
  enum class stage : std::uint8_t { waiting, opening, open, ended };

  [[nodiscard]] granted<void> take_place(identity who);
  void open_inner(opened done);
  void authenticate(const protocol::auth_command& c);
  void answer_before(const std::string& text);
  void refuse(const std::string& id, const denial& d);
  void reply(std::string text);
  void end(protocol::close code, const std::string& reason);
  [[nodiscard]] std::shared_ptr<messages::session> inner_session();

  messages::gateway& inner_;
  std::shared_ptr<access_control> access_;
  messages::opening how_;
  std::string address_;
  std::string path_;
  std::chrono::steady_clock::time_point deadline_;

  std::mutex mutex_;
  std::shared_ptr<messages::client> client_;
  stage stage_ = stage::waiting;
  identity who_;
  std::shared_ptr<messages::session> session_;
  access_control::place place_;
};

}  // namespace artham::web

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace artham::actors {

/// Whether clients take what a replay pushes: what is on its way to them is counted, wherever it
/// waits. Thread-safe.
class replay_brake {
 public:
  /// Free as long as at most so many bytes are on their way.
  explicit replay_brake(std::size_t bytes_at_most);

  /// The same text, counted until nobody has it any more.
  [[nodiscard]] std::shared_ptr<const std::string> weigh(std::shared_ptr<const std::string> text);
  /// Not free until what is returned is gone: a client does not take everything at once.
  [[nodiscard]] std::shared_ptr<const void> hold();
  [[nodiscard]] bool is_free() const;
  /// Calls fn once, from any thread, or inside this call, when it is free. A later call before that
  /// replaces fn; none takes it back.
  void when_free(std::function<void()> fn);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace artham::actors

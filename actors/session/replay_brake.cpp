#include "actors/session/replay_brake.hpp"

#include <mutex>
#include <utility>

namespace artham::actors {

struct replay_brake::state {
  std::mutex mutex;
  std::size_t at_most = 0;
  std::size_t bytes = 0;
  std::size_t holds = 0;
  std::function<void()> waiting;

  [[nodiscard]] bool is_free() const { return bytes <= at_most && holds == 0; }

  /// Changes the counts and calls whoever waits for that.
  template <class Change>
  void lift(Change&& change) {
    std::function<void()> fn;
    {
      const std::lock_guard lock(mutex);
      change();
      if (is_free()) fn.swap(waiting);
    }
    if (fn) fn();
  }
};

replay_brake::replay_brake(std::size_t bytes_at_most) : state_(std::make_shared<state>()) {
  state_->at_most = bytes_at_most;
}

std::shared_ptr<const std::string> replay_brake::weigh(std::shared_ptr<const std::string> text) {
  const auto size = text->size();
  {
    const std::lock_guard lock(state_->mutex);
    state_->bytes += size;
  }
  const auto* const bytes = text.get();
  return {bytes, [s = state_, text = std::move(text), size](const std::string*) mutable {
            text.reset();
            s->lift([&] { s->bytes -= size; });
          }};
}

std::shared_ptr<const void> replay_brake::hold() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->holds;
  }
  return {state_.get(), [s = state_](const void*) { s->lift([&] { --s->holds; }); }};
}

bool replay_brake::is_free() const {
  const std::lock_guard lock(state_->mutex);
  return state_->is_free();
}

void replay_brake::when_free(std::function<void()> fn) {
  std::function<void()> before;
  {
    const std::lock_guard lock(state_->mutex);
    before = std::exchange(state_->waiting, nullptr);
    if (!fn || !state_->is_free()) {
      state_->waiting = std::move(fn);
      return;
    }
  }
  fn();
}

}  // namespace artham::actors

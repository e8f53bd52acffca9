#pragma once

#include <optional>
#include <string>
#include <vector>

#include "supervisors/nursery.hpp"

namespace artham::supervisors {

/// Known children in a known order. A crash may take a group with it: those from `group_->first` on
/// are stopped in reverse and, after the delay of the child that crashed, started in order.
class static_supervisor final : public nursery {
 public:
  static_supervisor(supervisor_self::base& self, supervisor_options options,
                    std::vector<messages::child_spec> children);

  void open() override;
  caf::result<caf::actor> start_child(messages::child_spec spec) override;
  caf::result<caf::ok_atom> stop_child(const std::string& id) override;

 protected:
  void on_ended(child& c, const caf::error& reason) override;
  void on_stopped(child& c) override;
  void on_delay_over(child& c) override;
  void continue_shutdown() override;
  [[nodiscard]] std::vector<const child*> shown() const override;

 private:
  struct group {
    std::size_t first;
    child* crashed;  ///< whose delay counts
    bool delay_over = false;
  };

  void start_from(std::size_t first);
  void start_group_when_down();
  /// Stops the last child at or after `first` that lives; true when none does.
  bool all_down_from(std::size_t first);
  [[nodiscard]] std::size_t position(const child& c) const;
  [[nodiscard]] bool in_group(const child& c) const {
    return group_ && position(c) >= group_->first;
  }

  std::vector<child*> order_;
  std::optional<group> group_;
  std::string duplicate_;
  restart_window window_;
};

}  // namespace artham::supervisors

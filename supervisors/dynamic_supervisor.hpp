#pragma once

#include <string>
#include <vector>

#include "supervisors/nursery.hpp"

namespace artham::supervisors {

/// Children by request, each on its own; everything is O(1) per event.
class dynamic_supervisor final : public nursery {
 public:
  dynamic_supervisor(supervisor_self::base& self, supervisor_options options);

  void open() override {}
  caf::result<caf::actor> start_child(messages::child_spec spec) override;
  caf::result<caf::ok_atom> stop_child(const std::string& id) override;

 protected:
  void on_ended(child& c, const caf::error& reason) override;
  void on_stopped(child& c) override;
  void on_delay_over(child& c) override;
  void continue_shutdown() override;
  [[nodiscard]] std::vector<const child*> shown() const override;

 private:
  /// True when that was one child too many: the supervisor is ending.
  bool escalates(child& c, const caf::error& reason);
  /// Forgets the child and answers who asked for it.
  void forget(child& c);

  runtime::counter* restarts_metric_ = nullptr;
  crash_share crashed_;
  bool told_all_ = false;  ///< on shutdown: that they are to end
};

}  // namespace artham::supervisors

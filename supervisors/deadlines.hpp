#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "supervisors/restart_policy.hpp"

namespace artham::supervisors {

/// Deadlines of named children. A child's ticket says which of its deadlines still counts, so that
/// one is cancelled by giving the child another ticket, or none.
class deadlines {
 public:
  using ticket = std::uint64_t;
  static constexpr ticket none = 0;

  ticket add(std::string child, time_point due) {
    heap_.push({due, ++last_, std::move(child)});
    return last_;
  }

  /// `ticket_of(child)` is the ticket that counts for it. Drops cancelled deadlines; the earliest
  /// of the others.
  template <class TicketOf>
  std::optional<time_point> next(const TicketOf& ticket_of) {
    while (!heap_.empty() && ticket_of(heap_.top().child) != heap_.top().id) heap_.pop();
    if (heap_.empty()) return std::nullopt;
    return heap_.top().due;
  }

  /// The child of the earliest deadline that counts and is due at `now`; it is taken out.
  template <class TicketOf>
  std::optional<std::string> take_due(time_point now, const TicketOf& ticket_of) {
    const auto due = next(ticket_of);
    if (!due || *due > now) return std::nullopt;
    auto child = heap_.top().child;
    heap_.pop();
    return child;
  }

 private:
  struct entry {
    time_point due;
    ticket id;
    std::string child;
    friend bool operator>(const entry& a, const entry& b) {
      return std::pair(a.due, a.id) > std::pair(b.due, b.id);
    }
  };
  std::priority_queue<entry, std::vector<entry>, std::greater<>> heap_;
  ticket last_ = none;
};

}  // namespace artham::supervisors

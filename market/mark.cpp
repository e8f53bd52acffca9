#include "market/mark.hpp"

namespace artham::market {

std::string_view to_string(gap_cause c) {
  switch (c) {
    case gap_cause::none:
      return "none";
    case gap_cause::disconnected:
      return "disconnected";
    case gap_cause::stalled:
      return "stalled";
    case gap_cause::restart:
      return "restart";
    case gap_cause::token_expired:
      return "token_expired";
    case gap_cause::rate_limited:
      return "rate_limited";
    case gap_cause::journal_damaged:
      return "journal_damaged";
    case gap_cause::disk_full:
      return "disk_full";
    case gap_cause::feed_error:
      return "feed_error";
  }
  return "unknown";
}

std::string_view to_string(mark_kind k) {
  switch (k) {
    case mark_kind::clock:
      return "clock";
    case mark_kind::gap:
      return "gap";
    case mark_kind::session:
      return "session";
    case mark_kind::subscription:
      return "subscription";
    case mark_kind::epoch:
      return "epoch";
    case mark_kind::config:
      return "config";
  }
  return "unknown";
}

}  // namespace artham::market

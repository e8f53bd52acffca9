#include "feed/feed.hpp"

namespace artham::feed {

std::string_view to_string(state s) {
  switch (s) {
    case state::stopped:
      return "stopped";
    case state::connecting:
      return "connecting";
    case state::live:
      return "live";
    case state::backing_off:
      return "backing_off";
    case state::rate_limited:
      return "rate_limited";
    case state::token_expired:
      return "token_expired";
  }
  return "unknown";
}

}  // namespace artham::feed

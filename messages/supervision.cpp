#include "messages/supervision.hpp"

namespace artham::messages {

const char* to_string(child_state s) {
  switch (s) {
    case child_state::starting:
      return "starting";
    case child_state::running:
      return "running";
    case child_state::backing_off:
      return "backing_off";
    case child_state::stopping:
      return "stopping";
    case child_state::failed:
      return "failed";
    case child_state::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace artham::messages

#include "messages/cluster.hpp"

namespace artham::messages {

const char* to_string(member_change c) {
  switch (c) {
    case member_change::joined:
      return "joined";
    case member_change::gone:
      return "gone";
    case member_change::back:
      return "back";
    case member_change::forgotten:
      return "forgotten";
  }
  return "unknown";
}

}  // namespace artham::messages

#include "app/build_info.hpp"

namespace artham::app {

std::string_view version() {
  return ARTHAM_VERSION;
}

}  // namespace artham::app

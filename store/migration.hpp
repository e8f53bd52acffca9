#pragma once

#include <string_view>

namespace artham::store {

/// One numbered file of a store's folder `migrations`.
struct migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

}  // namespace artham::store

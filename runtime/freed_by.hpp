#pragma once

namespace artham::runtime {

/// Deleter of a std::unique_ptr to what a C library frees with this function.
template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* x) const {
    Free(x);
  }
};

}  // namespace artham::runtime

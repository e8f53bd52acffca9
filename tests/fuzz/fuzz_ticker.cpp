// libFuzzer: commands of Kite clients.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/exercise_web.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's own name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  artham::fuzz::exercise_ticker({reinterpret_cast<const char*>(data), size});
  return 0;
}

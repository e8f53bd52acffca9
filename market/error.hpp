#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace artham {

/// What went wrong, coarse enough to decide by. `exit_code` maps it to the program's exit status.
enum class errc : std::uint8_t {
  bad_input = 1,  ///< a value that cannot be read or is out of its range
  usage,          ///< a command line, setting or configuration that makes no sense
  not_found,      ///< an instrument, file, stream or row that does not exist
  conflict,       ///< two things that exclude each other: a port in use, another recording
  full,           ///< a bounded queue or a disk has no room now
  unavailable,    ///< a dependency does not answer now; trying again may help
  refused,        ///< a dependency says no: trying again does not help
  io,             ///< the operating system failed a file or socket call
  corrupt,        ///< stored data fails its checksum or its rules
  unsupported,    ///< valid, but not offered here
};

/// An expected failure: a value, never thrown. The message names the input, the place and the way
/// out.
struct error {
  errc code;
  std::string message;

  friend bool operator==(const error&, const error&) = default;
};

template <class T>
using result = tl::expected<T, error>;

[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message)});
}

/// True when the same call may succeed later without anybody changing anything.
[[nodiscard]] constexpr bool is_transient(errc code) {
  return code == errc::full || code == errc::unavailable || code == errc::io;
}

/// 2 usage or configuration, 3 a dependency is unavailable, 4 data is corrupt.
[[nodiscard]] constexpr int exit_code(errc code) {
  switch (code) {
    case errc::unavailable:
    case errc::refused:
    case errc::full:
    case errc::io:
      return 3;
    case errc::corrupt:
      return 4;
    default:
      return 2;
  }
}

}  // namespace artham

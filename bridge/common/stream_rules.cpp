#include "bridge/common/stream_rules.hpp"

#include <algorithm>

namespace artham::bridge {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == ':' || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

result<void> check_stream_name(std::string_view stream) {
  if (stream.empty() || stream.size() > max_stream_name || stream.front() == '.' ||
      !std::ranges::all_of(stream, is_name_char)) {
    return fail(errc::bad_input, "stream name '" + std::string(stream.substr(0, max_stream_name)) +
                                     "': use 1 to 80 letters, digits and : . _ -, no dot in front");
  }
  return {};
}

bool is_source(std::string_view stream) {
  const auto source = record::ticks_stream();
  return stream.starts_with(source) &&
         (stream.size() == source.size() || stream[source.size()] == ':');
}

std::string source_of(std::string_view stream) {
  const auto last = stream.substr(stream.rfind(':') + 1);
  if (last.size() < stream.size() && !last.empty() && std::ranges::all_of(last, is_digit)) {
    return record::ticks_stream() + ':' + std::string(last);
  }
  return record::ticks_stream();
}

result<void> check_writer(std::string_view stream, std::uint32_t epoch, std::uint32_t last_epoch,
                          bool has_writer) {
  const auto name = "stream " + std::string(stream);
  if (has_writer) return fail(errc::conflict, name + " has a writer already: destroy it first");
  if (epoch == 0) return fail(errc::bad_input, name + ": epochs count from 1");
  if (epoch < last_epoch || (epoch == last_epoch && is_source(stream))) {
    return fail(errc::conflict, name + " has reached epoch " + std::to_string(last_epoch) +
                                    ": it cannot be written in epoch " + std::to_string(epoch));
  }
  return {};
}

}  // namespace artham::bridge

#include "messages/record/dead_letter_codec.hpp"

#include <algorithm>
#include <limits>

#include "messages/record/bytes.hpp"

namespace artham::record {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t fixed_size = 30;

tl::unexpected<error> corrupt(const std::string& what) {
  return fail(errc::corrupt, "dead letter: " + what);
}

}  // namespace

std::string_view to_string(letter_kind k) {
  switch (k) {
    case letter_kind::record:
      return "record";
    case letter_kind::actor:
      return "actor";
    case letter_kind::lifted:
      return "lifted";
  }
  return "unknown";
}

std::string_view to_string(letter_actor a) {
  return a == letter_actor::bar_builder ? "bar_builder" : "unknown";
}

void encode(std::string& out, const dead_letter& l) {
  const auto length =
      std::min<std::size_t>(l.text.size(), std::numeric_limits<std::uint16_t>::max());
  using bytes::put;
  put(out, version);
  put(out, static_cast<std::uint8_t>(l.what));
  put(out, static_cast<std::uint8_t>(l.actor));
  put(out, std::uint8_t{0});
  put(out, l.token);
  put(out, l.time);
  put(out, l.at.seq);
  put(out, l.at.epoch);
  put(out, static_cast<std::uint16_t>(length));
  out.append(l.text, 0, length);
}

result<dead_letter> decode_dead_letter(const header& h, std::string_view body) {
  if (h.kind != kind::dead_letter || h.count != 1) {
    return corrupt("a record of kind " + std::to_string(static_cast<int>(h.kind)) +
                   " stands where one should");
  }
  if (body.size() < fixed_size) {
    return corrupt("breaks off after " + std::to_string(body.size()) + " bytes");
  }
  bytes::taker in(body.data());
  if (const auto v = in.take<std::uint8_t>(); v != version) {
    return corrupt("layout " + std::to_string(v) + ", this version reads layout 1");
  }
  dead_letter l;
  l.cause = cause_of(h);
  const auto what = in.take<std::uint8_t>();
  const auto actor = in.take<std::uint8_t>();
  in.take<std::uint8_t>();
  l.what = static_cast<letter_kind>(what);
  l.actor = static_cast<letter_actor>(actor);
  if (what == 0 || l.what > record::letter_kind::lifted || l.actor != letter_actor::bar_builder) {
    return corrupt("unknown kind " + std::to_string(what) + " or actor " + std::to_string(actor) +
                   " (written by a newer version?)");
  }
  in.take(l.token);
  in.take(l.time);
  in.take(l.at.seq);
  in.take(l.at.epoch);
  const std::size_t length = in.take<std::uint16_t>();
  if (body.size() != fixed_size + length) {
    return corrupt("a text of " + std::to_string(length) + " bytes does not make " +
                   std::to_string(body.size()));
  }
  l.text = body.substr(fixed_size);
  return l;
}

}  // namespace artham::record

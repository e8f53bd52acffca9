#include "messages/record/bar_codec.hpp"

#include "messages/record/bytes.hpp"

namespace artham::record {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t body_size = 120;
constexpr std::uint8_t known_fields = market::bar::volume_known | market::bar::oi_known |
                                      market::bar::oi_change_known | market::bar::vwap_known;

}  // namespace

void encode(std::string& out, const market::bar& b) {
  using bytes::put;
  put(out, version);
  put(out, b.fields);
  put(out, b.flags);
  put(out, b.token);
  put(out, b.start);
  put(out, b.end);
  for (const auto p : {b.open, b.high, b.low, b.close}) {
    put(out, p.units);
  }
  put(out, b.volume);
  put(out, b.oi);
  put(out, b.oi_change);
  put(out, b.vwap.units);
  put(out, b.ticks);
  put(out, b.revision);
  for (const auto& p : {b.first, b.last}) {
    put(out, p.epoch);
    put(out, p.seq);
  }
}

result<bar_record> decode_bar(const header& h, std::string_view body) {
  if (h.kind != kind::bar || h.count != 1) {
    return fail(errc::corrupt, "a record of kind " + std::to_string(static_cast<int>(h.kind)) +
                                   " stands where a bar should");
  }
  if (body.size() != body_size || static_cast<std::uint8_t>(body[0]) != version) {
    return fail(errc::corrupt, "bar record of " + std::to_string(body.size()) +
                                   " bytes: this version reads layout 1 of 120 bytes");
  }
  bytes::taker in(body.data() + 1);
  bar_record r{cause_of(h), {}};
  market::bar& b = r.bar;
  in.take(b.fields);
  if ((b.fields & ~known_fields) != 0) {
    return fail(errc::corrupt, "bar record with unknown fields " + std::to_string(b.fields));
  }
  in.take(b.flags);
  in.take(b.token);
  in.take(b.start);
  in.take(b.end);
  for (auto* p : {&b.open, &b.high, &b.low, &b.close}) {
    in.take(p->units);
  }
  in.take(b.volume);
  in.take(b.oi);
  in.take(b.oi_change);
  in.take(b.vwap.units);
  in.take(b.ticks);
  in.take(b.revision);
  for (auto* p : {&b.first, &b.last}) {
    in.take(p->epoch);
    in.take(p->seq);
  }
  return r;
}

}  // namespace artham::record

#include "messages/record/feature_codec.hpp"

#include <bit>
#include <cmath>

#include "messages/record/bytes.hpp"

namespace artham::record {

namespace {

using market::feature::chain_row;
using market::feature::forward_source;
using market::feature::instrument_row;
using market::feature::option_row;
using market::option::side;
using market::option::state;

constexpr std::uint8_t version = 1;
constexpr std::size_t chain_size = 168;
constexpr std::size_t option_size = 152;
constexpr std::size_t instrument_size = 100;
constexpr std::uint8_t last_state = static_cast<std::uint8_t>(state::no_underlying);
constexpr std::uint8_t last_source = static_cast<std::uint8_t>(forward_source::spot);
constexpr std::size_t max_name = 255;
constexpr std::uint16_t chain_fields = 2047;
constexpr std::uint16_t option_fields = 511;
constexpr std::uint16_t instrument_fields = 255;

struct writer {
  std::string& out;
  template <class T>
  void operator()(T v) {
    if constexpr (std::is_same_v<T, double>) {
      bytes::put(out, std::bit_cast<std::uint64_t>(v));
    } else {
      bytes::put(out, v);
    }
  }
};

struct taker {
  bytes::taker in;
  bool finite = true;
  template <class T>
  void operator()(T& v) {
    if constexpr (std::is_same_v<T, double>) {
      v = std::bit_cast<double>(in.take<std::uint64_t>());
      finite = finite && std::isfinite(v);
    } else {
      in.take(v);
    }
  }
};

// The order of the numbers in a body; the same for both ways.

template <class Io, class Row>
void each_number(Io& io, Row& c, const chain_row*) {
  io(c.at);
  io(c.age);
  io(c.years);
  io(c.forward);
  io(c.atm_strike.units);
  io(c.atm_iv);
  io(c.straddle);
  io(c.risk_reversal);
  io(c.butterfly);
  io(c.pcr_oi);
  io(c.pcr_volume);
  io(c.max_pain.units);
  io(c.gex);
  io(c.call_oi);
  io(c.put_oi);
  io(c.call_oi_change);
  io(c.put_oi_change);
  io(c.call_volume);
  io(c.put_volume);
}

template <class Io, class Row>
void each_number(Io& io, Row& o, const option_row*) {
  io(o.strike.units);
  io(o.used.units);
  io(o.bid.units);
  io(o.ask.units);
  io(o.last.units);
  io(o.volume);
  io(o.oi);
  io(o.oi_change);
  io(o.age);
  io(o.iv);
  io(o.delta);
  io(o.gamma);
  io(o.theta);
  io(o.vega);
  io(o.rho);
  io(o.theory);
  io(o.intrinsic);
  io(o.moneyness);
}

template <class Io, class Row>
void each_number(Io& io, Row& r, const instrument_row*) {
  io(r.token);
  io(r.cause.epoch);
  io(r.cause.seq);
  io(r.mark);
  io(r.last.units);
  io(r.price_change.units);
  io(r.volume_change);
  io(r.oi_change);
  io(r.spread.units);
  io(r.microprice.units);
  io(r.depth_imbalance);
  io(r.rolling_return);
  io(r.volatility);
}

tl::unexpected<error> corrupt(std::string_view what, std::string_view why) {
  return fail(errc::corrupt, std::string(what) + " record " + std::string(why));
}

result<option_row> take_option(taker& io) {
  option_row o;
  std::int8_t type = 0;
  std::uint8_t is = 0;
  io(o.token);
  io(type);
  io(is);
  io(o.fields);
  each_number(io, o, &o);
  if (type != 1 && type != -1) return corrupt("chain", "with an option of no type");
  if (is > last_state || o.fields > option_fields)
    return corrupt("chain", "with an option of an unknown state or field");
  o.type = static_cast<side>(type);
  o.is = static_cast<state>(is);
  return o;
}

result<feature_record> take_chain(const header& h, std::string_view body) {
  if (body.size() < chain_size || static_cast<std::uint8_t>(body[0]) != version)
    return corrupt("chain", "of another layout than 1");
  feature_record r{cause_of(h), chain_row{}};
  auto& c = std::get<chain_row>(r.row);
  taker io{bytes::taker(body.data() + 1)};
  std::uint8_t is = 0;
  std::uint8_t source = 0;
  std::uint8_t name_size = 0;
  std::uint16_t count = 0;
  io(is);
  io(source);
  io(name_size);
  io(c.fields);
  io(count);
  io(c.expiry.days);
  io(c.valued);
  each_number(io, c, &c);
  if (is > last_state || source > last_source || c.fields > chain_fields)
    return corrupt("chain", "with an unknown state or field");
  c.is = static_cast<state>(is);
  c.source = static_cast<forward_source>(source);
  if (body.size() != chain_size + name_size + std::size_t{count} * option_size) {
    return corrupt("chain", "of " + std::to_string(body.size()) + " bytes that should have " +
                                std::to_string(count) + " options");
  }
  c.underlying.resize(name_size);
  io.in.take(c.underlying.data(), name_size);
  c.options.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    auto o = take_option(io);
    if (!o) return tl::unexpected(o.error());
    c.options.push_back(*o);
  }
  if (!io.finite) return corrupt("chain", "with a number that is none");
  return r;
}

result<feature_record> take_instrument(const header& h, std::string_view body) {
  if (body.size() != instrument_size || static_cast<std::uint8_t>(body[0]) != version)
    return corrupt("instrument feature", "of another layout than 1 of 100 bytes");
  feature_record r{cause_of(h), instrument_row{}};
  auto& row = std::get<instrument_row>(r.row);
  taker io{bytes::taker(body.data() + 1)};
  std::uint8_t reserved = 0;
  io(reserved);
  io(row.fields);
  each_number(io, row, &row);
  if (row.fields > instrument_fields) return corrupt("instrument feature", "with unknown fields");
  if (!io.finite) return corrupt("instrument feature", "with a number that is none");
  return r;
}

}  // namespace

void encode(std::string& out, const chain_row& c) {
  writer io{out};
  const auto name = std::string_view(c.underlying).substr(0, max_name);
  io(version);
  io(static_cast<std::uint8_t>(c.is));
  io(static_cast<std::uint8_t>(c.source));
  io(static_cast<std::uint8_t>(name.size()));
  io(c.fields);
  io(static_cast<std::uint16_t>(c.options.size()));
  io(c.expiry.days);
  io(c.valued);
  each_number(io, c, &c);
  out += name;
  for (const auto& o : c.options) {
    io(o.token);
    io(static_cast<std::int8_t>(o.type));
    io(static_cast<std::uint8_t>(o.is));
    io(o.fields);
    each_number(io, o, &o);
  }
}

void encode(std::string& out, const instrument_row& r) {
  writer io{out};
  io(version);
  io(std::uint8_t{0});
  io(r.fields);
  each_number(io, r, &r);
}

result<feature_record> decode_feature(const header& h, std::string_view body) {
  if (h.count == 1 && h.kind == kind::chain) return take_chain(h, body);
  if (h.count == 1 && h.kind == kind::instrument_feature) return take_instrument(h, body);
  return fail(errc::corrupt, "a record of kind " + std::to_string(static_cast<int>(h.kind)) +
                                 " stands where a feature should");
}

}  // namespace artham::record

#include "bridge/redis/record_fields.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "bridge/redis/digits.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/dead_letter_codec.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::bridge::redis {
namespace {

using record::kind;

struct kind_name {
  record::kind kind;
  std::string_view name;
};
constexpr std::array kind_names{
    kind_name{kind::kite_frame, "kite_frame"},
    kind_name{kind::packed_ticks, "packed_ticks"},
    kind_name{kind::mark, "mark"},
    kind_name{kind::bar, "bar"},
    kind_name{kind::dead_letter, "dead_letter"},
    kind_name{kind::chain, "chain"},
    kind_name{kind::instrument_feature, "instrument_feature"},
    kind_name{kind::elsewhere, "elsewhere"},
};

std::string name_of(kind k) {
  for (const auto& n : kind_names) {
    if (n.kind == k) return std::string(n.name);
  }
  return std::to_string(static_cast<int>(k));
}

std::optional<kind> kind_of(std::string_view name) {
  for (const auto& n : kind_names) {
    if (n.name == name) return n.kind;
  }
  return std::nullopt;
}

/// Of a Kite frame: u16 packets, and each u16 size, u32 token, big-endian.
void append_frame_tokens(std::vector<std::uint32_t>& tokens, std::string_view body) {
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint32_t v = 0;
    for (std::size_t i = 0; i < bytes; ++i) v = v << 8U | static_cast<unsigned char>(body[at + i]);
    return v;
  };
  if (body.size() < 2) return;
  std::size_t at = 2;
  for (auto left = number(0, 2); left != 0 && body.size() - at >= 6; --left) {
    tokens.push_back(number(at + 2, 4));
    const auto size = 2 + std::size_t{number(at, 2)};
    if (size > body.size() - at) return;
    at += size;
  }
}

std::string tokens_of(const record::header& h, std::string_view body) {
  std::vector<std::uint32_t> tokens;
  switch (h.kind) {
    case kind::kite_frame:
      append_frame_tokens(tokens, body);
      break;
    case kind::packed_ticks: {
      std::vector<market::bar_input> ticks;
      if (record::decode_ticks({1, 1}, body, ticks)) {
        for (const auto& t : ticks) tokens.push_back(t.token);
      }
      break;
    }
    case kind::bar:
      if (const auto b = record::decode_bar(h, body)) tokens.push_back(b->bar.token);
      break;
    case kind::dead_letter:
      if (const auto l = record::decode_dead_letter(h, body)) tokens.push_back(l->token);
      break;
    default:
      break;
  }
  std::string text;
  for (const auto t : tokens) {
    if (!text.empty()) text += ' ';
    text += std::to_string(t);
  }
  return text;
}

}  // namespace

void append_record_fields(entry_fields& out, numbering n, std::string_view payload) {
  std::size_t number = 0;
  for (std::size_t at = 0; at != payload.size();) {
    record::header h;
    std::memcpy(&h, payload.data() + at, record::header_size);
    const auto body = payload.substr(at + record::header_size, h.size);
    at += record::header_size + h.size;
    const auto suffix = ++number == 1 ? std::string() : "." + std::to_string(number);
    const auto put = [&](std::string_view name, std::string value) {
      out.push_back(std::string(name) + suffix);
      out.push_back(std::move(value));
    };
    put("kind", name_of(h.kind));
    put("count", std::to_string(h.count));
    put("flags", std::to_string(h.flags));
    if (n == numbering::ticks) {
      put("receive", std::to_string(record::receive_time(h)));
      put("wall", std::to_string(record::wall_time(h)));
    } else {
      const auto c = record::cause_of(h);
      put("cause", id_text(c.at));
      put("ordinal", std::to_string(c.ordinal));
    }
    if (auto tokens = tokens_of(h, body); !tokens.empty()) put("tokens", std::move(tokens));
    put("body", std::string(body));
  }
}

result<std::string> read_record_fields(numbering n, reply_view fields, std::size_t from) {
  std::string payload;
  record::header h;
  const auto wrong = [](std::string_view name) {
    return fail(errc::corrupt, "field " + std::string(name.substr(0, 20)) + " is wrong");
  };
  for (auto i = from; i + 1 < fields.size(); i += 2) {
    const auto name = fields[i].text();
    const auto value = fields[i + 1].text();
    const auto base = name.substr(0, name.find('.'));
    bool good = true;
    const auto take = [&]<class T, class To>(std::optional<T> v, To& into) {
      good = v.has_value();
      if (v) into = static_cast<To>(*v);
    };
    if (base == "kind") {
      h = {};
      take(kind_of(value), h.kind);
    } else if (base == "count") {
      take(parse_digits<std::uint16_t>(value), h.count);
    } else if (base == "flags") {
      take(parse_digits<std::uint8_t>(value), h.flags);
    } else if (base == "receive" && n == numbering::ticks) {
      take(parse_digits<std::int64_t>(value), h.a);
    } else if (base == "wall" && n == numbering::ticks) {
      take(parse_digits<std::int64_t>(value), h.b);
    } else if (base == "cause" && n != numbering::ticks) {
      const auto id = parse_entry_id(value);
      good = id && id->ms <= std::numeric_limits<std::uint32_t>::max();
      if (good) {
        h.a = id->seq;
        h.b = id->ms << 32U;
      }
    } else if (base == "ordinal" && n != numbering::ticks) {
      const auto ordinal = parse_digits<std::uint32_t>(value);
      good = ordinal.has_value();
      if (good) h.b |= *ordinal;
    } else if (base == "body") {
      record::append(payload, h, value);
    }
    if (!good) return wrong(name);
  }
  return payload;
}

}  // namespace artham::bridge::redis

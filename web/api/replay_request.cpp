#include "web/api/replay_request.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include <nlohmann/json.hpp>

namespace artham::web {

namespace {

using nlohmann::json;

constexpr double slowest = 0.1;
constexpr double fastest = 10'000;
constexpr double thousandths = 1000;

tl::unexpected<error> wrong(std::string message) {
  return fail(errc::bad_input, std::move(message));
}

/// An object with no members but these.
result<json> read_object(std::string_view body, std::string_view example,
                         std::initializer_list<std::string_view> known) {
  auto j = json::parse(body, nullptr, false);
  if (!j.is_object()) return wrong("the body is a JSON object such as " + std::string(example));
  for (const auto& [name, value] : j.items()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string offered;
    for (const auto k : known) offered += " " + std::string(k);
    return wrong("\"" + name.substr(0, 50) + "\" is no member here; there are:" + offered);
  }
  return j;
}

/// RFC 3339, or integer microseconds.
result<market::timestamp> time_of(const json& j, const std::string& name) {
  const auto it = j.find(name);
  if (it == j.end()) return wrong("\"" + name + "\" is missing: RFC 3339, or microseconds");
  if (it->is_number_integer()) {
    const auto us = it->get<std::int64_t>();
    const bool fits = !(it->is_number_unsigned() && it->get<std::uint64_t>() > INT64_MAX) &&
                      us >= 0 && us <= market::never / market::microsecond;
    if (fits) return us * market::microsecond;
  } else if (it->is_string()) {
    if (auto t = market::parse_rfc3339(it->get_ref<const std::string&>())) return t;
  }
  return wrong("\"" + name +
               "\" is a time, RFC 3339 as \"2026-11-20T09:15:00+05:30\", or integer "
               "microseconds since 1970 UTC");
}

result<std::uint32_t> speed_of(const json& j) {
  if (j.is_string() && j == "max") return 0U;
  if (j.is_number()) {
    const auto x = j.get<double>();
    if (x >= slowest && x <= fastest)
      return static_cast<std::uint32_t>(std::lround(x * thousandths));
  }
  return wrong("\"speed\" is a number from 0.1 to 10000, 1 being the speed of life, or \"max\"");
}

result<replay_order> read_step(const json& j, replay_order o) {
  o.by = replay_order::stretch::clock;
  const auto by = j.find("by");
  const bool bar = by != j.end() && *by == "bar";
  if (by != j.end() && *by == "tick") {
    o.by = replay_order::stretch::tick;
  } else if (bar) {
    o.by = replay_order::stretch::bar;
  } else if (by != j.end() && *by != "clock") {
    return wrong("\"by\" is \"tick\", \"clock\" or \"bar\"");
  }
  const auto tf = j.find("timeframe");
  if (bar != (tf != j.end()))
    return wrong("a step by a bar, and no other, has a \"timeframe\", such as \"1m\"");
  if (!bar) return o;
  if (!tf->is_string()) return wrong("\"timeframe\" is a text such as \"1m\"");
  auto parsed = market::parse_timeframe(tf->get_ref<const std::string&>());
  if (!parsed) return wrong("timeframe: " + parsed.error().message);
  o.timeframe = *parsed;
  return o;
}

}  // namespace

result<replay_wish> read_replay_wish(std::string_view body) {
  const auto j = read_object(
      body, R"({"from":"2026-11-20T09:15:00+05:30","to":"2026-11-20T15:30:00+05:30","speed":10})",
      {"from", "to", "speed", "paused"});
  if (!j) return tl::unexpected(j.error());
  replay_wish w;
  const auto from = time_of(*j, "from");
  if (!from) return tl::unexpected(from.error());
  const auto to = time_of(*j, "to");
  if (!to) return tl::unexpected(to.error());
  if (*from >= *to) return wrong("\"from\" is before \"to\"");
  w.from = *from;
  w.to = *to;
  if (const auto speed = j->find("speed"); speed != j->end()) {
    const auto s = speed_of(*speed);
    if (!s) return tl::unexpected(s.error());
    w.speed = *s;
  }
  if (const auto paused = j->find("paused"); paused != j->end()) {
    if (!paused->is_boolean()) return wrong("\"paused\" is true or false");
    w.paused = paused->get<bool>();
  }
  return w;
}

result<replay_order> read_replay_order(std::string_view body) {
  using op = replay_order::op;
  const auto j = read_object(body, R"({"op":"pause"})", {"op", "speed", "to", "by", "timeframe"});
  if (!j) return tl::unexpected(j.error());
  const auto word = j->value("op", json());
  replay_order o;
  if (word == "pause") {
    o.what = op::pause;
  } else if (word == "resume") {
    o.what = op::resume;
  } else if (word == "step") {
    o.what = op::step;
  } else if (word == "seek") {
    o.what = op::seek;
  } else if (word == "speed") {
    o.what = op::speed;
  } else if (word == "stop") {
    o.what = op::stop;
  } else {
    return wrong("\"op\" is \"pause\", \"resume\", \"step\", \"seek\", \"speed\" or \"stop\"");
  }
  const auto only_with = [&](const char* member, op its) -> result<void> {
    if (!j->contains(member) || o.what == its) return {};
    return wrong("\"" + std::string(member) + "\" is of another op");
  };
  for (const auto& [member, its] : {std::pair{"speed", op::speed},
                                    {"to", op::seek},
                                    {"by", op::step},
                                    {"timeframe", op::step}}) {
    if (auto ok = only_with(member, its); !ok) return tl::unexpected(ok.error());
  }
  if (o.what == op::step) return read_step(*j, o);
  if (o.what == op::seek) {
    const auto to = time_of(*j, "to");
    if (!to) return tl::unexpected(to.error());
    o.to = *to;
  }
  if (o.what == op::speed) {
    const auto s = speed_of(j->value("speed", json()));
    if (!s) return tl::unexpected(s.error());
    o.speed = *s;
  }
  return o;
}

}  // namespace artham::web

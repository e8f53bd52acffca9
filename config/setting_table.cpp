#include "config/setting_table.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <numeric>

#include "config/database_url.hpp"
#include "config/redis_url.hpp"
#include "market/formula/formula.hpp"

namespace artham::config {

namespace {

using form = written_value::form;
using market::duration;
using market::duration_text;

constexpr std::int64_t kib = 1 << 10;
constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t gib = 1 << 30;

tl::unexpected<error> refuse(const std::string& expected, const written_value& v) {
  const auto got = v.written == form::other ? std::string("something else") : "'" + v.text + "'";
  return fail(errc::usage, "must be " + expected + ", not " + got);
}

bool is_textual(const written_value& v) {
  return v.written == form::plain || v.written == form::text;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr std::string_view hex = "0123456789abcdef";
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[c & 0xf];
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string in_brackets(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() == 1 ? "" : ", ") + in_quotes(item);
  return out + "]";
}

/// The items of a list, of a comma separated text, or nothing for an empty text.
std::vector<std::string> items_of(const written_value& v) {
  if (v.written == form::list) return v.items;
  std::vector<std::string> items;
  std::size_t at = 0;
  while (at < v.text.size()) {
    const auto end = std::min(v.text.find(',', at), v.text.size());
    auto item = v.text.substr(at, end - at);
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    items.push_back(std::move(item));
    at = end + 1;
  }
  return items;
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number value{};
  const auto end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return value;
}

template <class Field>
setting integer(std::string_view key, Field field, std::int64_t min, std::int64_t max,
                setting_kind kind = setting_kind::ordinary) {
  return {key, kind,
          [=](settings& s, const written_value& v) -> result<void> {
            const auto parsed = v.written == form::plain || v.written == form::integer
                                    ? whole<std::int64_t>(v.text)
                                    : std::nullopt;
            if (!parsed || *parsed < min || *parsed > max) {
              return refuse(
                  "a whole number from " + std::to_string(min) + " to " + std::to_string(max), v);
            }
            auto& target = field(s);
            target = static_cast<std::remove_reference_t<decltype(target)>>(*parsed);
            return {};
          },
          [=](const settings& s) { return std::to_string(field(s)); }};
}

template <class Field>
setting boolean(std::string_view key, Field field, setting_kind kind = setting_kind::ordinary) {
  return {key, kind,
          [=](settings& s, const written_value& v) -> result<void> {
            const bool typed = v.written == form::plain || v.written == form::boolean;
            if (!typed || (v.text != "true" && v.text != "false")) {
              return refuse("true or false", v);
            }
            field(s) = v.text == "true";
            return {};
          },
          [=](const settings& s) { return std::string(field(s) ? "true" : "false"); }};
}

template <class Field>
setting time_span(std::string_view key, Field field, duration min, duration max,
                  setting_kind kind = setting_kind::ordinary) {
  return {key, kind,
          [=](settings& s, const written_value& v) -> result<void> {
            const auto parsed = market::parse_duration(is_textual(v) ? v.text : "");
            if (!parsed || *parsed < min || *parsed > max) {
              return refuse("a duration from " + in_quotes(duration_text(min)) + " to " +
                                in_quotes(duration_text(max)),
                            v);
            }
            field(s) = *parsed;
            return {};
          },
          [=](const settings& s) { return in_quotes(duration_text(field(s))); }};
}

/// A duration, or `zero` for 0.
template <class Field>
setting span_or(std::string_view key, Field field, duration min, duration max,
                std::string_view zero) {
  auto made = time_span(key, field, min, max);
  made.set = [=, set = made.set](settings& s, const written_value& v) -> result<void> {
    if (!is_textual(v) || v.text != zero) {
      auto done = set(s, v);
      if (!done) done.error().message += " (or " + in_quotes(zero) + ")";
      return done;
    }
    field(s) = 0;
    return {};
  };
  made.print = [=, print = made.print](const settings& s) {
    return field(s) == 0 ? in_quotes(zero) : print(s);
  };
  return made;
}

struct byte_unit {
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array<byte_unit, 4> byte_units{{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}}};

std::optional<std::int64_t> parse_bytes(std::string_view text) {
  for (const auto& [name, bytes] : byte_units) {
    if (!text.ends_with(name)) continue;
    const auto count = whole<std::int64_t>(text.substr(0, text.size() - name.size()));
    if (!count || *count < 0 || *count > std::numeric_limits<std::int64_t>::max() / bytes) {
      return std::nullopt;
    }
    return *count * bytes;
  }
  return whole<std::int64_t>(text);
}

std::string bytes_text(std::int64_t value) {
  for (const auto& [name, bytes] : byte_units) {
    if (value % bytes == 0) return std::to_string(value / bytes) + std::string(name);
  }
  return std::to_string(value);
}

template <class Field>
setting size(std::string_view key, Field field, std::int64_t min, std::int64_t max) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            const auto parsed =
                is_textual(v) || v.written == form::integer ? parse_bytes(v.text) : std::nullopt;
            if (!parsed || *parsed < min || *parsed > max) {
              return refuse(
                  "a size from " + in_quotes(bytes_text(min)) + " to " + in_quotes(bytes_text(max)),
                  v);
            }
            field(s) = *parsed;
            return {};
          },
          [=](const settings& s) { return in_quotes(bytes_text(field(s))); }};
}

template <class Field, class Accepts>
setting text(std::string_view key, Field field, std::string_view expected, Accepts accepts) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (!is_textual(v) || !accepts(v.text)) return refuse(std::string(expected), v);
            field(s) = v.text;
            return {};
          },
          [=](const settings& s) { return in_quotes(field(s)); }};
}

/// Where a database is. What is refused is not shown: it may hold a password.
template <class Field>
setting postgres_url(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (is_textual(v) && has_password(v.text)) {
              return fail(
                  errc::usage,
                  "must not have a password in it; put that into store.postgres.password of "
                  "a file with mode 0600, or into ARTHAM_STORE__POSTGRES__PASSWORD, "
                  "PGPASSWORD or ~/.pgpass");
            }
            if (!is_textual(v) || !is_database_url(v.text)) {
              return fail(errc::usage,
                          "must be a URL such as postgresql://user@host:5432/database, or empty");
            }
            field(s) = v.text;
            return {};
          },
          [=](const settings& s) { return in_quotes(field(s)); }};
}

template <class Field>
setting redis_url(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (!is_textual(v) || (!v.text.empty() && !parse_redis_url(v.text))) {
              return fail(errc::usage,
                          "must be empty, redis://user@host:6379/0 or unix:///path/to/redis.sock, "
                          "without a password: that is bridge.redis.password");
            }
            field(s) = v.text;
            return {};
          },
          [=](const settings& s) { return in_quotes(field(s)); }};
}

template <class Value>
using names = std::vector<std::pair<std::string_view, Value>>;

template <class Field, class Value>
setting choice(std::string_view key, Field field, names<Value> values,
               setting_kind kind = setting_kind::ordinary) {
  return {key, kind,
          [=](settings& s, const written_value& v) -> result<void> {
            std::string known;
            for (const auto& [name, value] : values) {
              if (is_textual(v) && v.text == name) {
                field(s) = value;
                return {};
              }
              known += (known.empty() ? "" : ", ") + in_quotes(name);
            }
            return refuse(values.size() == 1 ? known : "one of " + known, v);
          },
          [=](const settings& s) {
            for (const auto& [name, value] : values) {
              if (field(s) == value) return in_quotes(name);
            }
            return in_quotes("");
          }};
}

template <class Field>
setting secret_text(std::string_view key, Field field) {
  return {key, setting_kind::secret,
          [=](settings& s, const written_value& v) -> result<void> {
            if (!is_textual(v)) return fail(errc::usage, "must be a text");
            field(s) = secret(v.text);
            return {};
          },
          [=](const settings& s) {
            return std::string(field(s).empty() ? "(not set)" : "(set, not shown)");
          }};
}

template <class Field>
setting secret_texts(std::string_view key, Field field) {
  return {key, setting_kind::secret,
          [=](settings& s, const written_value& v) -> result<void> {
            if (v.written != form::plain && v.written != form::list)
              return fail(errc::usage, "must be a list of texts");
            field(s).clear();
            for (auto& item : items_of(v)) field(s).emplace_back(std::move(item));
            return {};
          },
          [=](const settings& s) {
            return std::string(field(s).empty() ? "(not set)" : "(set, not shown)");
          }};
}

template <class Field>
setting timeframes(std::string_view key, Field field) {
  return {key, setting_kind::decides_data,
          [=](settings& s, const written_value& v) -> result<void> {
            if (!is_textual(v) && v.written != form::list) {
              return refuse("timeframes such as \"1m 5m 1h 1D 100t\"", v);
            }
            auto parsed = market::parse_timeframes(v.text);
            if (!parsed) return fail(errc::usage, "is refused: " + parsed.error().message);
            field(s) = *std::move(parsed);
            return {};
          },
          [=](const settings& s) {
            std::string joined;
            for (const auto tf : field(s)) {
              joined += (joined.empty() ? "" : " ") + market::to_string(tf);
            }
            return in_quotes(joined);
          }};
}

/// A continuous yearly rate.
template <class Field>
setting yearly_rate(std::string_view key, Field field) {
  return {
      key, setting_kind::decides_data,
      [=](settings& s, const written_value& v) -> result<void> {
        const bool typed = is_textual(v) || v.written == form::integer || v.written == form::number;
        const auto parsed = typed ? whole<double>(v.text) : std::nullopt;
        if (!parsed || !(*parsed >= -1) || !(*parsed <= 1))
          return refuse("a yearly rate from -1 to 1 such as 0.065", v);
        field(s) = *parsed;
        return {};
      },
      [=](const settings& s) {
        std::array<char, 32> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), field(s)).ptr;
        return in_quotes(std::string_view(digits.data(), end));
      }};
}

template <class Field>
setting forward_sources(std::string_view key, Field field) {
  return {
      key, setting_kind::decides_data,
      [=](settings& s, const written_value& v) -> result<void> {
        auto parsed = market::feature::parse_sources(is_textual(v) ? v.text : "");
        if (!parsed) return tl::unexpected(parsed.error());
        field(s) = *parsed;
        return {};
      },
      [=](const settings& s) { return in_quotes(market::feature::write_sources(field(s), " ")); }};
}

template <class Field>
setting rules_of_underlyings(std::string_view key, Field field) {
  return {key, setting_kind::decides_data,
          [=](settings& s, const written_value& v) -> result<void> {
            auto items = items_of(v);
            if (v.written != form::plain && v.written != form::list)
              return refuse("a list such as [\"NIFTY rate=0.065\"]", v);
            for (const auto& item : items) {
              if (auto parsed = market::feature::parse_chain_rules(item, {}); !parsed)
                return tl::unexpected(parsed.error());
            }
            field(s) = std::move(items);
            return {};
          },
          [=](const settings& s) { return in_brackets(field(s)); }};
}

bool is_instrument_key(std::string_view item) {
  const auto colon = item.find(':');
  if (colon == std::string_view::npos) return whole<std::uint32_t>(item).has_value();
  return colon > 0 && colon + 1 < item.size();
}

template <class Field>
setting instrument_keys(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            auto items = items_of(v);
            const bool typed = v.written == form::plain || v.written == form::list;
            if (!typed || !std::all_of(items.begin(), items.end(), is_instrument_key)) {
              return refuse("a list of keys such as \"NSE:INFY\" or instrument tokens", v);
            }
            field(s) = std::move(items);
            return {};
          },
          [=](const settings& s) { return in_brackets(field(s)); }};
}

bool is_api_key(std::string_view item) {
  return !item.empty() && item.size() <= 64 && std::ranges::all_of(item, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

template <class Field>
setting api_keys(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            auto items = items_of(v);
            const bool typed = v.written == form::plain || v.written == form::list;
            if (!typed || !std::ranges::all_of(items, is_api_key)) {
              return refuse("a list of API keys: letters, digits, _ and -", v);
            }
            field(s) = std::move(items);
            return {};
          },
          [=](const settings& s) { return in_brackets(field(s)); }};
}

template <class Field>
setting formulas(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (v.written != form::plain && v.written != form::list)
              return refuse("a list such as [\"PAIR = 0.5 * NSE:INFY + 0.3 * NSE:TCS\"]", v);
            auto items =
                v.written == form::list ? v.items : market::formula::split_formulas(v.text);
            if (auto parsed = market::formula::parse_formulas(items); !parsed)
              return fail(errc::usage, "is refused: " + parsed.error().message);
            field(s) = std::move(items);
            return {};
          },
          [=](const settings& s) { return in_brackets(field(s)); }};
}

/// A factor above 0, or `max` for 0.
template <class Field>
setting speed(std::string_view key, Field field) {
  constexpr double fastest = 1e6;
  return {
      key, setting_kind::ordinary,
      [=](settings& s, const written_value& v) -> result<void> {
        const bool typed = is_textual(v) || v.written == form::integer || v.written == form::number;
        if (typed && v.text == "max") {
          field(s) = 0;
          return {};
        }
        const auto parsed = typed ? whole<double>(v.text) : std::nullopt;
        if (!parsed || !(*parsed > 0) || *parsed > fastest) {
          return refuse("a factor above 0, such as \"1\" or \"10\", or \"max\"", v);
        }
        field(s) = *parsed;
        return {};
      },
      [=](const settings& s) {
        if (field(s) == 0) return in_quotes("max");
        std::array<char, 32> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), field(s)).ptr;
        return in_quotes(std::string_view(digits.data(), end));
      }};
}

bool any_text(std::string_view) {
  return true;
}
bool is_not_empty(std::string_view value) {
  return !value.empty();
}

template <const std::string_view&... Schemes>
bool is_url(std::string_view value) {
  return value.empty() || ((value.starts_with(Schemes) && value.size() > Schemes.size()) || ...);
}
constexpr std::string_view ws = "ws://";
constexpr std::string_view wss = "wss://";
constexpr std::string_view http = "http://";
constexpr std::string_view https = "https://";

bool is_address(const std::string& value) {
  std::array<unsigned char, sizeof(in6_addr)> parsed;
  return inet_pton(AF_INET, value.c_str(), parsed.data()) == 1 ||
         inet_pton(AF_INET6, value.c_str(), parsed.data()) == 1;
}

bool is_anything(std::string_view) {
  return true;
}

/// Of a cluster or a node.
bool is_name(std::string_view value) {
  return !value.empty() && value.size() <= 40 && std::ranges::all_of(value, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

const names<role>& role_names() {
  static const names<role> all{{"ingest", role::ingest},
                               {"bars", role::bars},
                               {"features", role::features},
                               {"store", role::store},
                               {"gateway", role::gateway}};
  return all;
}

template <class Field>
setting roles(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (v.written != form::plain && v.written != form::list)
              return refuse("a list such as [\"bars\", \"features\"]", v);
            std::vector<role> parsed;
            for (const auto& item : items_of(v)) {
              const auto found =
                  std::ranges::find(role_names(), item, &std::pair<std::string_view, role>::first);
              if (found == role_names().end()) {
                return fail(
                    errc::usage,
                    "has '" + item + "'; the roles are ingest, bars, features, store, gateway");
              }
              if (std::ranges::count(parsed, found->second) == 0) parsed.push_back(found->second);
            }
            std::ranges::sort(parsed);
            field(s) = std::move(parsed);
            return {};
          },
          [=](const settings& s) {
            std::vector<std::string> items;
            for (const auto r : field(s))
              items.emplace_back(role_names()[static_cast<std::size_t>(r)].first);
            return in_brackets(items);
          }};
}

/// An origin as browsers write it: scheme, host and perhaps a port, nothing behind.
bool is_origin(std::string_view value) {
  if (!is_url<http, https>(value) || value.empty()) return false;
  const auto host = value.substr(value.find("://") + 3);
  return host.find_first_of("/?#@*, ") == std::string_view::npos;
}

bool is_host(std::string_view value) {
  return !value.empty() && value.find_first_of("/?#@*, ") == std::string_view::npos;
}

/// Several texts. `example` is a list, `otherwise` what an item is that is not `good`.
template <class Field>
setting texts(std::string_view key, Field field, std::string_view example,
              std::string_view otherwise, bool (*good)(std::string_view)) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (v.written != form::plain && v.written != form::list)
              return refuse("a list such as " + std::string(example), v);
            auto items = items_of(v);
            for (const auto& item : items)
              if (!good(item))
                return fail(errc::usage, "has '" + item + "', which is " + std::string(otherwise));
            field(s) = std::move(items);
            return {};
          },
          [=](const settings& s) { return in_brackets(field(s)); }};
}

/// `host:port`, several of them.
template <class Field>
setting peers(std::string_view key, Field field) {
  return {key, setting_kind::ordinary,
          [=](settings& s, const written_value& v) -> result<void> {
            if (v.written != form::plain && v.written != form::list)
              return refuse("a list such as [\"10.0.0.2:7400\"]", v);
            auto items = items_of(v);
            for (const auto& item : items) {
              const auto colon = item.rfind(':');
              const auto port =
                  colon == std::string::npos
                      ? std::nullopt
                      : whole<std::uint16_t>(std::string_view(item).substr(colon + 1));
              if (!port || *port == 0 || colon == 0)
                return fail(errc::usage, "has '" + item + "', which is no host:port");
            }
            field(s) = std::move(items);
            return {};
          },
          [=](const settings& s) { return in_brackets(field(s)); }};
}

// A key and the member that it names, so that the two cannot drift apart.
#define FIELD(path)             \
#path, [](auto& s) -> auto& { \
    return s.path;              \
  }

std::vector<setting> make_settings() {
  using market::day;
  using market::hour;
  using market::millisecond;
  using market::minute;
  using market::second;
  constexpr auto decides = setting_kind::decides_data;
  constexpr std::int64_t many = 1'000'000;

  std::vector<setting> list;
  list.push_back(integer(FIELD(runtime.threads), 1, 64));
  list.push_back(integer(FIELD(runtime.batch), 1, 16 * mib));
  list.push_back(choice(FIELD(runtime.log_level), names<std::string_view>{{"trace", "trace"},
                                                                          {"debug", "debug"},
                                                                          {"info", "info"},
                                                                          {"warn", "warn"},
                                                                          {"error", "error"},
                                                                          {"off", "off"}}));

  list.push_back(text(FIELD(feed.url), "a ws:// or wss:// URL, or empty", is_url<ws, wss>));
  list.push_back(
      text(FIELD(feed.rest_url), "an http:// or https:// URL, or empty", is_url<http, https>));
  list.push_back(
      choice(FIELD(feed.clock), names<clock_source>{{"auto", clock_source::automatic},
                                                    {"host", clock_source::host},
                                                    {"exchange", clock_source::exchange}}));
  list.push_back(text(FIELD(feed.api_key), "a text", any_text));
  list.push_back(secret_text(FIELD(feed.api_secret)));
  list.push_back(text(FIELD(feed.access_token_file), "a path, or empty", any_text));
  list.push_back(api_keys(FIELD(feed.more_keys)));
  list.push_back(secret_texts(FIELD(feed.more_secrets)));
  list.push_back(time_span(FIELD(feed.silence), 100 * millisecond, hour));
  list.push_back(time_span(FIELD(feed.stall), 0, hour));
  list.push_back(integer(FIELD(feed.stall_factor), 1, 1000));
  list.push_back(time_span(FIELD(feed.stall_start), 0, day));
  list.push_back(integer(FIELD(feed.sockets), 1, 3));
  list.push_back(integer(FIELD(feed.max_tokens_per_socket), 1, many));
  list.push_back(time_span(FIELD(feed.backoff_min), millisecond, hour));
  list.push_back(time_span(FIELD(feed.backoff_max), millisecond, day));

  list.push_back(time_span(FIELD(ingest.clock_interval), 10 * millisecond, minute, decides));
  list.push_back(instrument_keys(FIELD(ingest.instruments)));
  list.push_back(boolean(FIELD(ingest.on_demand)));
  list.push_back(
      choice(FIELD(ingest.mode), names<market::tick_mode>{{"ltp", market::tick_mode::ltp},
                                                          {"quote", market::tick_mode::quote},
                                                          {"full", market::tick_mode::full}}));
  list.push_back(size(FIELD(ingest.queue_bytes), 64 * kib, 64 * gib));
  list.push_back(formulas(FIELD(ingest.formulas)));
  list.push_back(time_span(FIELD(ingest.formula_stale), millisecond, day));

  list.push_back(timeframes(FIELD(bars.timeframes)));
  list.push_back(time_span(FIELD(bars.lateness), 0, hour, decides));
  list.push_back(time_span(FIELD(bars.revision_horizon), 0, day, decides));
  list.push_back(time_span(FIELD(bars.checkpoint_interval), second, day));
  list.push_back(choice(
      FIELD(bars.volume),
      names<volume_rule>{{"cumulative", volume_rule::cumulative}, {"sizes", volume_rule::sizes}},
      decides));
  list.push_back(integer(FIELD(bars.quantity_scale), 0, 9, decides));

  list.push_back(boolean(FIELD(features.enabled), decides));
  list.push_back(time_span(FIELD(features.interval), 10 * millisecond, hour, decides));
  list.push_back(time_span(FIELD(features.instrument_interval), 10 * millisecond, hour, decides));
  // FIELD would show the member that groups them.
  const auto chains = [](auto member) {
    return [member](auto& s) -> auto& {
      return s.features.chains.*member;
    };
  };
  using market::feature::chain_rules;
  list.push_back(
      choice("features.model", chains(&chain_rules::model),
             names<market::option::pricing>{{"black76", market::option::pricing::black76},
                                            {"bs", market::option::pricing::black_scholes}},
             decides));
  list.push_back(forward_sources("features.forward", chains(&chain_rules::sources)));
  list.push_back(yearly_rate("features.rate", chains(&chain_rules::rate)));
  list.push_back(yearly_rate("features.dividend", chains(&chain_rules::dividend)));
  list.push_back(
      choice("features.years", chains(&chain_rules::years),
             names<market::feature::year_rule>{{"calendar", market::feature::year_rule::calendar},
                                               {"trading", market::feature::year_rule::trading}},
             decides));
  list.push_back(
      time_span("features.stale_option", chains(&chain_rules::stale_option), second, day, decides));
  list.push_back(time_span("features.stale_underlying", chains(&chain_rules::stale_underlying),
                           second, day, decides));
  list.push_back(rules_of_underlyings(FIELD(features.of)));

  list.push_back(span_or(FIELD(bridge.local.sync_interval), millisecond, 10 * second, "always"));
  list.push_back(time_span(FIELD(bridge.local.linger), 0, second));
  list.push_back(size(FIELD(bridge.local.segment_bytes), 64 * kib, 64 * gib));
  list.push_back(size(FIELD(bridge.local.tail_bytes), 64 * kib, 64 * gib));
  list.push_back(size(FIELD(bridge.local.queue_bytes), 64 * kib, 64 * gib));
  list.push_back(boolean(FIELD(bridge.local.compression)));

  list.push_back(redis_url(FIELD(bridge.redis.url)));
  list.push_back(secret_text(FIELD(bridge.redis.password)));
  list.push_back(choice(FIELD(bridge.redis.encoding),
                        names<redis_encoding>{{"packed", redis_encoding::packed},
                                              {"fields", redis_encoding::fields}}));
  list.push_back(time_span(FIELD(bridge.redis.linger), 0, second));
  list.push_back(time_span(FIELD(bridge.redis.timeout), 100 * millisecond, minute));
  list.push_back(size(FIELD(bridge.redis.queue_bytes), 64 * kib, 64 * gib));
  list.push_back(size(FIELD(bridge.redis.read_bytes), 64 * kib, 64 * gib));
  list.push_back(size(FIELD(bridge.redis.max_bytes), mib, 1024 * gib));

  list.push_back(span_or(FIELD(journal.retention), day, 100'000 * day, "forever"));
  list.push_back(size(FIELD(journal.reserve), 0, 1024 * gib));

  list.push_back(choice(FIELD(store.kind), names<store_kind>{{"sqlite", store_kind::sqlite},
                                                             {"postgres", store_kind::postgres}}));
  list.push_back(choice(FIELD(store.ticks), names<tick_storage>{{"auto", tick_storage::automatic},
                                                                {"journal", tick_storage::journal},
                                                                {"table", tick_storage::table}}));
  list.push_back(time_span(FIELD(store.linger), 0, minute));
  list.push_back(integer(FIELD(store.batch), 1, 16 * mib));
  list.push_back(postgres_url(FIELD(store.postgres.url)));
  list.push_back(secret_text(FIELD(store.postgres.password)));
  list.push_back(integer(FIELD(store.postgres.writers), 1, 8));
  list.push_back(choice(FIELD(store.postgres.tick_layout),
                        names<tick_table_layout>{{"packed", tick_table_layout::packed},
                                                 {"rows", tick_table_layout::rows}}));
  list.push_back(time_span(FIELD(store.postgres.pack_interval), 0, minute));
  list.push_back(time_span(FIELD(store.postgres.timeout), second, 10 * minute));
  list.push_back(span_or(FIELD(store.postgres.keep_ticks), day, 100'000 * day, "forever"));
  list.push_back(span_or(FIELD(store.postgres.keep_bars), day, 100'000 * day, "forever"));
  list.push_back(span_or(FIELD(store.postgres.keep_features), day, 100'000 * day, "forever"));
  list.push_back(span_or(FIELD(store.postgres.compress_after), hour, 100'000 * day, "never"));

  list.push_back(text(FIELD(web.address), "an IP address such as 127.0.0.1", is_address));
  list.push_back(integer(FIELD(web.port), 0, 65'535));
  list.push_back(text(FIELD(web.certificate), "a path, or empty", is_anything));
  list.push_back(text(FIELD(web.key), "a path, or empty", is_anything));
  list.push_back(boolean(FIELD(web.insecure_listen)));
  list.push_back(texts(FIELD(web.origins), "[\"https://desk.example\"]",
                       "no origin such as https://desk.example", is_origin));
  list.push_back(texts(FIELD(web.hosts), "[\"desk.example\"]", "no host name", is_host));
  list.push_back(text(FIELD(web.ui), "auto, a folder, or empty", is_anything));
  list.push_back(boolean(FIELD(web.compression)));
  list.push_back(size(FIELD(web.session_bytes), kib, gib));
  list.push_back(integer(FIELD(web.max_sessions), 1, many));
  list.push_back(size(FIELD(web.max_frame), kib, 16 * mib));
  list.push_back(integer(FIELD(web.max_subscriptions), 1, many));
  list.push_back(integer(FIELD(web.kite_tokens), 1, many));
  list.push_back(time_span(FIELD(web.kite_heartbeat), 100 * millisecond, 2 * second));
  list.push_back(time_span(FIELD(web.flush), 0, second));
  list.push_back(time_span(FIELD(web.idle_timeout), second, day));
  list.push_back(time_span(FIELD(web.handshake_timeout), 100 * millisecond, hour));
  list.push_back(size(FIELD(web.max_header), kib, mib));
  list.push_back(size(FIELD(web.max_body), kib, 16 * mib));
  list.push_back(integer(FIELD(web.max_connections), 1, many));
  list.push_back(integer(FIELD(web.max_per_address), 0, many));
  list.push_back(integer(FIELD(web.max_half_open), 1, many));
  list.push_back(integer(FIELD(web.max_requests), 1, many));
  list.push_back(choice(FIELD(web.access), names<web_access>{{"auto", web_access::automatic},
                                                             {"open", web_access::open},
                                                             {"keys", web_access::keys}}));
  list.push_back(time_span(FIELD(web.ticket_life), minute, 30 * day));
  list.push_back(time_span(FIELD(web.auth_timeout), 100 * millisecond, hour));
  list.push_back(integer(FIELD(web.auth_failures), 1, many));
  list.push_back(integer(FIELD(web.max_sessions_per_key), 1, many));
  list.push_back(integer(FIELD(web.max_replays), 0, 200));
  list.push_back(integer(FIELD(web.max_replays_per_key), 1, 200));
  list.push_back(integer(FIELD(web.replay_days), 1, 366));
  list.push_back(time_span(FIELD(web.replay_idle), second, day));

  list.push_back(boolean(FIELD(alerts.enabled)));
  list.push_back(integer(FIELD(alerts.max_rules), 1, 100'000));
  list.push_back(integer(FIELD(alerts.max_webhooks), 0, 100'000));
  list.push_back(secret_text(FIELD(alerts.webhook_secret)));
  list.push_back(boolean(FIELD(alerts.webhook_private)));
  list.push_back(time_span(FIELD(alerts.webhook_timeout), 100 * millisecond, 5 * minute));
  list.push_back(integer(FIELD(alerts.webhook_in_flight), 1, 1000));
  list.push_back(integer(FIELD(alerts.webhook_attempts), 1, 1000));
  list.push_back(time_span(FIELD(alerts.webhook_give_up), second, 30 * day));
  list.push_back(time_span(FIELD(alerts.webhook_backoff_min), 10 * millisecond, day));
  list.push_back(time_span(FIELD(alerts.webhook_backoff_max), 10 * millisecond, day));
  list.push_back(text(FIELD(alerts.webhook_authority), "a path, or empty", is_anything));

  list.push_back(integer(FIELD(exchange.port), 0, 65'535));
  list.push_back(integer(FIELD(exchange.instruments), 1, many));
  list.push_back(boolean(FIELD(exchange.chains)));
  list.push_back(integer(FIELD(exchange.seed), 0, std::numeric_limits<std::int64_t>::max()));
  list.push_back(speed(FIELD(exchange.speed)));

  list.push_back(text(FIELD(cluster.name), "a name of 1 to 40 letters, digits and . _ -", is_name));
  list.push_back(text(FIELD(cluster.node), "a name of 1 to 40 letters, digits and . _ -",
                      [](std::string_view v) { return v.empty() || is_name(v); }));
  list.push_back(roles(FIELD(cluster.roles)));
  list.push_back(integer(FIELD(cluster.shards), 1, 64));
  list.push_back(text(FIELD(cluster.address), "an IP address such as 127.0.0.1", is_address));
  list.push_back(integer(FIELD(cluster.port), 0, 65'535));
  list.push_back(peers(FIELD(cluster.seeds)));
  list.push_back(text(FIELD(cluster.certificate), "a path, or empty", is_anything));
  list.push_back(text(FIELD(cluster.key), "a path, or empty", is_anything));
  list.push_back(text(FIELD(cluster.authority), "a path, or empty", is_anything));
  list.push_back(time_span(FIELD(cluster.lease), 500 * millisecond, minute));

  list.push_back(integer(FIELD(supervisor.intensity), 0, 1000));
  list.push_back(time_span(FIELD(supervisor.period), 100 * millisecond, day));
  list.push_back(time_span(FIELD(supervisor.backoff_min), millisecond, hour));
  list.push_back(time_span(FIELD(supervisor.backoff_max), millisecond, day));

  list.push_back(text(FIELD(data.dir), "a path", is_not_empty));
  return list;
}

#undef FIELD

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const setting> all_settings() {
  static const auto list = make_settings();
  return list;
}

const setting* find_setting(std::string_view key) {
  for (const auto& s : all_settings()) {
    if (s.key == key) return &s;
  }
  return nullptr;
}

std::string_view nearest_key(std::string_view key) {
  std::string_view nearest;
  auto best = std::max<std::size_t>(key.size() / 2, 2) + 1;
  for (const auto& s : all_settings()) {
    // The last part alone counts too: somebody who forgets the section knows the name.
    const auto name = s.key.substr(s.key.rfind('.') + 1);
    const auto distance = std::min(edit_distance(key, s.key), edit_distance(key, name) + 1);
    if (distance < best) {
      best = distance;
      nearest = s.key;
    }
  }
  return nearest;
}

}  // namespace artham::config

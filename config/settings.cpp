#include "config/settings.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "config/embedded.hpp"
#include "config/file_text.hpp"
#include "config/setting_table.hpp"
#include "config/toml_text.hpp"

namespace artham::config {

namespace {

using form = written_value::form;

constexpr std::string_view default_timeframes = "1m 3m 5m 15m 25m 30m 1h 75m 125m 1D";
constexpr std::string_view variable_prefix = "ARTHAM_";

written_value written(const toml::node& node) {
  written_value v;
  if (const auto text = node.value_exact<std::string>()) {
    v.written = form::text;
    v.text = *text;
  } else if (const auto integer = node.value_exact<std::int64_t>()) {
    v.written = form::integer;
    v.text = std::to_string(*integer);
  } else if (const auto number = node.value_exact<double>()) {
    v.written = form::number;
    v.text = std::to_string(*number);
  } else if (const auto boolean = node.value_exact<bool>()) {
    v.written = form::boolean;
    v.text = *boolean ? "true" : "false";
  } else if (const auto* list = node.as_array()) {
    v.written = form::list;
    for (const auto& item : *list) {
      const auto inner = written(item);
      if (inner.written != form::text && inner.written != form::integer) v.written = form::other;
      v.text += (v.text.empty() ? "" : ",") + inner.text;
      v.items.push_back(inner.text);
    }
  } else {
    v.written = form::other;
  }
  return v;
}

/// `bridge.local.linger` is set by `ARTHAM_BRIDGE__LOCAL__LINGER`.
std::string variable_of(std::string_view key) {
  std::string name(variable_prefix);
  for (const char c : key) {
    if (c == '.') {
      name += "__";
    } else {
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  return name;
}

std::string key_of(std::string_view variable) {
  std::string key;
  variable.remove_prefix(variable_prefix.size());
  while (!variable.empty()) {
    if (variable.starts_with("__")) {
      key += '.';
      variable.remove_prefix(2);
    } else {
      key += static_cast<char>(std::tolower(static_cast<unsigned char>(variable.front())));
      variable.remove_prefix(1);
    }
  }
  return key;
}

std::string letters_of(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (c != '_' && c != '.') letters += c;
  }
  return letters;
}

/// Applies layer over layer and remembers where each value came from.
class resolver {
 public:
  result<void> apply_file(const settings_file& file) {
    const auto root = parse_toml(file.text, file.path);
    if (!root) return tl::unexpected(root.error());
    return apply_table(*root, "", file);
  }

  result<void> apply_variable(const std::string& name, const std::string& value) {
    const auto key = key_of(name);
    const auto* found = find_setting(key);
    if (found == nullptr) {
      // Without a double underscore it may belong to something else (Kubernetes sets
      // ARTHAM_SERVICE_HOST), unless only the underscore is missing.
      if (key.find('.') == std::string::npos) {
        for (const auto& s : all_settings()) {
          if (letters_of(s.key) == letters_of(key)) return unknown_variable(name, key, s.key);
        }
        return {};
      }
      return unknown_variable(name, key, nearest_key(key));
    }
    return apply(*found, {form::plain, value, {}}, name);
  }

  result<void> apply_set(const std::string& argument) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos) {
      return fail(errc::usage, "--set " + argument + ": expected section.key=value");
    }
    const auto key = argument.substr(0, equals);
    const auto* found = find_setting(key);
    if (found == nullptr) return unknown("--set", key, nearest_key(key));
    if (found->kind == setting_kind::secret) {
      return fail(errc::usage, "--set: " + key +
                                   " is a secret and would be seen in the process list; put it "
                                   "into the variable " +
                                   variable_of(key) + " or a settings file of mode 0600");
    }
    return apply(*found, {form::plain, argument.substr(equals + 1), {}}, "--set");
  }

  result<void> check() const {
    const auto ordered = [&](std::string_view low, market::duration min, std::string_view high,
                             market::duration max) -> result<void> {
      if (min <= max) return {};
      return fail(errc::usage, origin(high) + ": " + std::string(high) + " must be at least " +
                                   std::string(low) + ", which is " + market::duration_text(min) +
                                   " (" + origin(low) + "), not " + market::duration_text(max));
    };
    const auto multiple = [&](std::string_view key, market::duration span) -> result<void> {
      const auto clock = values_.ingest.clock_interval;
      // Shorter than the clock's: each of its marks is one.
      if (span % clock == 0 || clock % span == 0) return {};
      return fail(errc::usage, origin(key) + ": " + std::string(key) +
                                   " must be a multiple of ingest.clock_interval, which is " +
                                   market::duration_text(clock) + ", not " +
                                   market::duration_text(span));
    };
    if (values_.features.enabled) {
      auto chains = multiple("features.interval", values_.features.interval);
      if (!chains) return chains;
      auto single = multiple("features.instrument_interval", values_.features.instrument_interval);
      if (!single) return single;
    }
    if (values_.store.kind == store_kind::postgres && values_.store.postgres.url.empty()) {
      return fail(errc::usage,
                  origin("store.kind") +
                      ": store.kind = \"postgres\" needs store.postgres.url, such as "
                      "postgresql://user@host:5432/database; script/run --postgres starts a server "
                      "and sets it");
    }
    if (auto keys = check_keys(); !keys) return keys;
    auto feed = ordered("feed.backoff_min", values_.feed.backoff_min, "feed.backoff_max",
                        values_.feed.backoff_max);
    if (!feed) return feed;
    auto hooks = ordered("alerts.webhook_backoff_min", values_.alerts.webhook_backoff_min,
                         "alerts.webhook_backoff_max", values_.alerts.webhook_backoff_max);
    if (!hooks) return hooks;
    return ordered("supervisor.backoff_min", values_.supervisor.backoff_min,
                   "supervisor.backoff_max", values_.supervisor.backoff_max);
  }

  [[nodiscard]] result<void> check_keys() const {
    const auto& f = values_.feed;
    const auto refuse = [&](std::string_view key, const std::string& why) {
      return fail(errc::usage, origin(key) + ": " + std::string(key) + " " + why);
    };
    if (!f.more_keys.empty() && f.api_key.empty())
      return refuse("feed.more_keys", "are besides feed.api_key, which is not set");
    std::set<std::string_view> all{f.api_key};
    for (const auto& key : f.more_keys) {
      if (!all.insert(key).second) return refuse("feed.more_keys", "name " + key + " twice");
    }
    if (f.more_secrets.size() > f.more_keys.size()) {
      return refuse("feed.more_secrets", "are " + std::to_string(f.more_secrets.size()) + " for " +
                                             std::to_string(f.more_keys.size()) +
                                             " of feed.more_keys: one for each, in their order");
    }
    return {};
  }

  [[nodiscard]] const settings& values() const { return values_; }

  [[nodiscard]] std::string origin(std::string_view key) const {
    const auto found = origins_.find(key);
    return found == origins_.end() ? "default" : found->second;
  }

 private:
  result<void> apply_table(const toml::table& table, const std::string& section,
                           const settings_file& file) {
    for (const auto& [name, node] : table) {
      const auto key =
          section.empty() ? std::string(name.str()) : section + "." + std::string(name.str());
      const auto where = place(file.path, name.source());
      const auto* found = find_setting(key);
      if (found == nullptr) {
        const auto* inner = node.as_table();
        if (inner == nullptr || !is_section(key)) return unknown(where, key, nearest_key(key));
        if (auto done = apply_table(*inner, key, file); !done) return done;
        continue;
      }
      const auto value = written(node);
      if (found->kind == setting_kind::secret && !value.text.empty() && !file.owner_only) {
        return fail(errc::usage, where + ": " + key + " is a secret, but others can read " +
                                     file.path + "; run chmod 600 " + file.path);
      }
      if (auto done = apply(*found, value, where); !done) return done;
    }
    return {};
  }

  static bool is_section(std::string_view key) {
    const auto settings = all_settings();
    return std::any_of(settings.begin(), settings.end(), [&](const setting& s) {
      return s.key.starts_with(key) && s.key[key.size()] == '.';
    });
  }

  result<void> apply(const setting& found, const written_value& value, const std::string& where) {
    if (auto done = found.set(values_, value); !done) {
      return fail(errc::usage, where + ": " + std::string(found.key) + " " + done.error().message);
    }
    origins_[found.key] = where;
    return {};
  }

  static tl::unexpected<error> unknown(const std::string& where, const std::string& key,
                                       std::string_view nearest) {
    return fail(errc::usage,
                where + ": unknown setting '" + key + "'; " +
                    (nearest.empty() ? "artham doctor --print-settings lists all"
                                     : "did you mean '" + std::string(nearest) + "'?"));
  }

  static tl::unexpected<error> unknown_variable(const std::string& name, const std::string& key,
                                                std::string_view nearest) {
    if (nearest.empty()) return unknown(name, key, nearest);
    return fail(errc::usage, name + ": unknown setting '" + key + "'; did you mean " +
                                 variable_of(nearest) + "?");
  }

  settings values_;
  std::map<std::string_view, std::string> origins_;
};

result<resolver> resolve(const settings_sources& sources) {
  resolver r;
  if (sources.file) {
    if (auto done = r.apply_file(*sources.file); !done) return tl::unexpected(done.error());
  }
  for (const auto& [name, value] : sources.environment) {
    if (!name.starts_with(variable_prefix)) continue;
    if (auto done = r.apply_variable(name, value); !done) return tl::unexpected(done.error());
  }
  for (const auto& argument : sources.sets) {
    if (auto done = r.apply_set(argument); !done) return tl::unexpected(done.error());
  }
  if (auto done = r.check(); !done) return tl::unexpected(done.error());
  return r;
}

}  // namespace

settings::bars_section::bars_section()
    : timeframes(market::parse_timeframes(default_timeframes).value()) {}

result<settings_file> read_settings_file(const std::filesystem::path& path) {
  auto text = read_text(path);
  if (!text) {
    return fail(text.error().code, "settings file " + text.error().message);
  }
  struct stat status {};
  const bool known = ::stat(path.c_str(), &status) == 0;
  settings_file file;
  file.path = path.string();
  file.text = *std::move(text);
  file.owner_only = known && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  return file;
}

result<settings> load_settings(const settings_sources& sources) {
  return resolve(sources).map([](const resolver& r) { return r.values(); });
}

result<std::vector<setting_origin>> explain(const settings_sources& sources) {
  return resolve(sources).map([](const resolver& r) {
    std::vector<setting_origin> list;
    for (const auto& s : all_settings()) {
      list.push_back({std::string(s.key), s.print(r.values()), r.origin(s.key)});
    }
    return list;
  });
}

std::string canonical_text(const settings& s) {
  std::map<std::string_view, std::string> sections;
  for (const auto& entry : all_settings()) {
    if (entry.kind != setting_kind::decides_data) continue;
    const auto dot = entry.key.rfind('.');
    auto& lines = sections[entry.key.substr(0, dot)];
    lines += std::string(entry.key.substr(dot + 1)) + " = " + entry.print(s) + "\n";
  }
  std::string out;
  for (const auto& [section, lines] : sections) {
    out += (out.empty() ? "[" : "\n[") + std::string(section) + "]\n" + lines;
  }
  return out;
}

std::string_view default_settings_text() {
  for (const auto& [path, text] : embedded_files()) {
    if (path == "default.toml") return text;
  }
  return {};
}

bool settings::store_section::has_tick_table() const {
  if (ticks == tick_storage::automatic) return kind == store_kind::postgres;
  return ticks == tick_storage::table;
}

market::feature::feature_rules settings::features_section::rules() const {
  market::feature::feature_rules r{interval, instrument_interval, chains, {}};
  for (const auto& text : of) {
    auto one = market::feature::parse_chain_rules(text, chains);
    if (one) r.of.insert_or_assign(std::move(one->first), one->second);
  }
  return r;
}

}  // namespace artham::config

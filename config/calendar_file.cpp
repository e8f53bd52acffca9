#include "config/calendar_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/embedded.hpp"
#include "config/file_text.hpp"
#include "config/toml_text.hpp"

namespace artham::config {

namespace {

using market::calendar_spec;
using market::hour;
using market::minute;

constexpr std::string_view calendar_folder = "calendars/";
constexpr std::string_view extension = ".toml";

market::date to_date(const toml::date& d) {
  return market::make_date(d.year, d.month, d.day);
}

/// `hh:mm` up to 48:00.
std::optional<market::duration> parse_time_of_day(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<int> {
    int value = 0;
    const auto end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, value);
    if (digits.size() != 2 || failure != std::errc() || stop != end || value < 0) {
      return std::nullopt;
    }
    return value;
  };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = number(text.substr(0, 2));
  const auto minutes = number(text.substr(3));
  if (!hours || !minutes || *hours > 48 || *minutes > 59) return std::nullopt;
  return *hours * hour + *minutes * minute;
}

/// Reads one file into a spec and stops at the first failure.
class reader {
 public:
  reader(const toml::table& root, std::string_view file) : root_(root), file_(file) {}

  result<calendar_spec> read() {
    check_keys(root_, "",
               {"name", "first", "last", "weekend", "offset", "regular", "holidays", "specials"});
    calendar_spec spec;
    spec.name = text(root_, "name");
    spec.first = day(root_, "first");
    spec.last = day(root_, "last");
    spec.weekend = weekend();
    for (const auto* entry : entries("offset")) {
      check_keys(*entry, "offset.", {"from", "utc"});
      spec.offsets.push_back({instant(*entry, "from"), offset(*entry)});
    }
    for (const auto* entry : entries("regular")) {
      check_keys(*entry, "regular.", {"from", "sessions"});
      spec.regulars.push_back({day(*entry, "from"), sessions(*entry, "regular.sessions")});
    }
    read_holidays(spec);
    read_specials(spec);
    if (failure_) return tl::unexpected(*failure_);
    return spec;
  }

 private:
  void refuse(const toml::source_region& source, std::string_view key, std::string_view why) {
    if (failure_) return;
    failure_ = error{errc::bad_input,
                     place(file_, source) + ": " + std::string(key) + " " + std::string(why)};
  }

  void check_keys(const toml::table& table, std::string_view prefix,
                  std::initializer_list<std::string_view> known) {
    for (const auto& [key, node] : table) {
      bool found = false;
      for (const auto k : known) found = found || key.str() == k;
      if (!found) {
        refuse(key.source(), std::string(prefix) + std::string(key.str()),
               "is not a key of a calendar");
      }
    }
  }

  /// The value of a required key, or null after refusing.
  const toml::node* required(const toml::table& table, std::string_view key) {
    const auto* node = table.get(key);
    if (node == nullptr) refuse(table.source(), key, "is missing");
    return node;
  }

  std::string text(const toml::table& table, std::string_view key) {
    const auto* node = required(table, key);
    if (node == nullptr) return {};
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty()) refuse(node->source(), key, "must be a text");
    return value.value_or("");
  }

  market::date day(const toml::table& table, std::string_view key) {
    const auto* node = required(table, key);
    if (node == nullptr) return {};
    const auto value = node->value_exact<toml::date>();
    if (!value) refuse(node->source(), key, "must be a date such as 2026-08-03");
    return value ? to_date(*value) : market::date{};
  }

  market::timestamp instant(const toml::table& table, std::string_view key) {
    const auto* node = required(table, key);
    if (node == nullptr) return 0;
    const auto value = node->value_exact<toml::date_time>();
    if (!value || !value->offset || value->date.year < 1700 || value->date.year > 2250) {
      refuse(node->source(), key, "must be an instant such as 2026-03-08T07:00:00Z");
      return 0;
    }
    return to_date(value->date).days * market::day + value->time.hour * hour +
           value->time.minute * minute + value->time.second * market::second +
           value->time.nanosecond - value->offset->minutes * minute;
  }

  market::duration offset(const toml::table& table) {
    const auto written = text(table, "utc");
    const auto value =
        written.empty() ? std::nullopt : parse_time_of_day(std::string_view(written).substr(1));
    if (!value || (written.front() != '+' && written.front() != '-')) {
      const auto* node = table.get("utc");
      refuse(node != nullptr ? node->source() : table.source(), "offset.utc",
             "must be a signed time such as \"+05:30\"");
      return 0;
    }
    return written.front() == '-' ? -*value : *value;
  }

  std::vector<int> weekend() {
    constexpr std::array<std::string_view, 7> names{"Mon", "Tue", "Wed", "Thu",
                                                    "Fri", "Sat", "Sun"};
    std::vector<int> days;
    const auto* node = required(root_, "weekend");
    if (node == nullptr) return days;
    const auto* list = node->as_array();
    if (list == nullptr) {
      refuse(node->source(), "weekend", "must be a list such as [\"Sat\", \"Sun\"]");
      return days;
    }
    for (const auto& item : *list) {
      const auto name = item.value_exact<std::string_view>();
      const auto at = name ? std::find(names.begin(), names.end(), *name) : names.end();
      if (at == names.end()) {
        refuse(item.source(), "weekend", "takes the names Mon Tue Wed Thu Fri Sat Sun");
      } else {
        days.push_back(static_cast<int>(at - names.begin()));
      }
    }
    return days;
  }

  std::vector<const toml::table*> entries(std::string_view key) {
    std::vector<const toml::table*> list;
    const auto* node = required(root_, key);
    if (node == nullptr) return list;
    const auto* array = node->as_array();
    if (array == nullptr || !array->is_homogeneous<toml::table>()) {
      refuse(node->source(), key, "must be written as [[" + std::string(key) + "]] entries");
      return list;
    }
    for (const auto& item : *array) list.push_back(item.as_table());
    return list;
  }

  std::vector<calendar_spec::hours> sessions(const toml::table& table, std::string_view key) {
    std::vector<calendar_spec::hours> list;
    const auto* node = required(table, "sessions");
    if (node == nullptr) return list;
    const auto refuse_form = [&] {
      refuse(node->source(), key, "must be a list such as [\"09:15-15:30\"]");
    };
    const auto* array = node->as_array();
    if (array == nullptr) {
      refuse_form();
      return list;
    }
    for (const auto& item : *array) {
      const auto written = item.value_exact<std::string_view>().value_or("");
      const auto open = written.size() == 11 && written[5] == '-'
                            ? parse_time_of_day(written.substr(0, 5))
                            : std::nullopt;
      const auto close = open ? parse_time_of_day(written.substr(6)) : std::nullopt;
      if (!close) {
        refuse_form();
      } else {
        list.push_back({*open, *close});
      }
    }
    return list;
  }

  const toml::table* dated(std::string_view key) {
    const auto* node = root_.get(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) refuse(node->source(), key, "must be a table of dates");
    return node->as_table();
  }

  market::date date_key(std::string_view prefix, const toml::key& key) {
    const auto parsed = market::parse_date(key.str());
    if (!parsed) {
      refuse(key.source(), std::string(prefix) + std::string(key.str()),
             "is not a date such as 2026-08-03");
      return {};
    }
    return *parsed;
  }

  void read_holidays(calendar_spec& spec) {
    const auto* table = dated("holidays");
    if (table == nullptr) return;
    for (const auto& [key, node] : *table) {
      const auto reason = node.value_exact<std::string>();
      if (!reason) {
        refuse(node.source(), "holidays." + std::string(key.str()), "must be the holiday's name");
      }
      spec.holidays[date_key("holidays.", key)] = reason.value_or("");
    }
  }

  void read_specials(calendar_spec& spec) {
    const auto* table = dated("specials");
    if (table == nullptr) return;
    for (const auto& [key, node] : *table) {
      const auto name = "specials." + std::string(key.str());
      const auto* entry = node.as_table();
      if (entry == nullptr) {
        refuse(node.source(), name, "must be { sessions = [\"09:15-15:30\"], reason = \"...\" }");
        continue;
      }
      check_keys(*entry, name + ".", {"sessions", "reason"});
      text(*entry, "reason");
      spec.specials[date_key("specials.", key)] = sessions(*entry, name);
    }
  }

  const toml::table& root_;
  std::string_view file_;
  std::optional<error> failure_;
};

}  // namespace

result<market::calendar> parse_calendar(std::string_view toml, std::string_view file) {
  const auto root = parse_toml(toml, file);
  if (!root) return tl::unexpected(root.error());
  auto spec = reader(*root, file).read();
  if (!spec) return tl::unexpected(std::move(spec.error()));
  auto made = market::calendar::make(*std::move(spec));
  if (!made) return fail(made.error().code, std::string(file) + ": " + made.error().message);
  return made;
}

std::vector<std::string_view> builtin_calendar_names() {
  std::vector<std::string_view> names;
  for (auto [path, text] : embedded_files()) {
    if (!path.starts_with(calendar_folder)) continue;
    path.remove_prefix(calendar_folder.size());
    path.remove_suffix(extension.size());
    names.push_back(path);
  }
  return names;
}

std::optional<std::string_view> builtin_calendar_text(std::string_view name) {
  const auto wanted = std::string(calendar_folder) + std::string(name) + std::string(extension);
  for (const auto& [path, text] : embedded_files()) {
    if (path == wanted) return text;
  }
  return std::nullopt;
}

result<loaded_calendar> load_calendar(std::string_view name,
                                      const std::optional<std::filesystem::path>& directory) {
  auto file = std::string(name) + std::string(extension);
  std::optional<std::string> text;
  // A name is no path: with a separator in it, it is simply unknown.
  if (directory && name.find('/') == std::string_view::npos) {
    const auto path = *directory / file;
    auto own = read_text(path);
    if (!own && own.error().code != errc::not_found) {
      return fail(own.error().code, "calendar " + own.error().message);
    }
    if (own) {
      text = *std::move(own);
      file = path.string();
    }
  }
  if (!text) {
    const auto builtin = builtin_calendar_text(name);
    if (!builtin) {
      std::string known;
      for (const auto n : builtin_calendar_names()) known += " " + std::string(n);
      return fail(errc::not_found,
                  "calendar '" + std::string(name) + "' is not known; there are:" + known);
    }
    text = *builtin;
  }
  auto made = parse_calendar(*text, file);
  if (!made) return tl::unexpected(std::move(made.error()));
  return loaded_calendar{*std::move(text),
                         std::make_shared<const market::calendar>(*std::move(made))};
}

}  // namespace artham::config

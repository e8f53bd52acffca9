#include "app/doctor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/calendars.hpp"
#include "app/environment.hpp"
#include "app/kite_keys.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/token_file.hpp"
#include "runtime/clock.hpp"
#include "web/server/tls.hpp"

namespace artham::app {

namespace {

struct finding {
  std::string check;
  bool ok = true;
  std::string detail;
  std::string remedy;
};

constexpr rlim_t files_wanted = 1024;

finding data_directory(const config::settings& s) {
  finding f{"data directory", true, s.data.dir, "give a directory that you may write: --data DIR"};
  std::filesystem::path at = std::filesystem::absolute(s.data.dir);
  while (!at.empty() && !std::filesystem::exists(at) && at != at.parent_path())
    at = at.parent_path();
  f.ok = access(at.c_str(), W_OK | X_OK) == 0;
  if (!f.ok) f.detail += ": " + at.string() + " is not writable";
  return f;
}

finding disk_room(const config::settings& s) {
  finding f{"disk room", true, "",
            "free some room, give --data on another disk, or keep less with journal.retention"};
  const auto wanted = static_cast<std::uintmax_t>(s.journal.reserve);
  std::filesystem::path at = std::filesystem::absolute(s.data.dir);
  while (!std::filesystem::exists(at) && at != at.parent_path()) at = at.parent_path();
  std::error_code ec;
  const auto room = std::filesystem::space(at, ec);
  f.ok = !ec && room.available >= wanted;
  f.detail = ec ? ec.message()
                : std::to_string(room.available >> 20U) + " MiB free, journal.reserve is " +
                      std::to_string(wanted >> 20U) + " MiB";
  return f;
}

finding web_port(const config::settings& s) {
  finding f{"web port", true, s.web.address + ":" + std::to_string(s.web.port),
            "stop what listens there, or set web.port"};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(s.web.port);
  if (inet_pton(AF_INET, s.web.address.c_str(), &a.sin_addr) != 1) {
    f.ok = false;
    f.detail += " is no IPv4 address";
  } else if (bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) {
    f.ok = false;
    f.detail += std::string(": ") + std::strerror(errno);
  }
  close(fd);
  return f;
}

finding web_tls(const config::settings& s) {
  finding f{"web TLS", true, "", "set web.certificate and web.key, or web.address = \"127.0.0.1\""};
  const web::tls_files files{s.web.certificate, s.web.key};
  if (files.empty()) {
    f.ok = s.web.insecure_listen || s.web.address == "::1" || s.web.address.starts_with("127.");
    f.detail =
        f.ok ? "none: " + s.web.address : "none, and " + s.web.address + " is no loopback address";
    return f;
  }
  const auto loaded = web::load_tls(files);
  if (!loaded) {
    f.ok = false;
    f.detail = loaded.error().message;
    f.remedy = "mend the files, then ask again";
    return f;
  }
  constexpr std::int64_t seconds_a_day = 86'400;
  const auto left = loaded->expires - runtime::utc_now() / market::second;
  f.ok = left > 0;
  f.detail =
      files.certificate +
      (f.ok ? " is good for " + std::to_string(left / seconds_a_day) + " days" : " is out of date");
  f.remedy = "have a new certificate made; a running server takes it up by itself";
  return f;
}

finding open_files(const config::settings& s) {
  const auto wanted = files_wanted + static_cast<rlim_t>(s.web.max_connections);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return {"open files", limit.rlim_cur >= wanted,
          std::to_string(limit.rlim_cur) + " allowed, " + std::to_string(wanted) + " wanted",
          "ulimit -n " + std::to_string(wanted) + ", or fewer web.max_connections"};
}

finding calendars(const config::settings&) {
  const auto all = load_calendar_set(config::builtin_calendar_names());
  return {"calendars", all.has_value(),
          all ? std::to_string(all->by_name.size()) + " calendars" : all.error().message,
          "reinstall the program"};
}

/// One per key.
std::vector<finding> kite_logins(const config::settings& s) {
  const finding none{"Kite login", true, "not needed: the feed is not Kite", "artham kite login"};
  if (s.feed.url.find("kite.trade") == std::string::npos) return {none};
  std::vector<finding> all;
  for (const auto& k : kite_keys(s, s.data.dir)) {
    auto f = none;
    if (!all.empty()) f.remedy += " --key " + k.api_key;
    if (!s.feed.more_keys.empty()) f.check += " of " + k.api_key;
    const auto state = feed::kite::token_state(k.token_file, runtime::utc_now());
    f.ok = state && *state == feed::kite::token_validity::valid;
    f.detail = !state                                        ? state.error().message
               : *state == feed::kite::token_validity::valid ? "valid until 06:00 IST"
               : *state == feed::kite::token_validity::token_expired
                   ? "token_expired"
                   : "no access token in " + k.token_file.string();
    all.push_back(std::move(f));
  }
  return all;
}

}  // namespace

int doctor(const settings_options& options, bool print_settings, bool as_json) {
  const auto sources = sources_of(options);
  if (!sources) return report(sources.error());
  if (print_settings) {
    const auto all = config::explain(*sources);
    if (!all) return report(all.error());
    nlohmann::json list = nlohmann::json::array();
    for (const auto& s : *all) {
      if (as_json) {
        list.push_back({{"key", s.key}, {"value", s.value}, {"origin", s.origin}});
      } else {
        std::printf("%s = %s  # %s\n", s.key.c_str(), s.value.c_str(), s.origin.c_str());
      }
    }
    if (as_json) std::printf("%s\n", list.dump().c_str());
    return 0;
  }
  const auto settings = load(options);
  if (!settings) return report(settings.error());
  bool all_ok = true;
  nlohmann::json list = nlohmann::json::array();
  std::vector<finding> findings;
  for (const auto check : {data_directory, disk_room, web_port, web_tls, open_files, calendars})
    findings.push_back(check(*settings));
  std::ranges::move(kite_logins(*settings), std::back_inserter(findings));
  for (const auto& f : findings) {
    all_ok = all_ok && f.ok;
    if (as_json) {
      list.push_back({{"check", f.check}, {"ok", f.ok}, {"detail", f.detail}});
      if (!f.ok) list.back()["remedy"] = f.remedy;
    } else if (f.ok) {
      std::printf("ok    %s: %s\n", f.check.c_str(), f.detail.c_str());
    } else {
      std::printf("FAIL  %s: %s\n      %s\n", f.check.c_str(), f.detail.c_str(), f.remedy.c_str());
    }
  }
  if (as_json) std::printf("%s\n", list.dump().c_str());
  return all_ok ? 0 : 1;
}

}  // namespace artham::app

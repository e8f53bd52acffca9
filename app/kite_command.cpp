#include "app/kite_command.hpp"

#include <cstdio>
#include <filesystem>

#include "app/environment.hpp"
#include "app/kite_keys.hpp"
#include "app/opened_store.hpp"
#include "feed/kite/rest.hpp"
#include "feed/kite/token_file.hpp"
#include "market/instrument.hpp"
#include "runtime/clock.hpp"

namespace artham::app {

namespace {

feed::kite::rest_server server_of(const config::settings& s) {
  feed::kite::rest_server server;
  if (!s.feed.rest_url.empty()) server.url = s.feed.rest_url;
  return server;
}

result<void> make_data_directory(const config::settings& s) {
  std::error_code ec;
  std::filesystem::create_directories(s.data.dir, ec);
  if (ec)
    return fail(errc::usage,
                "cannot create the data directory " + s.data.dir + ": " + ec.message());
  return {};
}

}  // namespace

int kite_login(const settings_options& options, const std::string& api_key,
               const std::string& request_token) {
  const auto s = load(options);
  if (!s) return report(s.error());
  const auto key = find_kite_key(*s, s->data.dir, api_key);
  if (!key) return report(key.error());
  if (key->api_key.empty()) {
    return report(
        {errc::usage, "feed.api_key is not set: it is shown at https://developers.kite.trade"});
  }
  if (request_token.empty()) {
    std::printf("%s\n", feed::kite::login_url(key->api_key).c_str());
    std::fprintf(stderr,
                 "Log in there, then: artham kite login%s --request-token TOKEN, the request_token "
                 "of the address "
                 "that you are sent to.\n",
                 api_key.empty() ? "" : (" --key " + api_key).c_str());
    return 0;
  }
  if (key->api_secret.empty()) {
    const bool first = key->api_key == s->feed.api_key;
    return report(
        {errc::usage,
         "the API secret of " + key->api_key + " is not set: put it into ARTHAM_FEED__" +
             (first ? "API_SECRET, or feed.api_secret" : "MORE_SECRETS, or feed.more_secrets") +
             " of a configuration file with mode 0600"});
  }
  if (auto made = make_data_directory(*s); !made) return report(made.error());
  const auto session = feed::kite::login(server_of(*s), key->api_key, key->api_secret,
                                         request_token, runtime::utc_now());
  if (!session) return report(session.error());
  const auto& file = key->token_file;
  if (auto written = feed::kite::write_token_file(file, *session); !written)
    return report(written.error());
  std::printf(
      "logged in as %s until %s; token kept in %s\n", session->user_id.c_str(),
      market::to_rfc3339(feed::kite::expires_at(session->login_time), market::india_offset).c_str(),
      file.c_str());
  return 0;
}

int kite_instruments(const settings_options& options) {
  const auto s = load(options);
  if (!s) return report(s.error());
  if (auto made = make_data_directory(*s); !made) return report(made.error());
  const auto who = rest_credentials(*s, s->data.dir);
  if (!who) return report(who.error());
  const auto csv = feed::kite::fetch_instruments(server_of(*s), *who);
  if (!csv) return report(csv.error());
  const auto list = market::parse_instruments(*csv);
  if (!list) return report({list.error().code, "instrument dump: " + list.error().message});
  store_opening how;
  how.timeframes = s->bars.timeframes;
  auto store = open_store(*s, s->data.dir, how);
  if (!store) return report(store.error());
  const market::date today{
      static_cast<std::int32_t>((runtime::utc_now() + market::india_offset) / market::day)};
  if (auto put = (*store)->writing().put_instruments(*list, today); !put)
    return report(put.error());
  std::printf("%zu instruments in force from %s\n", list->size(), market::to_string(today).c_str());
  return 0;
}

}  // namespace artham::app

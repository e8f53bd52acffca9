#include "app/kite_keys.hpp"

#include <algorithm>

#include "feed/kite/token_file.hpp"

namespace artham::app {

std::vector<kite_key> kite_keys(const config::settings& s, const std::filesystem::path& data) {
  const auto& f = s.feed;
  const std::filesystem::path named = f.access_token_file;
  const auto first = named.empty() ? data / "access_token.json" : named;
  std::vector<kite_key> all{{f.api_key, f.api_secret, first}};
  for (std::size_t i = 0; i < f.more_keys.size(); ++i) {
    kite_key k;
    k.api_key = f.more_keys[i];
    if (i < f.more_secrets.size()) k.api_secret = f.more_secrets[i];
    k.token_file = first;
    k.token_file.replace_filename(first.stem().string() + "." + k.api_key +
                                  first.extension().string());
    all.push_back(std::move(k));
  }
  return all;
}

result<kite_key> find_kite_key(const config::settings& s, const std::filesystem::path& data,
                               const std::string& api_key) {
  auto all = kite_keys(s, data);
  if (api_key.empty()) return std::move(all.front());
  const auto found = std::ranges::find(all, api_key, &kite_key::api_key);
  if (found != all.end()) return std::move(*found);
  std::string known;
  for (const auto& k : all) {
    if (!k.api_key.empty()) known += (known.empty() ? "" : ", ") + k.api_key;
  }
  return fail(errc::usage, "--key " + api_key + " is none of feed.api_key and feed.more_keys" +
                               (known.empty() ? "" : ": " + known));
}

result<feed::kite::credentials> rest_credentials(const config::settings& s,
                                                 const std::filesystem::path& data) {
  const auto all = kite_keys(s, data);
  feed::kite::credentials who;
  who.api_key = all.front().api_key;
  for (const auto& k : all) {
    auto kept = feed::kite::read_token_file(k.token_file);
    if (!kept) {
      if (kept.error().code == errc::not_found) continue;
      return tl::unexpected(kept.error());
    }
    who.api_key = k.api_key.empty() ? kept->api_key : k.api_key;
    who.access_token = std::move(kept->access_token);
    return who;
  }
  return who;
}

}  // namespace artham::app

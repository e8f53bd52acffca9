#include "actors/session/key_resolver.hpp"

#include <algorithm>
#include <utility>

#include "actors/session/chain_board.hpp"
#include "messages/actors.hpp"

namespace artham::actors {

using protocol::code;

namespace {

constexpr std::string_view any = ":*";

tl::unexpected<protocol::refusal> refuse(code c, std::string message) {
  return tl::unexpected(protocol::refusal{"null", c, std::move(message)});
}

}  // namespace

key_resolver::key_resolver(std::shared_ptr<const instrument_index> instruments,
                           std::vector<market::timeframe> timeframes,
                           std::shared_ptr<const market::feature::feature_plan> features)
    : instruments_(std::move(instruments)),
      timeframes_(std::move(timeframes)),
      features_(std::move(features)) {}

tl::expected<std::vector<key_resolver::resolved>, protocol::refusal> key_resolver::resolve(
    const std::vector<std::string>& texts, std::size_t at_most) const {
  std::vector<resolved> found;
  for (const auto& text : texts) {
    if (auto added = add(text, at_most, found); !added) return tl::unexpected(added.error());
  }
  return found;
}

key_resolver::outcome key_resolver::add(const std::string& text, std::size_t at_most,
                                        std::vector<resolved>& to) const {
  if (text == "system") {
    to.push_back({messages::system_key, text});
    return {};
  }
  const auto key = protocol::parse_key(text);
  if (!key) return refuse(code::bad_request, key.error().message);
  if (key->kind == protocol::key::what::chain) {
    const auto found = chain(key->instrument, key->expiry);
    if (!found) return refuse(code::unknown_instrument, "key \"" + text + "\": " + found.error());
    to.push_back({*found, text});
    return {};
  }
  if (key->instrument.ends_with(any)) return add_all(*key, text, at_most, to);
  const auto token = instruments_->token(key->instrument);
  if (!token) {
    return refuse(code::unknown_instrument, "unknown instrument \"" + key->instrument +
                                                "\" in key \"" + text +
                                                "\"; GET /v1/instruments lists them");
  }
  if (key->kind == protocol::key::what::tick) {
    to.push_back({messages::tick_key(*token), text});
    return {};
  }
  if (key->kind == protocol::key::what::greeks) {
    if (!is_option(*token)) {
      return refuse(code::unknown_instrument, "key \"" + text + "\": " + key->instrument +
                                                  " is no option whose chain is followed here");
    }
    to.push_back({messages::greeks_key(*token), text});
    return {};
  }
  const auto tf = timeframe(*key, text);
  if (!tf) return tl::unexpected(tf.error());
  to.push_back({messages::bar_key(*token, *tf), text});
  return {};
}

key_resolver::outcome key_resolver::add_all(const protocol::key& key, const std::string& text,
                                            std::size_t at_most, std::vector<resolved>& to) const {
  const std::string_view what(key.instrument.data(), key.instrument.size() - any.size());
  const auto before = to.size();
  std::uint32_t tf = 0;
  if (key.kind == protocol::key::what::bar) {
    const auto found = timeframe(key, text);
    if (!found) return tl::unexpected(found.error());
    tf = *found;
  }
  const auto put = [&](std::string_view name, std::uint32_t token) {
    switch (key.kind) {
      case protocol::key::what::tick:
        to.push_back({messages::tick_key(token), "tick:" + std::string(name)});
        break;
      case protocol::key::what::bar:
        to.push_back({messages::bar_key(token, tf),
                      "bar:" + std::string(name) + ":" + market::to_string(key.timeframe)});
        break;
      default:
        if (is_option(token))
          to.push_back({messages::greeks_key(token), "greeks:" + std::string(name)});
    }
    return to.size() <= at_most;
  };
  const auto last = what.rfind(':');
  const auto expiry = last == std::string_view::npos
                          ? result<market::date>(fail(errc::bad_input, ""))
                          : market::parse_date(what.substr(last + 1));
  if (key.kind == protocol::key::what::greeks && expiry) {
    const auto underlying = what.substr(0, last);
    if (const auto found = chain(underlying, *expiry); !found)
      return refuse(code::unknown_instrument, "key \"" + text + "\": " + found.error());
    for (const auto& o : features_->chains().find(underlying)->second->options) {
      const auto name = instruments_->key_of(o.what.token);
      if (o.expiry == *expiry && !name.empty() && !put(name, o.what.token)) break;
    }
  } else {
    instruments_->for_each_of(what, put);
  }
  if (to.size() > at_most) {
    return refuse(code::too_many_subscriptions, "key \"" + text + "\" stands for more than " +
                                                    std::to_string(at_most) +
                                                    " keys, which is what a session may subscribe");
  }
  if (to.size() != before) return {};
  return refuse(code::unknown_instrument, "nothing is meant by key \"" + text +
                                              "\"; GET /v1/instruments lists what there is");
}

tl::expected<std::uint32_t, protocol::refusal> key_resolver::timeframe(
    const protocol::key& key, const std::string& text) const {
  const auto it = std::find(timeframes_.begin(), timeframes_.end(), key.timeframe);
  if (it != timeframes_.end()) return static_cast<std::uint32_t>(it - timeframes_.begin());
  std::string offered;
  for (const auto& tf : timeframes_) offered += " " + market::to_string(tf);
  return refuse(code::unknown_timeframe, "timeframe " + market::to_string(key.timeframe) +
                                             " of key \"" + text +
                                             "\" is not built here; there are:" + offered);
}

tl::expected<std::uint64_t, std::string> key_resolver::chain(std::string_view underlying,
                                                             market::date expiry) const {
  if (!features_) return tl::unexpected(std::string("features.enabled is false here"));
  const auto number = chain_board::number_of(*features_, underlying);
  if (!number) {
    return tl::unexpected("there is no chain of \"" + std::string(underlying) +
                          "\"; GET /v1/chain lists them");
  }
  const auto& options = features_->chains().find(underlying)->second->options;
  const bool listed =
      std::ranges::any_of(options, [&](const auto& o) { return o.expiry == expiry; });
  if (listed) return messages::chain_key(*number, expiry);
  std::string offered;
  market::date before;
  for (const auto& o : options) {
    if (o.expiry != before) offered += " " + market::to_string(o.expiry);
    before = o.expiry;
  }
  return tl::unexpected("nothing of " + std::string(underlying) + " expires then, but on" +
                        offered);
}

bool key_resolver::is_option(std::uint32_t token) const {
  if (!features_) return false;
  return std::ranges::any_of(features_->group_of(token)->options,
                             [&](const auto& o) { return o.what.token == token; });
}

}  // namespace artham::actors

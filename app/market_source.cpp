#include "app/market_source.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <stdexcept>
#include <utility>

#include <spdlog/spdlog.h>

#include "app/data_directory.hpp"
#include "app/environment.hpp"
#include "app/feed_state.hpp"
#include "app/journal_rules.hpp"
#include "app/kite_keys.hpp"
#include "feed/kite/client.hpp"
#include "feed/kite/rest.hpp"
#include "feed/kite/token_file.hpp"
#include "feed/recording/recording.hpp"
#include "runtime/clock.hpp"
#include "runtime/log.hpp"

namespace artham::app {

namespace {

constexpr std::size_t own_exchange_tokens = 1'000'000;

std::chrono::milliseconds milliseconds(market::duration d) {
  return std::chrono::milliseconds(d / market::millisecond);
}

/// The open of today's session, or of the last trading day before.
market::timestamp first_open(const market::calendar& c, market::timestamp now) {
  auto date = c.local_date(now);
  for (int back = 0; back < 30 && !c.is_trading_date(date); ++back) --date.days;
  const auto day = c.day(date);
  return day.sessions.empty() ? now : day.sessions.front().open;
}

/// Records of Kite frames and the ticks in them, over the whole journal.
struct journaled {
  std::uint64_t frames = 0;
  std::uint64_t ticks = 0;
};
result<journaled> count_journaled(bridge::bridge& journal) {
  journaled n;
  auto cursor = journal.open_reader(record::ticks_stream(), {}, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  for (;;) {
    auto blocks = (*cursor)->pull(1U << 18U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return n;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&n](const record::header& h, std::uint64_t, std::string_view) {
        if (h.kind != record::kind::kite_frame) return;
        ++n.frames;
        n.ticks += h.count;
      });
    }
  }
}

/// Those that the journal's newest epoch was begun with.
result<std::vector<market::instrument>> journaled_instruments(bridge::bridge& journal) {
  const auto tops = journal.stream_tops(record::ticks_stream());
  if (!tops) return tl::unexpected(tops.error());
  if (tops->appended.seq == 0) return std::vector<market::instrument>{};
  const auto hashes = hashes_of_epoch(journal, tops->appended.epoch);
  if (!hashes) return tl::unexpected(hashes.error());
  if (!*hashes) return std::vector<market::instrument>{};
  const auto csv = journal.get_object((*hashes)->instruments);
  if (!csv) return tl::unexpected(csv.error());
  return market::parse_instruments(*csv);
}

/// `ws://host:port/path` to `http://host:port`.
std::string rest_of(std::string_view ws) {
  const bool tls = ws.starts_with("wss://");
  auto rest = ws.substr(ws.find("://") == std::string_view::npos ? 0 : ws.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?"));
  return (tls ? "https://" : "http://") + std::string(rest);
}

}  // namespace

market_source::market_source(market_source_options o) : options_(std::move(o)) {}

market_source::~market_source() {
  stop();
}

result<std::unique_ptr<market_source>> market_source::open(market_source_options o) {
  std::unique_ptr<market_source> made(new market_source(std::move(o)));
  if (auto done = made->start(); !done) return tl::unexpected(done.error());
  return made;
}

void market_source::stop() {
  if (exchange_) exchange_->stop();
}

result<void> market_source::start() {
  const auto newest = actors::newest_record_times(*options_.journal);
  if (!newest) return tl::unexpected(newest.error());
  const auto& f = options_.settings->feed;
  if (f.url.empty()) {
    if (auto done = start_exchange(*newest); !done) return done;
    feed_url_ = "ws://127.0.0.1:" + std::to_string(exchange_->port());
    rest_url_ = rest_of(feed_url_);
    exchange_clock_ = true;
  } else {
    if (options_.recording) {
      return fail(
          errc::usage,
          "--recording plays in artham's own exchange; feed.url names another one: leave one out");
    }
    feed_url_ = f.url;
    const bool kite = feed_url_.find("kite.trade") != std::string::npos;
    rest_url_ = !f.rest_url.empty() ? f.rest_url
                : kite              ? "https://api.kite.trade"
                                    : rest_of(feed_url_);
    exchange_clock_ = f.clock == config::clock_source::exchange ||
                      (f.clock == config::clock_source::automatic && !kite);
    if (auto done =
            claim_data_directory(options_.data, {"ticker", feed_url_, kite ? "kite" : "ticker"});
        !done)
      return done;
  }
  return load_instruments(*newest);
}

result<void> market_source::start_exchange(const actors::newest_times& newest) {
  const auto& s = *options_.settings;
  exchange::options o;
  o.port = s.exchange.port;
  if (s.exchange.speed > 0) {
    o.speed = s.exchange.speed;
  } else {
    o.speed = std::nullopt;
  }
  o.start = exchange::start_when::subscribe;
  o.clock_interval = s.ingest.clock_interval;
  o.lateness = s.bars.lateness;
  for (const auto& [name, c] : options_.calendars->by_name) o.calendars.emplace(name, c);
  if (options_.recording) {
    const auto file = options_.recording->string();
    const auto hash = feed::recording::recording_hash(file);
    if (!hash) return tl::unexpected(hash.error());
    if (auto done =
            claim_data_directory(options_.data, {"recording", "the recording " + file, *hash});
        !done)
      return done;
    exchange::recording_source_options source;
    source.file = file;
    if (newest.market != 0) {
      const auto there = count_journaled(*options_.journal);
      if (!there) return tl::unexpected(there.error());
      const auto all = feed::recording::survey_recording(file);
      if (!all) return tl::unexpected(all.error());
      if (there->ticks >= all->ticks) {
        return fail(errc::conflict,
                    "the recording " + file + " was played to its end into " +
                        options_.data.string() +
                        ": give another --data directory to play it again, or look at it with "
                        "artham replay --journal " +
                        options_.data.string() + " --out DIR");
      }
      source.skip_frames = there->frames;
    }
    o.source = std::move(source);
    continuous_ = true;
  } else {
    const auto what = "the synthetic exchange (seed " + std::to_string(s.exchange.seed) + ", " +
                      std::to_string(s.exchange.instruments) + " instruments)";
    if (auto done = claim_data_directory(options_.data, {"synthetic", what, what}); !done)
      return done;
    exchange::synthetic_source_options source;
    source.market.seed = static_cast<std::uint64_t>(s.exchange.seed);
    source.market.instruments = static_cast<std::uint32_t>(s.exchange.instruments);
    source.market.chains = s.exchange.chains;
    const auto& nse = *options_.calendars->by_name.at("NSE");
    const auto now = runtime::utc_now();
    source.start = first_open(nse, now);
    if (newest.market != 0) {
      // Market time went on while nobody listened, at the speed that it has.
      const auto away = static_cast<double>(std::max<market::duration>(now - newest.wall, 0)) *
                        std::max(s.exchange.speed, 0.0);
      source.start = newest.market + static_cast<market::duration>(away);
      const auto session = nse.next_session(source.start);
      if (session && session->open > source.start) source.start = session->open;
    }
    o.source = source;
  }
  auto started = exchange::start(std::move(o));
  if (!started) return tl::unexpected(started.error());
  exchange_ = std::move(*started);
  return {};
}

result<void> market_source::load_instruments(const actors::newest_times& newest) {
  feed::kite::rest_server server;
  server.url = rest_url_;
  const auto who = rest_credentials(*options_.settings, options_.data);
  const auto csv = feed::kite::fetch_instruments(server, who.value_or(feed::kite::credentials{}));
  if (csv) {
    auto list = market::parse_instruments(*csv);
    if (!list) return fail(list.error().code, rest_url_ + "/instruments: " + list.error().message);
    instruments_ = std::move(*list);
  } else {
    auto known = known_instruments(csv.error());
    if (!known) return tl::unexpected(known.error());
    instruments_ = std::move(*known);
  }
  const auto now = newest.market != 0 ? newest.market
                   : exchange_        ? exchange_->market_time()
                                      : runtime::utc_now();
  today_ = {static_cast<std::int32_t>((now + market::india_offset) / market::day)};
  if (auto added = add_formulas(); !added) return added;
  index_ =
      std::make_shared<const actors::instrument_index>(instruments_, options_.calendars->by_name);
  if (options_.store != nullptr) {
    if (auto put = options_.store->writing().put_instruments(instruments_, today_); !put)
      return put;
  }
  auto tokens = wanted_tokens(today_);
  if (!tokens) return tl::unexpected(tokens.error());
  tokens_ = std::move(*tokens);
  in_use_ = calendars_of(tokens_);
  return {};
}

result<std::vector<market::instrument>> market_source::known_instruments(const error& why) const {
  std::vector<market::instrument> list;
  std::string from = "stored";
  using known = std::vector<store::stored_instrument>;
  const auto stored = options_.store != nullptr
                          ? options_.store->reading().instruments()
                          : result<known>(fail(errc::unavailable, "not asked here"));
  if (stored) {
    for (const auto& k : *stored) list.push_back(k.instrument);
  } else if (stored.error().code == errc::unavailable) {
    runtime::log().warn("store: {}", stored.error().message);
    auto journaled = journaled_instruments(*options_.journal);
    if (!journaled) return journaled;
    list = std::move(*journaled);
    from = "journaled";
  } else {
    return tl::unexpected(stored.error());
  }
  if (list.empty()) {
    return fail(errc::unavailable,
                "no instruments: " + why.message + "; and none are " + from + " yet. " +
                    (why.code == errc::refused ? "Log in with artham kite login, then start again"
                                               : "Is the exchange at " + rest_url_ + " running?"));
  }
  runtime::log().warn("instruments: {}; going on with the {} {} ones", why.message, list.size(),
                      from);
  return list;
}

result<void> market_source::add_formulas() {
  std::erase_if(instruments_,
                [](const auto& i) { return i.exchange == market::synthetic_exchange; });
  const auto& ingest = options_.settings->ingest;
  if (ingest.formulas.empty()) return {};
  const auto formulas = market::formula::parse_formulas(ingest.formulas);
  if (!formulas) return fail(errc::usage, "ingest.formulas: " + formulas.error().message);
  auto plan = market::formula::formula_plan::make(*formulas, instruments_,
                                                  calendar_by_exchange(*options_.calendars));
  if (!plan) return fail(plan.error().code, "ingest.formulas: " + plan.error().message);
  for (const auto& i : (*plan)->instruments()) {
    if (auto free = check_name(i); !free) return free;
    instruments_.push_back(i);
  }
  formulas_ = std::move(*plan);
  return {};
}

result<void> market_source::check_name(const market::instrument& i) const {
  if (options_.store == nullptr) return {};
  const auto found = options_.store->reading().find(std::to_string(i.token));
  if (!found && found.error().code == errc::unavailable) {
    runtime::log().warn("formula {}: whether its name is free is not known: {}", i.symbol,
                        found.error().message);
    return {};
  }
  if (!found) return tl::unexpected(found.error());
  if (!*found) return {};
  const auto& known = (*found)->instrument;
  const auto refuse = [&](const std::string& why) {
    return fail(errc::usage,
                "ingest.formulas: formula " + i.symbol + ": " + why + ": choose another name");
  };
  if (market::display_key(known) != market::display_key(i))
    return refuse("its token " + std::to_string(i.token) + " was that of " +
                  market::display_key(known));
  if (market::calendar_of(known.name) != market::calendar_of(i.name))
    return refuse("the name stood for one that trades by the calendar of " + known.name +
                  ", not of " + i.name);
  return {};
}

bool market_source::by_demand() const {
  return options_.settings->ingest.on_demand && options_.demand && !options_.recording;
}

result<std::vector<std::uint32_t>> market_source::wanted_tokens(market::date today) const {
  const auto& wanted = options_.settings->ingest.instruments;
  std::set<std::uint32_t> tokens;
  if ((wanted.empty() && !by_demand()) || options_.recording) {
    for (const auto& i : instruments_) {
      if (i.exchange != market::synthetic_exchange) tokens.insert(i.token);
    }
  }
  if (formulas_) {
    for (const auto token : formulas_->legs(today)) tokens.insert(token);
  }
  const std::string synthetic(market::synthetic_exchange);
  for (const auto& key : wanted) {
    std::uint32_t token = 0;
    const auto [end, ec] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (ec == std::errc() && end == key.data() + key.size()) {
      tokens.insert(token);
    } else if (key.starts_with(synthetic + ":")) {
      return fail(errc::usage,
                  "ingest.instruments: \"" + key +
                      "\" is computed (ingest.formulas), not subscribed: leave it out");
    } else if (const auto found = index_->token(key)) {
      tokens.insert(*found);
    } else {
      return fail(errc::usage, "ingest.instruments: unknown instrument \"" + key +
                                   "\"; keys look like NSE:INFY");
    }
  }
  const auto& f = options_.settings->feed;
  const auto sockets = static_cast<std::size_t>(f.sockets) * (1 + f.more_keys.size());
  const auto limit = sockets * static_cast<std::size_t>(f.max_tokens_per_socket);
  if (!exchange_ && tokens.size() > limit) {
    return fail(errc::usage, "ingest.instruments: " + std::to_string(tokens.size()) +
                                 " instruments are more than the " + std::to_string(limit) +
                                 " that " + std::to_string(sockets) +
                                 " connections may have (feed.max_tokens_per_socket, feed.sockets, "
                                 "feed.more_keys): name fewer");
  }
  return std::vector<std::uint32_t>(tokens.begin(), tokens.end());
}

actors::ingestor_config market_source::ingestor(const market::config_hashes& hashes) const {
  const auto& s = *options_.settings;
  actors::ingestor_config c;
  c.journal = options_.journal;
  c.decoder = options_.decoder;
  c.metrics = options_.metrics;
  c.queue_bytes = static_cast<std::size_t>(s.ingest.queue_bytes);
  c.feed_waits = options_.recording.has_value();
  c.log.calendars = in_use_;
  c.log.clock_interval = s.ingest.clock_interval;
  c.log.lateness = s.bars.lateness;
  c.log.hashes = hashes;
  c.log.continuous = continuous_;
  c.log.formulas = formulas_;
  c.log.formula_stale = s.ingest.formula_stale;
  if (by_demand()) {
    std::vector<std::uint32_t> all;
    for (const auto& i : instruments_) all.push_back(i.token);
    c.log.calendars = calendars_of(all);
  }
  feed::kite::client_options o;
  o.url = feed_url_;
  o.clock = exchange_clock_ ? feed::kite::clock_source::exchange : feed::kite::clock_source::host;
  o.clock_interval = s.ingest.clock_interval;
  o.silence_limit = milliseconds(s.feed.silence);
  o.stall = {s.feed.stall, s.feed.stall_factor, s.feed.stall_start};
  if (options_.recording) o.stall.least = 0;  // where it has no ticks, there are none to come
  o.calendars = c.log.calendars;
  o.calendar_of = [index = index_](std::uint32_t token) { return index->calendar_of(token); };
  o.backoff.min = milliseconds(s.feed.backoff_min);
  o.backoff.max = milliseconds(s.feed.backoff_max);
  o.accounts.clear();
  for (const auto& k : kite_keys(s, options_.data)) {
    o.accounts.push_back({k.api_key.empty() ? "artham" : k.api_key, [file = k.token_file] {
                            auto kept = feed::kite::read_token_file(file);
                            return kept ? kept->access_token : runtime::secret();
                          }});
  }
  o.sockets = static_cast<std::size_t>(s.feed.sockets);
  o.max_tokens = static_cast<std::size_t>(s.feed.max_tokens_per_socket);
  if (exchange_) {
    o.accounts.resize(1);
    o.sockets = 1;
    o.max_tokens = own_exchange_tokens;
  }
  c.make_feed = [o, tokens = tokens_, mode = s.ingest.mode, this]() -> std::unique_ptr<feed::feed> {
    auto made = feed::kite::client::create(o, *options_.decoder);
    if (!made) throw std::runtime_error(made.error().message);
    if (auto asked = (*made)->subscribe(tokens, mode); !asked)
      throw std::runtime_error(asked.error().message);
    if (!by_demand()) return std::move(*made);
    demand_options d;
    d.source = options_.demand;
    d.always = tokens;
    d.mode = mode;
    d.max_tokens = o.accounts.size() * o.sockets * o.max_tokens;
    const auto known = std::make_shared<std::set<std::uint32_t>>();
    for (const auto& i : instruments_) {
      if (i.exchange != market::synthetic_exchange) known->insert(i.token);
    }
    d.is_known = [known](std::uint32_t token) { return known->contains(token); };
    d.metrics = options_.metrics;
    return std::make_unique<demand_feed>(std::move(*made), std::move(d));
  };
  return c;
}

std::vector<market::calendar_ptr> market_source::calendars_of(
    std::span<const std::uint32_t> tokens) const {
  std::vector<market::calendar_ptr> all;
  std::set<const market::calendar*> seen;
  for (const auto token : tokens) {
    const auto calendar = index_->calendar_of(token);
    if (seen.insert(calendar.get()).second) all.push_back(calendar);
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->name() < b->name(); });
  return all;
}

}  // namespace artham::app

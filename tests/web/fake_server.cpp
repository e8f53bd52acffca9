// A server with a made-up market, to look at and test the page without a real one: fake_server
// [port]. Prints its address, then runs until standard input ends.

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "messages/protocol/json.hpp"
#include "tests/web/fakes.hpp"
#include "web/api/routes.hpp"
#include "web/server/server.hpp"

using namespace artham;
using namespace artham::web;
using nlohmann::json;

namespace {

constexpr market::duration ist = 5 * market::hour + 30 * market::minute;

struct walk {
  market::instrument instrument;
  std::mt19937 random;
  std::int64_t paise = 0;
  std::int64_t day_volume = 0;
  std::int64_t day_open = 0, day_high = 0, day_low = 0, previous_close = 0;
  std::vector<market::bar> minutes;  ///< the last one is unfinished

  void trade(market::timestamp at) {
    const double drift = std::normal_distribution<double>(0, 1)(random);
    paise = std::max<std::int64_t>(
        500, paise + 5 * std::llround(drift * static_cast<double>(paise) / 25e3));
    const std::int64_t quantity = 1 + static_cast<std::int64_t>(random() % 400);
    if (minutes.empty() || at >= minutes.back().end) {
      if (minutes.empty() || at - minutes.back().end > market::hour) {
        previous_close = day_open == 0 ? paise : minutes.back().close.units / 10'000'000;
        day_open = day_high = day_low = paise;
        day_volume = 0;
      }
      market::bar b;
      b.token = instrument.token;
      b.start = at - at % market::minute;
      b.end = b.start + market::minute;
      b.open = b.high = b.low = b.close = price();
      b.fields = instrument.segment == "INDICES" ? 0 : market::bar::volume_known;
      minutes.push_back(b);
    }
    market::bar& b = minutes.back();
    b.close = price();
    b.high = std::max(b.high, b.close);
    b.low = std::min(b.low, b.close);
    b.volume += quantity;
    ++b.ticks;
    day_volume += quantity;
    day_high = std::max(day_high, paise);
    day_low = std::min(day_low, paise);
  }
  [[nodiscard]] market::price price(std::int64_t ticks_away = 0) const {
    return {(paise + 5 * ticks_away) * 10'000'000};
  }
  [[nodiscard]] market::tick tick(market::timestamp at) const {
    market::tick t;
    t.token = instrument.token;
    t.mode =
        instrument.segment == "INDICES" ? market::tick_mode::index_full : market::tick_mode::full;
    t.last = t.average = price();
    t.last_quantity = 25;
    t.volume = day_volume;
    t.exchange_time = t.last_trade_time = at;
    t.open = {day_open * 10'000'000};
    t.high = {day_high * 10'000'000};
    t.low = {day_low * 10'000'000};
    t.close = {previous_close * 10'000'000};
    for (unsigned i = 0; i < 5; ++i) {
      t.bids[i] = {price(-1 - std::int64_t{i}), 120 + 75 * i, 3};
      t.offers[i] = {price(1 + std::int64_t{i}), 90 + 110 * i, 4};
    }
    return t;
  }
};

class market_simulation : public web::testing::fake_reader, public messages::gateway {
 public:
  market_simulation() {
    const struct {
      std::uint32_t token;
      const char *exchange, *symbol, *name, *segment;
      double start;
    } all[] = {
        {256265, "NSE", "NIFTY 50", "NIFTY 50", "INDICES", 24500},
        {408065, "NSE", "INFY", "INFOSYS", "NSE", 1500},
        {738561, "NSE", "RELIANCE", "RELIANCE INDUSTRIES", "NSE", 2900},
        {341249, "NSE", "HDFCBANK", "HDFC BANK", "NSE", 1650},
        {2953217, "NSE", "TCS", "TATA CONSULTANCY SERVICES", "NSE", 3900},
        {13238786, "NFO", "NIFTY26NOVFUT", "NIFTY", "NFO-FUT", 24580},
    };
    const auto day = *market::parse_rfc3339("2026-11-20T09:15:00+05:30");
    now_ = day + 4 * market::hour + 12 * market::minute;
    for (const auto& a : all) {
      auto instrument =
          web::testing::make_instrument(a.token, a.exchange, a.symbol, a.name, a.segment);
      add(instrument);
      walk& w = walks_[a.token];
      w.instrument = std::move(instrument);
      w.random.seed(a.token);
      w.paise = std::llround(a.start * 100);
      for (int days = 3; days >= 0; --days) {
        const auto open = day - days * market::day;
        const auto until = days == 0 ? now_ : open + 375 * market::minute;
        for (auto t = open; t < until; t += 2 * market::second)
          if (!(days == 0 && t >= gap_from_ && t < gap_to_)) w.trade(t);
      }
      for (auto& b : w.minutes) {
        if (b.start == w.minutes.front().start) b.flags |= std::uint16_t(market::bar_flag::partial);
        if (b.end > gap_to_ && b.start <= gap_to_) b.flags |= std::uint16_t(market::bar_flag::gap);
      }
    }
    gap_rows.push_back({gap_from_, gap_to_, market::gap_cause::disconnected, "", {}});
  }

  result<std::vector<record::bar_record>> bars(const store::bar_query& q) override {
    const std::lock_guard lock(mutex_);
    auto all = aggregate(q.token, q.timeframe);
    if (!all.empty()) all.pop_back();
    std::vector<record::bar_record> out;
    for (const auto& b : all)
      if (b.start >= q.from && b.start < q.to) out.push_back({{}, b});
    if (out.size() > q.limit && q.newest_first)
      out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(q.limit));
    out.resize(std::min(out.size(), q.limit));
    return out;
  }

  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override {
    return {{"artham.v1.json", false}};
  }
  void open(std::shared_ptr<messages::client> c, messages::opening,
            std::function<void(result<std::shared_ptr<messages::session>>)> done) override {
    auto s = std::make_shared<viewer>(*this, std::move(c));
    {
      const std::lock_guard lock(mutex_);
      viewers_.push_back(s);
    }
    done(std::shared_ptr<messages::session>(s));
  }

  void step() {
    const std::lock_guard lock(mutex_);
    now_ += market::second;
    for (auto& [token, w] : walks_) w.trade(now_);
    std::erase_if(viewers_, [](const auto& v) { return v.expired(); });
    for (const auto& weak : viewers_)
      if (const auto v = weak.lock()) push(*v);
  }
  std::size_t size() const { return walks_.size(); }

 private:
  struct topic {
    std::string key;
    std::uint32_t token = 0;
    std::optional<market::timeframe> timeframe;
  };
  struct viewer : messages::session {
    viewer(market_simulation& m, std::shared_ptr<messages::client> c)
        : market(m), client(std::move(c)) {}
    void on_command(std::string text) override {
      market.command(*this, text);
      client->next_command();
    }
    void on_binary_command(std::string text) override { on_command(std::move(text)); }
    void on_drained() override {}
    void on_closed() override {
      const std::lock_guard lock(market.mutex_);
      client.reset();
    }
    market_simulation& market;
    std::shared_ptr<messages::client> client;
    std::map<std::string, topic> topics;
  };

  void command(viewer& v, const std::string& text) {
    const std::lock_guard lock(mutex_);
    const auto c = json::parse(text, nullptr, false);
    if (!c.is_object()) return;
    const std::string id = c.value("id", json()).dump();
    if (c.value("op", "") == "unsub")
      for (const std::string k : c["keys"]) v.topics.erase(k);
    if (c.value("op", "") != "sub") return reply(v, "{\"id\":" + id + ",\"ok\":true}");
    std::string out = "{\"id\":" + id + ",\"ok\":true,\"subs\":[";
    for (const std::string key : c["keys"]) {
      topic t{key, 0, std::nullopt};
      const bool bar = key.starts_with("bar:");
      const auto end = bar ? key.rfind(':') : key.size();
      const auto found =
          *find(key.substr(key.find(':') + 1, end - key.find(':') - 1), std::nullopt);
      if (!found) continue;
      t.token = found->instrument.token;
      if (bar) t.timeframe = *market::parse_timeframe(key.substr(end + 1));
      if (out.back() == '}') out += ',';
      out += "{\"key\":";
      protocol::append_text(out, key);
      out += ",\"state\":\"live\",\"snapshot\":{";
      if (bar) {
        auto all = aggregate(t.token, *t.timeframe);
        if (all.size() > 300) all.erase(all.begin(), all.end() - 300);
        out += "\"bars\":[";
        for (std::size_t i = 0; i < all.size(); ++i) {
          if (i != 0) out += ',';
          protocol::append_bar(out, all[i], i + 1 != all.size());
        }
        out += "]}}";
      } else {
        out += "\"tick\":";
        protocol::append_tick(out, walks_.at(t.token).tick(now_), now_);
        out += "}}";
      }
      v.topics[key] = t;
    }
    reply(v, out + "]}");
  }

  void push(viewer& v) {
    for (const auto& [key, t] : v.topics) {
      std::string out = t.timeframe ? "{\"ev\":\"bar\",\"key\":" : "{\"ev\":\"tick\",\"key\":";
      protocol::append_text(out, key);
      if (t.timeframe) {
        const auto all = aggregate(t.token, *t.timeframe);
        if (all.size() > 1 && all.back().ticks == 1) {
          std::string done = out + ",\"bar\":";
          protocol::append_bar(done, all[all.size() - 2], true);
          reply(v, done + "}");
        }
        out += ",\"bar\":";
        protocol::append_bar(out, all.back(), false);
      } else {
        out += ",\"tick\":";
        protocol::append_tick(out, walks_.at(t.token).tick(now_), now_);
      }
      reply(v, out + "}");
    }
  }

  static void reply(viewer& v, std::string text) {
    if (v.client) v.client->send(std::make_shared<const std::string>(std::move(text)));
  }

  std::vector<market::bar> aggregate(std::uint32_t token, market::timeframe tf) {
    std::vector<market::bar> out;
    for (const auto& b : walks_[token].minutes) {
      const auto day_start = (b.start + ist) / market::day * market::day - ist;
      const auto open = day_start + 9 * market::hour + 15 * market::minute;
      const bool daily = tf.kind == market::timeframe::unit::trading_day;
      const auto start = daily ? day_start : open + (b.start - open) / tf.length * tf.length;
      if (out.empty() || out.back().start != start) {
        out.push_back(b);
        out.back().start = start;
        out.back().end = daily ? open + 375 * market::minute : start + tf.length;
        continue;
      }
      auto& into = out.back();
      into.high = std::max(into.high, b.high);
      into.low = std::min(into.low, b.low);
      into.close = b.close;
      into.volume += b.volume;
      into.ticks += b.ticks;
      into.flags |= b.flags;
    }
    return out;
  }

  const market::timestamp gap_from_ = *market::parse_rfc3339("2026-11-20T12:41:20+05:30");
  const market::timestamp gap_to_ = *market::parse_rfc3339("2026-11-20T12:46:05+05:30");
  std::mutex mutex_;
  market::timestamp now_ = 0;
  std::map<std::uint32_t, walk> walks_;
  std::vector<std::weak_ptr<viewer>> viewers_;
};

}  // namespace

int main(int argc, char** argv) {
  market_simulation market;
  runtime::metrics metrics;
  auto& ticks = metrics.counter("artham_ticks_received_total", "Ticks received");
  api_dependencies d;
  d.reader = &market;
  d.operations.metrics = &metrics;
  d.timeframes = *market::parse_timeframes("1m 3m 5m 15m 25m 30m 1h 75m 125m 1D");
  d.operations.version = "0.1.0";
  d.operations.status = [](auto done) { done(R"({"state":"made up"})"); };
  server_options options;
  options.port = argc > 1 ? static_cast<std::uint16_t>(std::atoi(argv[1])) : 0;
  auto started = server::start(options, {make_api(d), {{"/v1/stream", &market}}, &metrics});
  if (!started) {
    std::cerr << started.error().message << '\n';
    return exit_code(started.error().code);
  }
  std::cout << (*started)->url() << std::endl;
  std::atomic<bool> running{true};
  std::thread steps([&] {
    while (running) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      market.step();
      ticks.add(market.size() * 37);
    }
  });
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  running = false;
  steps.join();
  (*started)->stop();
  return 0;
}

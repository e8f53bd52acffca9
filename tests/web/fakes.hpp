#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "messages/client.hpp"
#include "store/store.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/no_features.hpp"

namespace artham::web::testing {

/// As test::eventually; five seconds unless told.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(5)) {
  return artham::test::eventually(condition, limit);
}

inline market::instrument make_instrument(std::uint32_t token, std::string exchange,
                                          std::string symbol, std::string name,
                                          std::string segment) {
  market::instrument i;
  i.token = token;
  i.exchange = std::move(exchange);
  i.symbol = std::move(symbol);
  i.name = std::move(name);
  i.segment = std::move(segment);
  i.type = "EQ";
  i.tick_size = {50'000'000};
  i.lot_size = 1;
  return i;
}

/// A store in memory.
class fake_reader : public support::no_features {
 public:
  std::vector<store::stored_instrument> list;
  std::vector<record::bar_record> rows;  ///< of every timeframe
  std::vector<store::gap_row> gap_rows;
  std::vector<market::bar> candle_rows;
  std::string candles_of;
  std::optional<error> failure;
  std::function<void()> before_bars;
  std::atomic<int> instrument_reads{0};
  store::bar_query asked;  ///< last

  void add(market::instrument i) {
    store::stored_instrument s;
    s.instrument = std::move(i);
    list.push_back(std::move(s));
  }

  result<std::vector<record::bar_record>> bars(const store::bar_query& q) override {
    if (before_bars) before_bars();
    asked = q;
    if (failure) return tl::unexpected(*failure);
    std::vector<record::bar_record> out;
    for (const auto& r : rows)
      if (r.bar.token == q.token && r.bar.start >= q.from && r.bar.start < q.to) out.push_back(r);
    if (out.size() > q.limit) {
      if (q.newest_first)
        out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(q.limit));
      else
        out.resize(q.limit);
    }
    return out;
  }
  result<std::vector<market::bar>> candles(std::string_view source,
                                           const store::bar_query& q) override {
    candles_of = source;
    asked = q;
    if (failure) return tl::unexpected(*failure);
    return candle_rows;
  }
  result<std::vector<store::stored_instrument>> instruments() override {
    ++instrument_reads;
    if (failure) return tl::unexpected(*failure);
    return list;
  }
  result<std::optional<store::stored_instrument>> find(std::string_view key,
                                                       std::optional<market::date> on) override {
    if (failure) return tl::unexpected(*failure);
    for (const auto& s : list)
      if ((!on || (s.valid_from <= *on && (!s.valid_to || *on < *s.valid_to))) &&
          (market::display_key(s.instrument) == key || std::to_string(s.instrument.token) == key))
        return s;
    return std::nullopt;
  }
  result<std::vector<store::gap_row>> gaps(market::timestamp from, market::timestamp to) override {
    if (failure) return tl::unexpected(*failure);
    std::vector<store::gap_row> out;
    for (const auto& g : gap_rows)
      if (g.to > from && g.from < to) out.push_back(g);
    return out;
  }
  result<std::uint64_t> count_ticks() override { return 0; }
  result<std::vector<store::stored_position>> positions() override {
    return std::vector<store::stored_position>{};
  }
};

/// Keeps what its client did; answers each command by a function that the test gives.
class fake_session : public messages::session {
 public:
  std::shared_ptr<messages::client> client;
  messages::opening how;
  std::function<void(fake_session&, const std::string&)> answer;
  std::atomic<int> drained{0};
  std::atomic<int> closed{0};

  void on_command(std::string text) override {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(text);
    }
    if (answer) answer(*this, text);
  }
  void on_binary_command(std::string bytes) override { on_command("binary:" + bytes); }
  void on_drained() override { ++drained; }
  void on_closed() override { ++closed; }

  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  bool send_binary(std::string bytes) {
    return client->send_binary(std::make_shared<const std::string>(std::move(bytes)));
  }
  bool send(std::string text) {
    return client->send(std::make_shared<const std::string>(std::move(text)));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
};

/// Opens a session at once, or as the test says.
class fake_gateway : public messages::gateway {
 public:
  using opened = std::function<void(result<std::shared_ptr<messages::session>>)>;
  /// By default: echo, then the next command.
  std::function<void(fake_session&, const std::string&)> answer = [](fake_session& s,
                                                                     const std::string& text) {
    s.send(text);
    s.client->next_command();
  };
  std::function<bool(const opened&)> intercept;  ///< true: it took the answer upon itself

  std::function<std::optional<messages::rejection>(const messages::opening&)> rejecting;

  std::vector<messages::subprotocol> spoken{{"artham.v1.json", false}, {"artham.v1.bin", true}};

  [[nodiscard]] std::vector<messages::subprotocol> subprotocols() const override { return spoken; }
  [[nodiscard]] std::optional<messages::rejection> rejects(
      const messages::opening& how) const override {
    return rejecting ? rejecting(how) : std::nullopt;
  }
  void open(std::shared_ptr<messages::client> c, messages::opening how, opened done) override {
    if (intercept && intercept(done)) return;
    auto s = std::make_shared<fake_session>();
    s->client = std::move(c);
    s->how = std::move(how);
    s->answer = answer;
    {
      const std::lock_guard lock(mutex_);
      sessions_.push_back(s);
    }
    done(std::shared_ptr<messages::session>(s));
  }
  std::vector<std::shared_ptr<fake_session>> sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_;
  }
  std::shared_ptr<fake_session> session(std::size_t i) const {
    std::shared_ptr<fake_session> found;
    eventually([&] {
      const auto all = sessions();
      if (all.size() > i) found = all[i];
      return found != nullptr;
    });
    return found;
  }
  ~fake_gateway() override {
    for (const auto& s : sessions_) s->client.reset();  // session and client own each other
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<fake_session>> sessions_;
};

}  // namespace artham::web::testing

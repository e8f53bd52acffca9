#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include "actors/session/hub.hpp"
#include "actors/session/session.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/protocol/frame.hpp"
#include "messages/record/feature_codec.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"
#include "messages/system.hpp"
#include "store/record_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/no_features.hpp"

namespace artham::test {

inline bool eventually(const std::function<bool()>& condition) {
  return eventually(condition, std::chrono::seconds(30));
}

/// A store whose bars cannot be read while it is broken.
class some_store final : public support::no_features {
 public:
  std::atomic<bool> broken{false};
  std::vector<record::bar_record> rows;

  /// From any thread.
  void add(record::bar_record row) {
    const std::lock_guard lock(mutex_);
    rows.push_back(std::move(row));
  }
  result<std::vector<record::bar_record>> bars(const store::bar_query& q) override {
    if (broken) return fail(errc::io, "artham.db: disk I/O error");
    const std::lock_guard lock(mutex_);
    const auto some = std::min(rows.size(), q.limit);
    return std::vector<record::bar_record>(rows.end() - static_cast<std::ptrdiff_t>(some),
                                           rows.end());
  }
  result<std::vector<market::bar>> candles(std::string_view, const store::bar_query&) override {
    return {};
  }
  result<std::vector<store::stored_instrument>> instruments() override { return {}; }
  result<std::optional<store::stored_instrument>> find(std::string_view,
                                                       std::optional<market::date>) override {
    return std::nullopt;
  }
  result<std::vector<store::gap_row>> gaps(market::timestamp, market::timestamp) override {
    return {};
  }
  result<std::uint64_t> count_ticks() override { return 0; }
  result<std::vector<store::stored_position>> positions() override { return {}; }

 private:
  std::mutex mutex_;
};

/// What a reader gives, behind a block that is not there any more once `lost` is set.
class reader_behind final : public bridge::reader {
 public:
  reader_behind(std::unique_ptr<bridge::reader> inner, std::shared_ptr<std::atomic<bool>> lost)
      : inner_(std::move(inner)), lost_(std::move(lost)) {}
  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    auto blocks = inner_->pull(max_records);
    if (blocks && !blocks->empty() && lost_->exchange(false)) {
      auto gone = std::make_shared<record::block>();
      gone->damaged = true;
      blocks->insert(blocks->begin(), std::move(gone));
    }
    return blocks;
  }
  void when_ready(std::function<void()> fn) override { inner_->when_ready(std::move(fn)); }
  [[nodiscard]] std::uint64_t lag() const override { return inner_->lag(); }

 private:
  std::unique_ptr<bridge::reader> inner_;
  std::shared_ptr<std::atomic<bool>> lost_;
};

/// A bridge in memory of whose final 1m bars something can be lost.
class losing_bridge final : public bridge::bridge {
 public:
  std::shared_ptr<std::atomic<bool>> lost = std::make_shared<std::atomic<bool>>(false);

  result<std::unique_ptr<::artham::bridge::writer>> open_writer(std::string_view stream,
                                                                std::uint32_t epoch) override {
    return inner_->open_writer(stream, epoch);
  }
  result<std::unique_ptr<::artham::bridge::reader>> open_reader(
      std::string_view stream, record::position after, ::artham::bridge::top until,
      std::span<const std::uint32_t> tokens) override {
    auto opened = inner_->open_reader(stream, after, until, tokens);
    if (!opened || stream != record::final_bars_stream("1m")) return opened;
    return std::make_unique<reader_behind>(std::move(*opened), lost);
  }
  [[nodiscard]] result<::artham::bridge::tops> stream_tops(std::string_view stream) const override {
    return inner_->stream_tops(stream);
  }
  [[nodiscard]] std::vector<std::string> streams() const override { return inner_->streams(); }
  [[nodiscard]] std::uint32_t last_epoch() const override { return inner_->last_epoch(); }
  result<market::content_hash> put_object(std::string_view content) override {
    return inner_->put_object(content);
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return inner_->get_object(hash);
  }
  void stop() override { inner_->stop(); }
  void drop_before(std::string_view stream, record::position upto) {
    inner_->drop_before(stream, upto);
  }

 private:
  std::unique_ptr<::artham::bridge::memory::memory_bridge> inner_ =
      ::artham::bridge::memory::make();
};

/// The socket of a client: keeps what it is sent, and takes nothing while it is stopped.
class listener final : public messages::client {
 public:
  bool send(messages::frame_ptr) override { return false; }
  bool send_binary(messages::frame_ptr) override { return false; }
  bool send_frames(messages::frames some) override {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      refused_ = true;
      return false;
    }
    take(some);
    return true;
  }
  void next_command() override {
    const std::lock_guard lock(mutex_);
    ++next_commands_;
    changed_.notify_all();
  }
  void close(std::uint16_t code, std::string) override {
    const std::lock_guard lock(mutex_);
    closed_with_ = code;
    changed_.notify_all();
  }
  void close_slow(messages::frames last, std::uint16_t code, std::string reason) override {
    {
      const std::lock_guard lock(mutex_);
      take(last);
    }
    close(code, std::move(reason));
  }
  [[nodiscard]] std::string address() const override { return "test"; }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  /// Something was not taken since it was stopped.
  [[nodiscard]] bool refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  /// True: the session is to be told that there is room again.
  bool go_on() {
    const std::lock_guard lock(mutex_);
    stopped_ = false;
    return std::exchange(refused_, false);
  }
  struct message_of {
    bool text;
    std::string payload;
  };
  /// What came until now, in order.
  [[nodiscard]] std::vector<message_of> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  /// Of that the JSON messages.
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> some;
    for (auto& m : all())
      if (m.text) some.push_back(std::move(m.payload));
    return some;
  }
  [[nodiscard]] std::uint16_t closed_with() const {
    const std::lock_guard lock(mutex_);
    return closed_with_;
  }
  /// Commands that were handled.
  [[nodiscard]] std::size_t next_commands() const {
    const std::lock_guard lock(mutex_);
    return next_commands_;
  }
  /// Where what it was sent last lies.
  [[nodiscard]] std::shared_ptr<const std::string> newest() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }
  bool wait(const std::function<bool(const listener&)>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] {
      lock.unlock();
      const bool there = condition(*this);
      lock.lock();
      return there;
    });
  }

  nlohmann::json reply(int id) {
    return message([id](const nlohmann::json& f) { return f.value("id", 0) == id; });
  }
  /// The newest event of this name for this key.
  nlohmann::json event(const std::string& name, const std::string& key) {
    return message([&](const nlohmann::json& f) {
      return f.value("ev", "") == name && f.value("key", "") == key;
    });
  }
  nlohmann::json message(const std::function<bool(const nlohmann::json&)>& wanted) {
    std::unique_lock lock(mutex_);
    nlohmann::json found;
    std::size_t seen = 0;
    changed_.wait_for(lock, std::chrono::seconds(30), [&] {
      for (; seen < all_.size(); ++seen) {
        if (!all_[seen].text) continue;
        auto f = nlohmann::json::parse(all_[seen].payload);
        if (wanted(f)) found = std::move(f);
      }
      return !found.is_null();
    });
    return found;
  }

 private:
  void take(const messages::frames& some) {
    newest_ = some.of;
    auto left = some.bytes();
    std::size_t count = 0;
    while (!left.empty()) {
      const auto first = static_cast<std::uint8_t>(left[0]);
      const auto length = static_cast<std::uint8_t>(left[1]);
      const std::size_t extended = length < 126 ? 0 : length == 126 ? 2 : 8;
      std::size_t size = extended == 0 ? length : 0;
      for (std::size_t i = 0; i < extended; ++i)
        size = size << 8U | static_cast<std::uint8_t>(left[2 + i]);
      auto payload = std::string(left.substr(2 + extended, size));
      all_.push_back({first == 0x81, std::move(payload)});
      left.remove_prefix(2 + extended + size);
      ++count;
    }
    CHECK(count == some.messages);
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  bool refused_ = false;
  std::uint16_t closed_with_ = 0;
  std::size_t next_commands_ = 0;
  std::shared_ptr<const std::string> newest_;
  std::vector<message_of> all_;
};

/// What a world may have instead of its own.
struct world_parts {
  ::artham::bridge::bridge* streams = nullptr;    ///< null: in memory
  bool writes = true;                             ///< somebody else does not
  std::vector<market::instrument> instruments{};  ///< beside INFY and RELIANCE
  std::shared_ptr<const market::feature::feature_plan> features{};
  store::record_source* stored = nullptr;
  bool stored_ticks = false;
  std::chrono::milliseconds store_patience{20'000};
  std::function<void(std::function<void(std::string)>)> ask_system{};
};

/// A hub, its streams, and as many clients as one likes.
struct gateway_world {
  explicit gateway_world(const char* timeframes, std::chrono::microseconds flush = {},
                         const world_parts& parts = {})
      : streams(parts.streams != nullptr ? *parts.streams : *journal) {
    const auto calendar = config::load_calendar("NSE");
    REQUIRE(calendar);
    auto list = parts.instruments;
    for (const auto& [token, symbol] : {std::pair{408065U, "INFY"}, {738561U, "RELIANCE"}}) {
      market::instrument i;
      i.token = token;
      i.exchange = "NSE";
      i.symbol = symbol;
      list.push_back(std::move(i));
    }
    index = std::make_shared<const actors::instrument_index>(
        list, std::map<std::string, market::calendar_ptr, std::less<>>{
                  {"NSE", calendar->calendar}, {"NFO", calendar->calendar}});
    hub_options.journal = &streams;
    hub_options.decoder = &decoder;
    hub_options.store = &store;
    hub_options.store_thread = &history;
    hub_options.metrics = &metrics;
    hub_options.names = names;
    hub_options.instruments = index;
    hub_options.timeframes = *market::parse_timeframes(timeframes);
    hub_options.flush = flush;
    hub_options.board = board;
    hub_options.packet_before = [this](std::uint32_t token) {
      const std::lock_guard lock(mutex);
      const auto it = packets_before.find(token);
      return it == packets_before.end() ? std::string() : it->second;
    };
    hub_options.on_demand = [this](std::vector<std::uint32_t> wanted) {
      const std::lock_guard lock(mutex);
      demanded = std::move(wanted);
    };
    hub_options.features = parts.features;
    hub_options.ask_system = parts.ask_system;
    tokens = std::make_shared<const actors::token_codec>(
        7, actors::stream_list(hub_options.timeframes, parts.features != nullptr, 1));
    hub_options.tokens = tokens;
    auto& c = catch_up_of;
    c.journal = &streams;
    c.tokens = tokens;
    c.decoder = &decoder;
    c.board = board;
    c.features = parts.features;
    c.stored = parts.stored;
    c.stored_ticks = parts.stored_ticks;
    c.timeframes = hub_options.timeframes;
    c.store_patience = parts.store_patience;
    catch_up = std::make_shared<actors::catch_up_pool>(c, 1, 16);
    keys =
        std::make_shared<const actors::key_resolver>(index, hub_options.timeframes, parts.features);
    if (parts.writes) open_writers();
    hub = system.spawn(actors::hub, hub_options);
    names->put(actors::hub_name, caf::actor_cast<caf::actor>(hub));
  }
  ~gateway_world() {
    for (const auto& s : sessions) caf::anon_send(s, messages::closed_atom_v);
    caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
    names->remove(actors::hub_name, hub.address());
    sessions.clear();
    hub = nullptr;
    system.await_all_actors_done();
    history.stop();
    catch_up->stop();
  }
  gateway_world(const gateway_world&) = delete;
  gateway_world& operator=(const gateway_world&) = delete;

  void open_writers() {
    ticks = open_writer(record::ticks_stream());
    for (const auto& tf : hub_options.timeframes)
      finals.push_back(open_writer(record::final_bars_stream(market::to_string(tf))));
    if (hub_options.features) features = open_writer(record::features_stream());
  }
  std::unique_ptr<bridge::writer> open_writer(const std::string& stream) {
    auto w = streams.open_writer(stream, 1);
    REQUIRE_MESSAGE(w, w.error().message);
    return std::move(*w);
  }

  struct client_of {
    std::shared_ptr<listener> socket = std::make_shared<listener>();
    messages::session_actor session;
    messages::format format = messages::format::json;

    void command(int id, const std::string& text) const {
      caf::anon_send(session, messages::command_atom_v,
                     R"({"id":)" + std::to_string(id) + "," + text + "}");
    }
    /// The reply to a command with this id.
    [[nodiscard]] nlohmann::json ask(int id, const std::string& text) const {
      command(id, text);
      return socket->reply(id);
    }
    void go_on() const {
      if (socket->go_on()) caf::anon_send(session, messages::drained_atom_v);
    }
  };
  client_of connect(messages::format format = messages::format::json,
                    std::size_t held_bytes = 1 << 20) {
    client_of c;
    c.format = format;
    actors::session_config s;
    s.client = c.socket;
    s.format = format;
    s.keys = keys;
    s.names = names;
    s.catch_up = catch_up;
    s.replays = replays;
    s.max_subscriptions = 10;
    s.held_bytes = held_bytes;
    s.metrics = &metrics;
    c.session = system.spawn(actors::session, s);
    sessions.push_back(c.session);
    return c;
  }

  static market::bar bar(std::uint32_t token, int minute, std::uint32_t revision = 0) {
    market::bar b;
    b.token = token;
    b.start = minute * market::minute;
    b.end = b.start + market::minute;
    b.open = b.high = b.low = b.close = {(1'500 + minute) * market::price_scale};
    b.ticks = 2;
    b.revision = revision;
    b.first = b.last = {1, static_cast<std::uint64_t>(minute)};
    return b;
  }
  void append_final(const market::bar& b, std::size_t timeframe = 0) {
    std::string body;
    std::string payload;
    record::encode(body, b);
    record::append(payload, record::with_cause(record::kind::bar, {{1, ++causes}, 0}), body);
    const std::uint32_t of[] = {b.token};
    put(*finals[timeframe], payload, of);
    note(record::final_bars_stream(market::to_string(hub_options.timeframes[timeframe])),
         *finals[timeframe]);
  }
  /// Waits for room.
  static void put(bridge::writer& to, const std::string& record,
                  std::span<const std::uint32_t> tokens, std::uint64_t positions = 1) {
    auto put = to.append(record, positions, tokens);
    while (!put && put.error().code == errc::full) {
      std::promise<void> room;
      to.when_room([&room] { room.set_value(); });
      room.get_future().wait();
      put = to.append(record, positions, tokens);
    }
    REQUIRE_MESSAGE(put, put.error().message);
  }
  void append_chain(market::feature::chain_row row) {
    std::string body;
    std::string payload;
    const record::feature_record r{{{1, ++causes}, 0}, std::move(row)};
    record::encode(body, *r.chain());
    record::append(payload, record::with_cause(record::kind::chain, r.cause), body);
    put(*features, payload, {});
    note(record::features_stream(), *features);
  }
  /// Where the record stands that was appended last.
  void note(const std::string& stream, const bridge::writer& to) {
    written[stream] = {1, streams.reads_ahead() ? causes : to.next().seq - 1};
  }
  /// How far the streams go, once all that was appended is written.
  [[nodiscard]] std::map<std::string, record::position> ends() const {
    auto all = written;
    all[record::ticks_stream()] = {1, ticks->next().seq - 1};
    return all;
  }
  /// As Kite sends it, in full mode.
  void append_frame(std::uint32_t token, int number) {
    market::tick t;
    t.token = token;
    t.mode = market::tick_mode::full;
    t.last = {number * market::price_scale};
    t.volume = number;
    t.oi = 7;
    t.exchange_time = number * market::second;
    t.bids[0] = {{(number - 1) * market::price_scale}, 5, 1};
    feed::kite::frame_builder frame;
    REQUIRE(frame.add(t));
    std::string payload;
    record::append(payload,
                   record::with_times(record::kind::kite_frame, 1, t.exchange_time + 123'456'789,
                                      t.exchange_time + 9),
                   frame.finish());
    const std::uint32_t of[] = {token};
    put(*ticks, payload, of);
  }
  void append_tick(std::uint32_t token, int number) {
    market::bar_input t;
    t.token = token;
    t.time = number * market::second;
    t.last = {number * market::price_scale};
    std::string body;
    std::string payload;
    record::encode(body, std::span<const market::bar_input>(&t, 1));
    record::append(payload, record::with_times(record::kind::packed_ticks, 1, t.time, t.time),
                   body);
    const std::uint32_t of[] = {token};
    put(*ticks, payload, of);
  }
  /// A frame of the exchange with so many packets, each of one of these instruments.
  void append_frame(const std::string& frame, std::uint16_t packets,
                    std::span<const std::uint32_t> of) {
    std::string payload;
    record::append(payload, record::with_times(record::kind::kite_frame, packets, 1, 1), frame);
    REQUIRE(ticks->append(payload, packets, of));
  }
  void append_mark(const market::mark& m) {
    std::string payload;
    record::append(payload, record::with_times(record::kind::mark, 1, m.time, m.time),
                   record::encode(m));
    put(*ticks, payload, {});
  }
  void append_gap(int from, int to) {
    market::mark m;
    m.kind = market::mark_kind::gap;
    m.from = from * market::second;
    m.time = to * market::second;
    m.cause = market::gap_cause::disconnected;
    append_mark(m);
  }
  /// Market time at which its instruments trade.
  [[nodiscard]] static market::timestamp in_session() {
    const auto loaded = config::load_calendar("NSE");
    REQUIRE(loaded);
    return loaded->calendar->day(market::make_date(2026, 11, 20)).sessions.front().open;
  }
  void publish_live(const market::bar& b, std::uint32_t timeframe = 0) {
    auto live = std::make_shared<messages::live_batch>();
    live->bars.push_back({timeframe, b});
    caf::anon_send(hub, messages::live_batch_ptr(std::move(live)));
  }

  std::mutex mutex;
  std::map<std::uint32_t, std::string> packets_before;  ///< under the mutex
  std::vector<std::uint32_t> demanded;                  ///< likewise
  std::shared_ptr<losing_bridge> journal = std::make_shared<losing_bridge>();
  ::artham::bridge::bridge& streams;
  feed::kite::frame_decoder decoder;
  std::shared_ptr<actors::replay_lines> replays = std::make_shared<actors::replay_lines>();
  some_store store;
  runtime::metrics metrics;
  std::shared_ptr<messages::directory> names = std::make_shared<messages::directory>();
  std::shared_ptr<actors::resume_board> board = std::make_shared<actors::resume_board>();
  std::shared_ptr<const actors::token_codec> tokens;
  std::shared_ptr<const actors::instrument_index> index;
  std::shared_ptr<const actors::key_resolver> keys;
  actors::catch_up_config catch_up_of;
  std::shared_ptr<actors::catch_up_pool> catch_up;
  std::vector<std::unique_ptr<bridge::writer>> finals;
  std::unique_ptr<bridge::writer> ticks;
  std::unique_ptr<bridge::writer> features;
  std::uint64_t causes = 0;
  std::map<std::string, record::position> written;  ///< of derived streams
  runtime::worker history{"history", 4};
  actors::hub_config hub_options;
  caf::actor_system_config config = messages::make_system_config(2);
  caf::actor_system system{config};
  messages::hub_actor hub;
  std::vector<messages::session_actor> sessions;
};

}  // namespace artham::test

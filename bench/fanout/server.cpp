// The gateway alone: hub, session actors and web server, with what another program publishes.
// `fanout_server FLUSH_MICROSECONDS` prints the port of clients and the port of the publisher, who
// sends WebSocket messages that begin with 19 digits of a clock: each becomes an unfinished bar
// with that number as its volume.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/message.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/send.hpp>

#include "actors/session/gateway_port.hpp"
#include "actors/session/hub.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/system.hpp"
#include "supervisors/roles.hpp"
#include "tests/support/no_features.hpp"
#include "web/server/server.hpp"

namespace {

using namespace artham;  // NOLINT(google-build-using-namespace)

constexpr std::uint32_t token = 408065;

class empty_store final : public support::no_features {
 public:
  result<std::vector<record::bar_record>> bars(const store::bar_query&) override { return {}; }
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
};

int listen_somewhere(std::uint16_t& port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  auto* const address = reinterpret_cast<sockaddr*>(&a);
  if (fd < 0 || bind(fd, address, sizeof a) != 0 || listen(fd, 1) != 0 ||
      getsockname(fd, address, &size) != 0)
    return -1;
  port = ntohs(a.sin_port);
  return fd;
}

market::bar bar_with(std::int64_t volume) {
  market::bar b;
  b.token = token;
  b.start = 1'795'837'500 * market::second;
  b.end = b.start + market::minute;
  b.open = {1'500'050'000'000};
  b.high = {1'502'350'000'000};
  b.low = {1'499'700'000'000};
  b.close = {1'501'450'000'000};
  b.volume = volume;
  b.fields = market::bar::volume_known;
  b.ticks = 58;
  b.first = b.last = {1, 1};
  return b;
}

/// Whole messages at the front of `in` become bars; returns the bytes that they took.
std::size_t take_messages(std::string_view in, std::vector<messages::live_bar>& bars) {
  std::size_t at = 0;
  while (in.size() - at >= 6) {
    std::size_t length = static_cast<std::uint8_t>(in[at + 1]) & 127U;
    std::size_t header = 2;
    if (length == 126) {
      length = static_cast<std::size_t>(static_cast<std::uint8_t>(in[at + 2])) << 8U |
               static_cast<std::uint8_t>(in[at + 3]);
      header = 4;
    }
    if (in.size() - at < header + 4 + length) break;
    std::int64_t volume = 0;
    const char* const digits = in.data() + at + header + 4;
    std::from_chars(digits, digits + 19, volume);
    bars.push_back({0, bar_with(volume)});
    at += header + 4 + length;
  }
  return at;
}

/// Stands for the scheduler's worker that ran the bar reader: with nothing else to do, a worker
/// goes on with what the reader sent to; while it has more to do, another one takes that. With a
/// window it has: what it sends is not what makes the hub flush.
class reader_worker final : public caf::execution_unit {
 public:
  explicit reader_worker(caf::actor_system& system) : execution_unit(&system) {}

  void exec_later(caf::resumable* job) override {
    auto* const other = runs_ ? job : std::exchange(next_, job);
    if (other != nullptr) system().scheduler().enqueue(other);
  }
  void has_more_to_do() {
    if (auto* const job = std::exchange(next_, nullptr); job != nullptr)
      system().scheduler().enqueue(job);
  }
  void has_nothing_to_do() {
    auto* const job = std::exchange(next_, nullptr);
    if (job == nullptr) return;
    runs_ = true;
    const auto outcome = job->resume(this, system().scheduler().max_throughput());
    runs_ = false;
    if (outcome == caf::resumable::resume_later) {
      system().scheduler().enqueue(job);
    } else {
      caf::intrusive_ptr_release(job);
    }
  }

 private:
  caf::resumable* next_ = nullptr;
  bool runs_ = false;
};

/// One publisher, until it goes.
void serve_publisher(int listening, const messages::hub_actor& hub, caf::actor_system& system,
                     bool window) {
  reader_worker worker(system);
  const auto to = caf::actor_cast<caf::strong_actor_ptr>(hub);
  const int fd = accept(listening, nullptr, nullptr);
  static char buffer[1 << 17];
  std::string in;
  bool upgraded = false;
  for (ssize_t n = 0; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    in.append(buffer, static_cast<std::size_t>(n));
    if (!upgraded) {
      const auto end = in.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::string answer =
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
      if (send(fd, answer.data(), answer.size(), 0) < 0) break;
      in.erase(0, end + 4);
      upgraded = true;
    }
    auto live = std::make_shared<messages::live_batch>();
    in.erase(0, take_messages(in, live->bars));
    if (live->bars.empty()) continue;
    to->enqueue(nullptr, caf::make_message_id(),
                caf::make_message(messages::live_batch_ptr(std::move(live))), &worker);
    if (window || static_cast<std::size_t>(n) == sizeof buffer) {
      worker.has_more_to_do();
    } else {
      worker.has_nothing_to_do();
    }
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const int window = argc > 1 ? std::atoi(argv[1]) : 1'000;
  market::instrument infy;
  infy.token = token;
  infy.exchange = "NSE";
  infy.symbol = "INFY";
  const auto calendar = config::load_calendar("NSE");
  if (!calendar) return std::fprintf(stderr, "%s\n", calendar.error().message.c_str()), 1;

  runtime::metrics metrics;
  empty_store store;
  const feed::kite::frame_decoder decoder;
  const auto journal = bridge::memory::make();
  supervisors::tree_options tree;
  tree.directory = std::make_shared<messages::directory>();
  tree.metrics = &metrics;
  runtime::worker histories("store-reader", 256);
  actors::hub_config hub_options;
  hub_options.journal = journal.get();
  hub_options.decoder = &decoder;
  hub_options.store = &store;
  hub_options.store_thread = &histories;
  hub_options.metrics = &metrics;
  hub_options.names = tree.directory;
  hub_options.instruments = std::make_shared<const actors::instrument_index>(
      std::vector<market::instrument>{infy},
      std::map<std::string, market::calendar_ptr, std::less<>>{{"NSE", calendar->calendar}});
  hub_options.timeframes = *market::parse_timeframes("1m");
  hub_options.tokens = std::make_shared<const actors::token_codec>(
      1, actors::stream_list(hub_options.timeframes, false, 1));
  hub_options.flush = std::chrono::microseconds(window);

  auto config = messages::make_system_config(2);
  caf::actor_system system{config};
  const auto root =
      supervisors::spawn_node(system, tree, {supervisors::gateway_tree(tree, hub_options)});
  caf::actor hub;
  while (!hub) {
    hub = tree.directory->find(actors::hub_name);
    if (!hub) usleep(1'000);
  }
  constexpr std::size_t session_bytes = 64 << 20;
  actors::session_config session;
  session.keys = std::make_shared<const actors::key_resolver>(hub_options.instruments,
                                                              hub_options.timeframes, nullptr);
  session.names = tree.directory;
  session.held_bytes = session_bytes;
  session.metrics = &metrics;
  auto port = std::make_unique<actors::gateway_port>(system, tree.directory, std::move(session));
  web::server_options o;
  o.port = 0;
  o.session_budget_bytes = session_bytes;
  o.max_sessions = 20'000;
  o.max_connections = 20'100;
  o.max_half_open = 20'000;
  web::server_dependencies d;
  d.websockets = {{"/v1/stream", port.get()}};
  d.metrics = &metrics;
  d.handler = [](const web::http_request&, const web::responder& respond) {
    respond({404, "text/plain", "", {}});
  };
  auto web = web::server::start(std::move(o), std::move(d));
  if (!web) return std::fprintf(stderr, "%s\n", web.error().message.c_str()), 1;
  std::uint16_t publisher = 0;
  const int fd = listen_somewhere(publisher);
  std::printf("%u %u\n", (*web)->port(), publisher);
  std::fflush(stdout);
  serve_publisher(fd, caf::actor_cast<messages::hub_actor>(hub), system, window != 0);
  (*web)->stop();
  hub = nullptr;
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  port.reset();
  system.await_all_actors_done();
  histories.stop();
  return 0;
}

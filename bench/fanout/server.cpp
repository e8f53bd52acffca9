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
#include <string>
#include <string_view>

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include "app/gateway_role.hpp"
#include "bridge/memory/memory.hpp"
#include "config/calendar_file.hpp"
#include "config/settings.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "messages/system.hpp"
#include "supervisors/roles.hpp"
#include "tests/support/no_features.hpp"

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

/// One publisher, until it goes.
void serve_publisher(int listening, const messages::hub_actor& hub) {
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
    if (!live->bars.empty()) caf::anon_send(hub, messages::live_batch_ptr(std::move(live)));
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  config::settings settings;
  settings.web.port = 0;
  settings.web.max_sessions = 20'000;
  settings.web.session_bytes = 64 << 20;
  settings.web.flush = (argc > 1 ? std::atoi(argv[1]) : 1'000) * market::microsecond;
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
  app::gateway_role_options o;
  o.settings = &settings;
  o.streams = journal.get();
  o.journal = journal.get();
  o.store = &store;
  o.decoder = &decoder;
  o.metrics = &metrics;
  o.names = tree.directory;
  o.instruments = std::make_shared<const actors::instrument_index>(
      std::vector<market::instrument>{infy},
      std::map<std::string, market::calendar_ptr, std::less<>>{{"NSE", calendar->calendar}});
  o.timeframes = *market::parse_timeframes("1m");
  o.operations.metrics = &metrics;
  app::gateway_role role(std::move(o));

  auto config = messages::make_system_config(2);
  caf::actor_system system{config};
  const auto root =
      supervisors::spawn_node(system, tree, {supervisors::gateway_tree(tree, role.hub())});
  caf::actor hub;
  while (!hub) {
    hub = caf::actor_cast<caf::actor>(tree.directory->find(actors::hub_name));
    if (!hub) usleep(1'000);
  }
  if (auto listening = role.listen(system); !listening)
    return std::fprintf(stderr, "%s\n", listening.error().message.c_str()), 1;
  std::uint16_t publisher = 0;
  const int fd = listen_somewhere(publisher);
  std::printf("%s %u\n", role.url().substr(role.url().rfind(':') + 1).c_str(), publisher);
  std::fflush(stdout);
  serve_publisher(fd, caf::actor_cast<messages::hub_actor>(hub));
  role.close();
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  system.await_all_actors_done();
  role.stop();
  return 0;
}

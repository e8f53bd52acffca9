#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <nlohmann/json.hpp>

#include "store/sqlite/alerts.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/hook_receiver.hpp"
#include "tests/support/process.hpp"
#include "web/hook/webhook_address.hpp"
#include "web/hook/webhook_sender.hpp"

using namespace artham;        // NOLINT(google-build-using-namespace)
using namespace artham::test;  // NOLINT(google-build-using-namespace)
using store::hook_state;

namespace {

constexpr market::duration ms = market::millisecond;

bool eventually(const std::function<bool()>& condition) {
  return test::eventually(condition, std::chrono::seconds(30));
}

/// A book of alerts, and who sends them.
struct hook_world {
  explicit hook_world(std::function<void(web::webhook_options&)> change = {}) {
    options.client.timeout = std::chrono::milliseconds(300);
    options.client.allow_private = true;
    options.secret = runtime::secret("correct horse");
    options.backoff_min = 20 * ms;
    options.backoff_max = 100 * ms;
    options.poll = std::chrono::milliseconds(10);
    if (change) change(options);
  }
  std::unique_ptr<store::alert_book> open() const {
    return std::move(*store::sqlite::open_alerts(dir / "artham.db"));
  }
  void start() {
    auto started = web::webhook_sender::start(options, open(), metrics);
    REQUIRE_MESSAGE(started, started.error().message);
    sender = std::move(*started);
  }
  /// `n` alerts for this receiver.
  void fire(const std::string& url, int n) {
    std::vector<store::alert_row> rows;
    for (int i = 0; i < n; ++i) {
      store::alert_row a;
      a.id = "1-1-1-" + std::to_string(++seq) + "-0";
      a.rule = 1;
      a.name = "it's \"above\"";
      a.values = R"({"last_price":"1500.1"})";
      a.made = runtime::utc_now();
      a.webhook = url;
      a.hook = hook_state::pending;
      rows.push_back(a);
    }
    store::alert_batch b;
    b.version = *book->version();
    b.alerts = rows;
    REQUIRE(*book->commit(b));
    if (sender) sender->look();
  }
  std::vector<store::alert_row> rows() const { return *book->alerts({{}, {}, 0, 10'000}); }
  std::size_t in_state(hook_state s) const {
    const auto all = rows();
    return static_cast<std::size_t>(std::ranges::count(all, s, &store::alert_row::hook));
  }

  scratch dir;
  std::unique_ptr<store::alert_book> book = open();
  std::uint64_t seq = 0;
  web::webhook_options options;
  runtime::metrics metrics;
  std::unique_ptr<web::webhook_sender> sender;
};

std::multiset<std::string> ids_of(const hook_receiver& r) {
  std::multiset<std::string> ids;
  for (const auto& [post, status] : r.all()) ids.insert(post.field("Artham-Alert-Id"));
  return ids;
}

}  // namespace

TEST_CASE("where webhooks go: URLs that are taken, and what is said of others") {
  const auto good = web::parse_webhook("https://hooks.example:8443/a/b?c=d%20e");
  REQUIRE(good);
  CHECK(good->tls);
  CHECK(good->host == "hooks.example");
  CHECK(good->port == 8443);
  CHECK(good->target == "/a/b?c=d%20e");
  CHECK(good->authority() == "hooks.example:8443");
  CHECK(web::parse_webhook("http://h")->target == "/");
  CHECK(web::parse_webhook("http://h")->port == 80);
  CHECK(web::parse_webhook("https://h?x")->target == "/?x");
  CHECK(web::parse_webhook("http://[2001:db8::1]:81/")->authority() == "[2001:db8::1]:81");
  for (const auto* wrong :
       {"", "hooks.example", "ftp://h/", "https://", "https:///x", "https://u@h/", "https://u:p@h/",
        "https://h/#a", "https://h:0/", "https://h:99999/", "https://h/ x", "https://h/\r\nX: y",
        "file:///etc/passwd", "gopher://h/"}) {
    CHECK_FALSE_MESSAGE(web::parse_webhook(wrong), std::string(wrong));
  }
  CHECK_FALSE(web::parse_webhook("https://h/" + std::string(500, 'x')));
}

TEST_CASE("addresses of this computer, of private networks and of links are not public") {
  const auto is_public = [](const char* text) {
    return web::is_public_address(boost::asio::ip::make_address(text));
  };
  for (const auto* open : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.169.0.1",
                           "223.255.255.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"})
    CHECK_MESSAGE(is_public(open), open);
  for (const auto* inside :
       {"127.0.0.1",        "127.8.9.1",       "0.0.0.0",      "10.1.2.3",
        "172.16.0.1",       "172.31.255.255",  "192.168.1.1",  "169.254.169.254",
        "100.64.0.1",       "224.0.0.1",       "240.0.0.1",    "255.255.255.255",
        "198.18.0.1",       "192.0.2.1",       "::1",          "::",
        "fe80::1",          "fc00::1",         "fd12::1",      "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",  "64:ff9b::7f00:1",
        "64:ff9b::a00:1",   "2002:7f00:1::",   "2002:a00:1::", "2001::1",
        "2001:db8::1"})
    CHECK_FALSE_MESSAGE(is_public(inside), inside);
}

TEST_CASE("an alert is posted with its id and a signature, and is then delivered") {
  hook_receiver r([](const auto&) { return 204; });
  hook_world w;
  w.start();
  w.fire(r.url("/hook?x=1"), 1);
  REQUIRE(eventually([&] { return w.in_state(hook_state::delivered) == 1; }));
  const auto all = r.all();
  REQUIRE(all.size() == 1);
  const auto& post = all[0].first;
  CHECK(post.head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"));
  CHECK(post.field("Content-Type") == "application/json");
  CHECK(post.field("Artham-Alert-Id") == "1-1-1-1-0");
  const auto body = nlohmann::json::parse(post.body);
  CHECK(body["id"] == "1-1-1-1-0");
  CHECK(body["name"] == "it's \"above\"");
  CHECK(body["values"]["last_price"] == "1500.1");
  CHECK_FALSE(body.contains("webhook"));
  // As anybody would check it.
  const auto said =
      run_to_end({"/usr/bin/python3", "-c",
                  "import hmac, sys; print('v1=' + hmac.new(b'correct horse', (sys.argv[1] + '.' + "
                  "sys.argv[2]).encode(), 'sha256').hexdigest())",
                  post.field("Artham-Timestamp"), post.body});
  CHECK(post.field("Artham-Signature") + "\n" == said.out);
  const auto row = w.rows().front();
  CHECK(row.attempts == 1);
  CHECK(row.outcome == "answered 204");
}

TEST_CASE("it is tried again until it is answered with 2xx, whatever came before") {
  std::map<std::string, int> attempts;
  std::mutex mutex;
  hook_receiver r([&](const hook_receiver::post& p) {
    const std::lock_guard lock(mutex);
    constexpr int answers[] = {500, hook_receiver::hang, 302, hook_receiver::hang_up, 404, 200};
    return answers[attempts[p.field("Artham-Alert-Id")]++];
  });
  hook_world w;
  w.start();
  w.fire(r.url(), 3);
  REQUIRE(eventually([&] { return w.in_state(hook_state::delivered) == 3; }));
  for (const auto& row : w.rows()) CHECK(row.attempts == 6);
  // A redirect is not followed.
  CHECK(std::ranges::none_of(r.all(), [](const auto& p) {
    return p.first.head.find("/elsewhere") != std::string::npos &&
           p.first.head.starts_with("POST /else");
  }));
  CHECK(r.all().size() == 18);
}

TEST_CASE("after so many attempts, or so long, it is given up, counted and kept") {
  hook_receiver r([](const auto&) { return 503; });
  hook_world w([](auto& o) { o.attempts = 3; });
  w.start();
  w.fire(r.url(), 2);
  REQUIRE(eventually([&] { return w.in_state(hook_state::given_up) == 2; }));
  CHECK(r.all().size() == 6);
  CHECK(w.rows()[0].outcome == "answered 503");
  CHECK(w.metrics.counter("artham_alert_webhooks_total", "", {{"outcome", "given_up"}}).value() ==
        2);
  CHECK(w.metrics.counter("artham_alert_webhooks_total", "", {{"outcome", "failed"}}).value() == 6);

  hook_world old([](auto& o) { o.give_up = 200 * ms; });
  old.start();
  old.fire(r.url(), 1);
  REQUIRE(eventually([&] { return old.in_state(hook_state::given_up) == 1; }));
  CHECK(old.rows()[0].attempts < old.options.attempts);
}

TEST_CASE("a receiver that hangs holds up nobody else, and has its part of what is under way") {
  hook_receiver slow([](const auto&) { return hook_receiver::hang; });
  hook_receiver quick([](const auto&) { return 200; });
  hook_world w([](auto& o) {
    o.in_flight = 8;
    o.of_one = 2;
    o.client.timeout = std::chrono::seconds(20);
  });
  w.start();
  w.fire(slow.url(), 50);
  w.fire(slow.url("/other"), 50);
  REQUIRE(eventually([&] { return slow.all().size() >= 2; }));
  const auto begun = std::chrono::steady_clock::now();
  w.fire(quick.url(), 20);
  REQUIRE(eventually([&] { return w.in_state(hook_state::delivered) == 20; }));
  const auto took = std::chrono::steady_clock::now() - begun;
  MESSAGE(std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
  CHECK(took < std::chrono::seconds(10));
  CHECK(slow.most_at_a_time() <= 2);
}

TEST_CASE("what was under way when the sender ended is sent by the next, with the same id") {
  std::atomic<bool> hangs{true};
  hook_receiver r([&](const auto&) { return hangs ? hook_receiver::hang : 200; });
  hook_world w([](auto& o) { o.client.timeout = std::chrono::seconds(20); });
  w.start();
  w.fire(r.url(), 4);
  REQUIRE(eventually([&] { return r.all().size() == 4; }));
  w.sender.reset();
  CHECK(w.in_state(hook_state::pending) == 4);
  CHECK(w.rows()[0].attempts == 0);
  hangs = false;
  w.start();
  REQUIRE(eventually([&] { return w.in_state(hook_state::delivered) == 4; }));
  const auto ids = ids_of(r);
  CHECK(ids.size() == 8);
  CHECK(std::set(ids.begin(), ids.end()).size() == 4);
}

TEST_CASE("two senders on one book send each alert once, as long as both live") {
  hook_receiver r([](const auto&) { return 200; });
  hook_world w;
  w.start();
  auto other = std::move(*web::webhook_sender::start(w.options, w.open(), w.metrics));
  w.fire(r.url(), 60);
  REQUIRE(eventually([&] { return w.in_state(hook_state::delivered) == 60; }));
  CHECK(r.all().size() == 60);
  const auto ids = ids_of(r);
  CHECK(std::set(ids.begin(), ids.end()).size() == 60);
}

TEST_CASE("a name or an address that is not public is not connected to, unless that is allowed") {
  hook_receiver r([](const auto&) { return 200; });
  hook_world w([](auto& o) {
    o.client.allow_private = false;
    o.attempts = 1;
  });
  w.start();
  w.fire(r.url(), 1);
  auto by_name = r.url();
  by_name.replace(by_name.find("127.0.0.1"), 9, "localhost");
  w.fire(by_name, 1);
  REQUIRE(eventually([&] { return w.in_state(hook_state::given_up) == 2; }));
  CHECK(r.all().empty());
  CHECK(w.rows()[1].outcome.find("alerts.webhook_private is false") != std::string::npos);
}

TEST_CASE("TLS: the receiver's certificate is checked, with its name") {
  scratch dir;
  const auto made = run_to_end(
      {"/bin/sh", "-c",
       "cd " + dir.path().string() +
           " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
           "/CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem -days "
           "2 2>&1"});
  REQUIRE_MESSAGE(made.code == 0, made.out);
  process server(
      {"/usr/bin/python3", "-u", "-c",
       "import http.server, ssl, sys\n"
       "class H(http.server.BaseHTTPRequestHandler):\n"
       "  def do_POST(self):\n"
       "    self.rfile.read(int(self.headers['Content-Length']))\n"
       "    self.send_response(200); self.end_headers()\n"
       "  def log_message(self, *a): pass\n"
       "s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)\n"
       "c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(sys.argv[1], sys.argv[2])\n"
       "s.socket = c.wrap_socket(s.socket, server_side=True)\n"
       "print(s.server_address[1]); s.serve_forever()\n",
       dir / "cert.pem", dir / "key.pem"});
  const auto port = server.line();
  REQUIRE(port);
  const auto outcome = [&](const std::string& host, const std::string& authority) {
    hook_world w([&](auto& o) {
      o.client.authority = authority;
      o.client.timeout = std::chrono::milliseconds(3'000);
      o.attempts = 1;
    });
    w.start();
    w.fire("https://" + host + ":" + *port + "/", 1);
    REQUIRE(eventually([&] { return w.in_state(hook_state::pending) == 0; }));
    return w.rows()[0].outcome;
  };
  CHECK(outcome("localhost", dir / "cert.pem") == "answered 200");
  CHECK(outcome("127.0.0.1", dir / "cert.pem").find("TLS handshake") != std::string::npos);
  CHECK(outcome("localhost", "").find("TLS handshake") != std::string::npos);
  hook_world w([&](auto& o) { o.client.authority = dir / "none.pem"; });
  const auto no = web::webhook_sender::start(w.options, w.open(), w.metrics);
  REQUIRE_FALSE(no);
  CHECK(no.error().code == errc::usage);
}

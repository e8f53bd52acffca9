#include <doctest/doctest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/certificates.hpp"
#include "tests/web/server_fixture.hpp"
#include "tests/web/tls_client.hpp"

using namespace artham;
using namespace artham::web;
using namespace artham::web::testing;
namespace beast = boost::beast;
namespace asio = boost::asio;

namespace {

struct tls_fixture : server_fixture {
  test::authority authority;
  messages::credentials server = authority.leaf("server");
  tls_fixture() {
    options.tls = {server.certificate, server.key};
    options.certificate_interval = std::chrono::milliseconds(20);
  }
  std::string refusal() { return load_tls(options.tls).error().message; }
};

}  // namespace

TEST_CASE_FIXTURE(tls_fixture, "with a certificate the port speaks https, and only that") {
  const auto port = start();
  CHECK(running->url() == "https://127.0.0.1:" + std::to_string(port));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_client c(port, server.authority, version);
    REQUIRE_MESSAGE(!c.failure, c.failure.message());
    CHECK(c.subject() == "/CN=server");
    const auto answer = c.get("/where");
    CHECK(answer.starts_with("HTTP/1.1 200 OK"));
    CHECK(answer.ends_with("GET /where\n"));
    CHECK(c.failure == asio::error::eof);  // the end of TLS, not a cut
  }
  tls_client old(port, server.authority, TLS1_1_VERSION);
  CHECK(old.failure);
  CHECK(counted("bad_tls"));
  raw_client plain(port);
  const auto told = plain.get("/where");
  CHECK(told.status == 400);
  CHECK(plain.receive_all().find("https://") != std::string::npos);
  CHECK(value("artham_web_certificate_expires_seconds") == 4102444800);
}

TEST_CASE_FIXTURE(tls_fixture, "a WebSocket inside TLS goes both ways and ends in good order") {
  const auto port = start();
  tls_client c(port, server.authority);
  beast::websocket::stream<tls_client::ssl_stream&> ws(*c.stream_);
  beast::websocket::response_type response;
  ws.handshake(response, "desk.example", "/v1/stream");
  for (const std::size_t n : {1, 200, 60'000}) {
    const std::string text(n, 'x');
    ws.write(asio::buffer(text));
    beast::flat_buffer in;
    ws.read(in);
    CHECK(beast::buffers_to_string(in.data()) == text);
  }
  CHECK(gateway.session(0)->how.encrypted);
  const std::string large(3 << 20, 'y');
  CHECK(gateway.session(0)->send(large));
  beast::flat_buffer in;
  ws.read(in);
  CHECK(beast::buffers_to_string(in.data()) == large);
  boost::system::error_code ec;
  ws.close(beast::websocket::close_code::normal, ec);
  CHECK_MESSAGE(!ec, ec.message());
  CHECK(eventually([&] { return gateway.session(0)->closed == 1; }));
  CHECK(eventually([&] { return value("artham_web_connections") == 0; }));
}

TEST_CASE_FIXTURE(tls_fixture, "who shakes no hands is cut, and disturbs nobody") {
  options.handshake_timeout = std::chrono::milliseconds(200);
  const auto port = start();
  raw_client silent(port);
  raw_client half(port);
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  tls_client good(port, server.authority);
  CHECK(good.get("/").starts_with("HTTP/1.1 200"));
  CHECK(silent.ended());
  CHECK(half.ended());
  CHECK(counted("slow_tls"));
  CHECK(eventually([&] { return value("artham_web_connections") == 0; }));
}

TEST_CASE_FIXTURE(tls_fixture, "a new certificate is taken up, a bad one is not") {
  const auto port = start();
  tls_client before(port, server.authority);
  const auto next = authority.leaf("next");
  namespace fs = std::filesystem;
  fs::rename(next.key, server.key);
  CHECK(counted("certificate"));  // the key alone fits nothing
  CHECK(tls_client(port, server.authority).subject() == "/CN=server");
  fs::rename(next.certificate, server.certificate);
  CHECK(eventually([&] { return tls_client(port, server.authority).subject() == "/CN=next"; }));
  CHECK(before.get("/").starts_with("HTTP/1.1 200"));
}

TEST_CASE_FIXTURE(tls_fixture, "what is wrong with the files is told with the way out") {
  const auto told = [&](const char* a, const char* b) {
    const auto text = refusal();
    CAPTURE(text);
    CHECK(text.find(a) != std::string::npos);
    CHECK(text.find(b) != std::string::npos);
    auto started = server::start(options, {handler, endpoints, &metrics});
    REQUIRE_FALSE(started);
    CHECK(started.error().code == errc::usage);
    CHECK(started.error().message == text);
  };
  const auto good = options.tls;
  options.tls.key = "";
  told("web.key is empty", "go together");
  options.tls = {good.certificate + ".gone", good.key};
  told("web.certificate = \"", "No such file");
  options.tls = {good.key, good.key};
  told("web.certificate = \"", "BEGIN CERTIFICATE");
  options.tls = {good.certificate, good.certificate};
  ::chmod(good.certificate.c_str(), 0600);
  told("web.key = \"", "no private key");
  options.tls = {good.certificate, authority.leaf("other").key};
  told("web.key = \"", "is not the key of web.certificate");
  options.tls = good;
  ::chmod(good.key.c_str(), 0640);
  told("web.key = \"", "chmod 600");
}

TEST_CASE_FIXTURE(tls_fixture, "with TLS any address and name is served") {
  options.address = "0.0.0.0";
  const auto port = start();
  tls_client c(port, server.authority);
  CHECK(c.get("/").starts_with("HTTP/1.1 200"));  // as desk.example
}

#include "mock_kite.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "feed/kite/any_stream.hpp"

namespace artham::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using boost::system::error_code;

template <class Fields>
std::map<std::string, std::string> headers_of(const Fields& fields) {
  std::map<std::string, std::string> out;
  for (const auto& field : fields) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    out[name] = std::string(field.value());
  }
  return out;
}

std::string pem_of(const std::function<void(BIO*)>& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

temporary_folder::temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "artham_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ec;
  std::filesystem::remove_all(path_, ec);
}

certificate make_certificate(const std::string& names) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> cert(X509_new(), X509_free);
  X509_set_version(cert.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("artham test"), -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  const auto extend = [&](int id, const char* value) {
    X509_EXTENSION* const e = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    X509_add_ext(cert.get(), e, -1);
    X509_EXTENSION_free(e);
  };
  extend(NID_basic_constraints, "critical,CA:TRUE");
  extend(NID_subject_alt_name, names.c_str());
  X509_sign(cert.get(), key.get(), EVP_sha256());
  return {pem_of([&](BIO* b) { PEM_write_bio_X509(b, cert.get()); }), pem_of([&](BIO* b) {
            PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// The ticker: everything but the record runs on its own thread.

struct session {
  virtual ~session() = default;
  virtual void start() = 0;
  virtual void send(bool binary, std::string message) = 0;
  virtual void pong() = 0;
  virtual void close() = 0;
  virtual void drop() = 0;
};

struct mock_ticker::impl {
  explicit impl(const certificate* tls);
  void accept();

  asio::io_context io{1};
  std::unique_ptr<asio::ssl::context> context;
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::uint16_t port = acceptor.local_endpoint().port();
  /// Does it to the newest session, as soon as its handshake is over: the client may know that
  /// before this thread does.
  void act(std::function<void(session&)> what);
  void settle();

  std::vector<std::shared_ptr<session>> live;
  std::shared_ptr<session> newest;
  std::size_t in_handshake = 0;
  std::deque<std::function<void(session&)>> waiting;  // for the end of a handshake

  std::mutex mutex;  // guards what follows
  std::deque<reply> replies;
  std::vector<std::string> greeting;
  std::vector<std::chrono::steady_clock::time_point> arrivals;
  std::vector<session_record> records;

  std::thread thread;
};

namespace {

class ticker_session final : public session, public std::enable_shared_from_this<ticker_session> {
 public:
  ticker_session(mock_ticker::impl& owner, feed::kite::any_stream stream, reply how)
      : owner_(owner), ws_(std::move(stream)), how_(how) {}

  void start() override {
    if (how_ == reply::nothing) return;
    if (ws_.next_layer().tls() != nullptr) {
      ws_.next_layer().async_handshake(asio::ssl::stream_base::server,
                                       [self = shared_from_this()](error_code ec) {
                                         if (ec) return self->settled();
                                         self->read_request();
                                       });
    } else {
      read_request();
    }
  }

  void send(bool binary, std::string message) override {
    out_.emplace_back(binary, std::move(message));
    if (out_.size() == 1) write();
  }

  void pong() override {
    ws_.async_pong({}, [self = shared_from_this()](error_code) {});
  }

  void close() override {
    ws_.async_close(websocket::close_code::going_away, [self = shared_from_this()](error_code) {});
  }

  void drop() override { beast::get_lowest_layer(ws_).close(); }

 private:
  void read_request() {
    http::async_read(ws_.next_layer(), buffer_, request_,
                     [self = shared_from_this()](error_code ec, std::size_t) {
                       if (ec) return self->settled();
                       self->answer();
                     });
  }

  void settled() {
    if (how_ == reply::accept) owner_.settle();
  }

  void answer() {
    if (how_ == reply::garbage) {
      out_.emplace_back(false, "SSH-2.0-nothing\r\n\r\n");
      asio::async_write(ws_.next_layer(), asio::buffer(out_.front().second),
                        [self = shared_from_this()](error_code, std::size_t) {});
      return;
    }
    if (how_ != reply::accept) return refuse();
    ws_.async_accept(request_, [self = shared_from_this()](error_code ec) {
      if (ec) return self->settled();
      self->accepted();
    });
  }

  void refuse() {
    const int status = how_ == reply::http_403 ? 403 : how_ == reply::http_429 ? 429 : 502;
    refusal_.result(static_cast<unsigned>(status));
    refusal_.set(http::field::content_type, "application/json");
    refusal_.body() = status == 502 ? "<html>bad gateway</html>"
                                    : R"({"status":"error","message":"because of )" +
                                          std::string(request_.target()) +
                                          R"(","error_type":"TokenException"})";
    refusal_.prepare_payload();
    http::async_write(ws_.next_layer(), refusal_,
                      [self = shared_from_this()](error_code, std::size_t) {});
  }

  void accepted() {
    std::vector<std::string> greeting;
    {
      const std::lock_guard lock(owner_.mutex);
      number_ = owner_.records.size();
      owner_.records.push_back(
          {std::string(request_.target()), headers_of(request_), {}, false, false});
      greeting = owner_.greeting;
    }
    owner_.newest = shared_from_this();
    for (auto& text : greeting) send(false, std::move(text));
    settled();
    read();
  }

  void read() {
    ws_.async_read(buffer_, [self = shared_from_this()](error_code ec, std::size_t) {
      const std::lock_guard lock(self->owner_.mutex);
      auto& record = self->owner_.records[self->number_];
      if (ec) {
        record.said_goodbye = ec == websocket::error::closed;
        record.ended = true;
        return;
      }
      record.received.push_back(beast::buffers_to_string(self->buffer_.data()));
      self->buffer_.clear();
      self->read();
    });
  }

  void write() {
    ws_.binary(out_.front().first);
    ws_.async_write(asio::buffer(out_.front().second),
                    [self = shared_from_this()](error_code ec, std::size_t) {
                      if (ec) return;
                      self->out_.pop_front();
                      if (!self->out_.empty()) self->write();
                    });
  }

  mock_ticker::impl& owner_;
  websocket::stream<feed::kite::any_stream, false> ws_;
  reply how_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> refusal_;
  std::deque<std::pair<bool, std::string>> out_;
  std::size_t number_ = 0;
};

}  // namespace

mock_ticker::impl::impl(const certificate* tls) {
  if (tls != nullptr) {
    context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    context->use_certificate(asio::buffer(tls->pem), asio::ssl::context::pem);
    context->use_private_key(asio::buffer(tls->key_pem), asio::ssl::context::pem);
  }
  accept();
  thread = std::thread([this] { io.run(); });
}

void mock_ticker::impl::accept() {
  acceptor.async_accept([this](error_code ec, tcp::socket socket) {
    if (ec) return;
    reply how = reply::accept;
    {
      const std::lock_guard lock(mutex);
      arrivals.push_back(std::chrono::steady_clock::now());
      if (!replies.empty()) {
        how = replies.front();
        replies.pop_front();
      }
    }
    beast::tcp_stream stream(std::move(socket));
    const auto s = std::make_shared<ticker_session>(
        *this, feed::kite::any_stream(std::move(stream), context.get()), how);
    live.push_back(s);
    if (how == reply::accept) ++in_handshake;
    s->start();
    accept();
  });
}

void mock_ticker::impl::act(std::function<void(session&)> what) {
  asio::post(io, [this, what = std::move(what)]() mutable {
    waiting.push_back(std::move(what));
    if (in_handshake == 0) settle();
  });
}

void mock_ticker::impl::settle() {
  if ((in_handshake != 0 && --in_handshake != 0) || !newest) return;
  for (auto& what : std::exchange(waiting, {})) what(*newest);
}

mock_ticker::mock_ticker(const certificate* tls) : impl_(std::make_unique<impl>(tls)) {}

mock_ticker::~mock_ticker() {
  impl_->io.stop();
  impl_->thread.join();
  impl_->newest.reset();
  impl_->live.clear();
}

std::uint16_t mock_ticker::port() const {
  return impl_->port;
}

std::string mock_ticker::url(std::string_view path) const {
  return (impl_->context ? "wss://127.0.0.1:" : "ws://127.0.0.1:") + std::to_string(port()) +
         std::string(path);
}

void mock_ticker::script(std::vector<reply> replies) {
  const std::lock_guard lock(impl_->mutex);
  impl_->replies.assign(replies.begin(), replies.end());
}

void mock_ticker::greet(std::vector<std::string> texts) {
  const std::lock_guard lock(impl_->mutex);
  impl_->greeting = std::move(texts);
}

void mock_ticker::text(std::string message) {
  impl_->act([m = std::move(message)](session& s) { s.send(false, m); });
}

void mock_ticker::binary(std::string message) {
  impl_->act([m = std::move(message)](session& s) { s.send(true, m); });
}

void mock_ticker::pong() {
  impl_->act([](session& s) { s.pong(); });
}

void mock_ticker::close() {
  impl_->act([](session& s) { s.close(); });
}

void mock_ticker::drop() {
  impl_->act([](session& s) { s.drop(); });
}

std::vector<std::chrono::steady_clock::time_point> mock_ticker::arrivals() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->arrivals;
}

std::vector<mock_ticker::session_record> mock_ticker::sessions() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->records;
}

// The REST server: blocking, one request at a time.

struct mock_rest::impl {
  explicit impl(std::function<rest_answer(const rest_request&)> h)
      : handler(std::move(h)), thread([this] { serve(); }) {}

  void serve() {
    while (!stopping) {
      tcp::socket socket(io);
      error_code ec;
      acceptor.accept(socket, ec);
      if (ec) return;
      {
        const std::lock_guard lock(mutex);
        current = socket.native_handle();
      }
      if (!stopping) answer(socket);
      const std::lock_guard lock(mutex);
      current = -1;
    }
  }

  void answer(tcp::socket& socket) const {
    error_code ec;
    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::read(socket, buffer, request, ec);
    if (ec) return;
    const auto out = handler({std::string(request.method_string()), std::string(request.target()),
                              headers_of(request), request.body()});
    if (out.silent) {
      char byte = 0;
      socket.read_some(asio::buffer(&byte, 1), ec);
      return;
    }
    if (!out.raw.empty()) {
      asio::write(socket, asio::buffer(out.raw), ec);
      return;
    }
    http::response<http::string_body> response(static_cast<http::status>(out.status), 11);
    for (const auto& [name, value] : out.headers) response.set(name, value);
    response.body() = out.body;
    response.prepare_payload();
    http::write(socket, response, ec);
  }

  void stop() {
    stopping = true;
    ::shutdown(acceptor.native_handle(), SHUT_RDWR);
    {
      const std::lock_guard lock(mutex);
      if (current >= 0) ::shutdown(current, SHUT_RDWR);
    }
    thread.join();
  }

  std::function<rest_answer(const rest_request&)> handler;
  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  int current = -1;  // guarded by mutex
  std::thread thread;
};

mock_rest::mock_rest(std::function<rest_answer(const rest_request&)> handler)
    : impl_(std::make_unique<impl>(std::move(handler))) {}

mock_rest::~mock_rest() {
  impl_->stop();
}

std::string mock_rest::url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->acceptor.local_endpoint().port());
}

}  // namespace artham::test

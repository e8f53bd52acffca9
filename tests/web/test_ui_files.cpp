#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/web/inbox.hpp"
#include "web/api/ui_files.hpp"

using namespace artham;
using namespace artham::web;
namespace fs = std::filesystem;

namespace {

struct fixture {
  fs::path folder;

  fixture() {
    std::string name = (fs::temp_directory_path() / "artham-ui-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    put("index.html", "<!doctype html>");
    put("favicon.svg", "<svg/>");
    put("assets/index-Bq3.js", "let a = 1;");
    put("assets/index-Bq3.js.gz", "packed");
  }
  ~fixture() { fs::remove_all(folder); }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  void put(const std::string& file, std::string_view text) const {
    const auto path = folder / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  [[nodiscard]] ui_files read() const {
    auto files = ui_files::read(folder);
    REQUIRE(files);
    return std::move(*files);
  }
};

struct asked {
  bool handled = false;
  http_response response;
};

asked ask(const ui_files& files, std::string_view path, std::string_view encodings = "",
          std::string_view if_none_match = "", std::string_view method = "GET") {
  http_request q;
  q.method = method;
  q.path = q.target = path;
  q.accept_encoding = encodings;
  q.if_none_match = if_none_match;
  const auto box = std::make_shared<artham::web::testing::inbox>();
  asked out;
  out.handled = files.handle(q, responder(box));
  if (out.handled) out.response = box->wait();
  return out;
}

/// The last of a name counts, as on the wire.
std::string header(const http_response& r, std::string_view name) {
  std::string found;
  for (const auto& [n, value] : r.headers)
    if (n == name) found = value;
  return found;
}

}  // namespace

TEST_CASE_FIXTURE(fixture, "all pages of the UI are its index, which is asked for again") {
  const auto files = read();
  for (const auto* path : {"/", "/chain", "/system"}) {
    const auto [handled, r] = ask(files, path);
    REQUIRE(handled);
    CHECK(r.status == 200);
    CHECK(r.body == "<!doctype html>");
    CHECK(r.content_type == "text/html; charset=utf-8");
    CHECK(header(r, "Cache-Control") == "no-cache");
    CHECK(header(r, "Content-Security-Policy").find("script-src 'self';") != std::string::npos);
    CHECK(header(r, "Content-Security-Policy").find("unsafe") == std::string::npos);
  }
  for (const auto* path : {"/chains", "/chain/NIFTY", "/v1/bars", "/assets/", "/assets",
                           "/../etc/passwd", "/assets/../index.html", "//index.html"})
    CHECK_FALSE(ask(files, path).handled);
}

TEST_CASE_FIXTURE(fixture, "what is named by its content is kept for ever, the rest is not") {
  const auto files = read();
  const auto script = ask(files, "/assets/index-Bq3.js").response;
  CHECK(script.body == "let a = 1;");
  CHECK(script.content_type == "text/javascript; charset=utf-8");
  CHECK(header(script, "Cache-Control") == "public, max-age=31536000, immutable");
  const auto icon = ask(files, "/favicon.svg").response;
  CHECK(icon.content_type == "image/svg+xml");
  CHECK(header(icon, "Cache-Control") == "no-cache");
}

TEST_CASE_FIXTURE(fixture, "who takes gzip gets the packed file, under a tag of its own") {
  const auto files = read();
  const auto plain = ask(files, "/assets/index-Bq3.js", "identity").response;
  const auto packed = ask(files, "/assets/index-Bq3.js", "deflate, gzip").response;
  CHECK(header(plain, "Content-Encoding").empty());
  CHECK(header(packed, "Content-Encoding") == "gzip");
  CHECK(packed.body == "packed");
  CHECK(header(plain, "Vary") == "Accept-Encoding");
  CHECK(header(packed, "Vary") == "Accept-Encoding");
  const auto tag = header(packed, "ETag");
  CHECK(tag != header(plain, "ETag"));
  CHECK(ask(files, "/assets/index-Bq3.js", "gzip", tag).response.status == 304);
  CHECK(ask(files, "/assets/index-Bq3.js", "", tag).response.status == 200);
  CHECK(header(ask(files, "/", "gzip").response, "Content-Encoding").empty());
  CHECK(ask(files, "/assets/index-Bq3.js.gz").handled == false);
  CHECK(ask(files, "/", "", "", "POST").response.status == 405);
}

TEST_CASE("codings that are taken") {
  for (const auto* text :
       {"gzip", "GZIP", "br, gzip", "gzip;q=0.5", "*", "br;q=1.0, *;q=0.1", " gzip ; q=1"})
    CHECK_MESSAGE(takes_gzip(text), text);
  for (const auto* text :
       {"", "br", "identity", "gzip;q=0", "gzip; q=0.000", "*;q=0", "*, gzip;q=0", "xgzip", "gzi"})
    CHECK_FALSE_MESSAGE(takes_gzip(text), text);
}

TEST_CASE_FIXTURE(fixture, "a folder that is none says how to get one") {
  const auto missing = ui_files::read(folder / "nosuch");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
  CHECK(missing.error().message.find("script/ui") != std::string::npos);
  fs::remove(folder / "index.html");
  const auto empty = ui_files::read(folder);
  REQUIRE_FALSE(empty);
  CHECK(empty.error().message.find("no index.html") != std::string::npos);
}

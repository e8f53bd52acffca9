#include <doctest/doctest.h>
#include <spdlog/logger.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>

#include "runtime/log.hpp"

namespace rt = artham::runtime;

namespace {

std::string stderr_of(const std::function<void()>& f) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int saved = dup(2);
  dup2(fileno(file), 2);
  f();
  std::fflush(stderr);
  dup2(saved, 2);
  close(saved);
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("levels by name; an unknown name changes nothing") {
  for (const auto* level : {"trace", "debug", "info", "warn", "error", "off"}) {
    CHECK(rt::set_log_level(level));
  }
  CHECK(rt::set_log_level("warn"));
  CHECK_FALSE(rt::set_log_level("loud"));
  CHECK_FALSE(rt::set_log_level(""));
  CHECK_FALSE(rt::log().should_log(spdlog::level::info));
  CHECK(rt::log().should_log(spdlog::level::warn));
  rt::set_log_level("info");
}

TEST_CASE("an event is one line on stderr, whatever is in it") {
  const auto text = stderr_of([] { rt::log().warn("from peer: {}", "a\nfake error\x1b[31m"); });
  CHECK(text.find(" warning from peer: a\\nfake error\\x1b[31m\n") != std::string::npos);
  CHECK(text.find('\n') == text.size() - 1);
}

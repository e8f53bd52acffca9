#pragma once

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/log.hpp"

namespace artham::test {

/// Takes the program's log instead of stderr, as long as it lives.
class log_lines {
 public:
  log_lines() : before_(std::exchange(runtime::log().sinks(), {sink_})) {}
  ~log_lines() { runtime::log().sinks() = std::move(before_); }
  log_lines(const log_lines&) = delete;
  log_lines& operator=(const log_lines&) = delete;

  [[nodiscard]] std::size_t count(const std::string& part) const {
    const auto lines = all();
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(),
                      [&part](const std::string& l) { return l.find(part) != std::string::npos; }));
  }
  [[nodiscard]] bool has(const std::string& part) const { return count(part) > 0; }
  [[nodiscard]] std::vector<std::string> all() const { return sink_->take(); }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& l : all()) out += l + "\n";
    return out;
  }

 private:
  class sink final : public spdlog::sinks::base_sink<std::mutex> {
   public:
    std::vector<std::string> take() {
      const std::lock_guard lock(mutex_);
      return lines_;
    }

   private:
    void sink_it_(const spdlog::details::log_msg& m) override {
      lines_.emplace_back(m.payload.data(), m.payload.size());
    }
    void flush_() override {}
    std::vector<std::string> lines_;
  };

  std::shared_ptr<sink> sink_ = std::make_shared<sink>();
  std::vector<spdlog::sink_ptr> before_;
};

}  // namespace artham::test

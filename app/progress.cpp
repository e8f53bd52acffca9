#include "app/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace artham::app {

namespace {

constexpr std::chrono::milliseconds interval{200};
constexpr std::size_t bar_width = 40;

}  // namespace

progress::progress(std::string what) : what_(std::move(what)), shown_(isatty(STDERR_FILENO) != 0) {}

progress::~progress() {
  if (any_) std::fputs("\r\033[K", stderr);
}

bool progress::due() {
  const auto now = std::chrono::steady_clock::now();
  if (!shown_ || now - last_ < interval) return false;
  last_ = now;
  any_ = true;
  return true;
}

void progress::at(std::uint64_t ticks) {
  if (!due()) return;
  std::fprintf(stderr, "\r%s: %llu ticks", what_.c_str(), static_cast<unsigned long long>(ticks));
}

void progress::at(std::uint64_t done, std::uint64_t all) {
  if (all == 0 || !due()) return;
  done = std::min(done, all);
  const auto share = static_cast<double>(done) / static_cast<double>(all);
  const auto filled = static_cast<std::size_t>(share * bar_width);
  const std::string bar = std::string(filled, '#') + std::string(bar_width - filled, '.');
  std::fprintf(stderr, "\r%s: [%s] %3.0f %%", what_.c_str(), bar.c_str(), share * 100);
}

}  // namespace artham::app

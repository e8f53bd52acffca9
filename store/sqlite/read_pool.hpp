#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "store/sqlite/connection.hpp"

namespace artham::store::sqlite {

/// Reading connections, made as they are needed and kept: each call has one for itself.
/// Thread-safe.
class read_pool {
 public:
  explicit read_pool(std::filesystem::path file) : file_(std::move(file)) {}

  /// Calls fn(connection).
  template <class Fn>
  auto with(Fn&& fn) -> decltype(fn(std::declval<SQLite::Database&>())) {
    return guarded(file_.string(), [&] {
      std::unique_ptr<SQLite::Database> db;
      {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) {
          db = std::move(idle_.back());
          idle_.pop_back();
        }
      }
      if (!db)
        db = std::make_unique<SQLite::Database>(file_.string(), SQLite::OPEN_READONLY,
                                                busy_timeout_ms);
      auto answer = fn(*db);
      const std::lock_guard lock(mutex_);
      if (idle_.size() < idle_at_most) idle_.push_back(std::move(db));
      return answer;
    });
  }

 private:
  static constexpr std::size_t idle_at_most = 4;
  static constexpr int busy_timeout_ms = 5000;

  std::filesystem::path file_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SQLite::Database>> idle_;
};

}  // namespace artham::store::sqlite

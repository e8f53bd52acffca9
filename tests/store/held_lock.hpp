#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>

#include "store/postgres/connection.hpp"
#include "store/postgres/server.hpp"
#include "tests/store/postgres_store.hpp"

namespace artham::test {

/// A session of somebody else that holds a lock as long as the object lives.
class held_lock {
 public:
  held_lock(const postgres_store& files, const std::string& lock) {
    const auto info = store::postgres::conninfo(files.server(), "holder");
    REQUIRE(info);
    auto opened = store::postgres::connection::open(*info, std::chrono::seconds(10));
    REQUIRE(opened);
    session_ = std::move(*opened);
    REQUIRE(session_->run("BEGIN; " + lock));
  }
  ~held_lock() { static_cast<void>(session_->run("ROLLBACK")); }
  held_lock(const held_lock&) = delete;
  held_lock& operator=(const held_lock&) = delete;

 private:
  std::unique_ptr<store::postgres::connection> session_;
};

}  // namespace artham::test

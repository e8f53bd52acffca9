#pragma once

#include "bridge/redis/read_lane.hpp"

namespace artham::bridge::redis {

class stream_reader final : public reader {
 public:
  stream_reader(std::shared_ptr<read_lane> lane, cursor_ptr c, std::uint64_t read_bytes);
  ~stream_reader() override;
  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override;
  void when_ready(std::function<void()> fn) override;
  [[nodiscard]] std::uint64_t lag() const override;

 private:
  std::shared_ptr<read_lane> lane_;
  cursor_ptr cursor_;
  std::uint64_t read_bytes_;
};

}  // namespace artham::bridge::redis

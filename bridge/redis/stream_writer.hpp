#pragma once

#include "bridge/redis/append_pipe.hpp"

namespace artham::bridge::redis {

class stream_writer final : public writer {
 public:
  /// The stream has begun (append_pipe::begin) in `epoch`; ended by the destructor.
  stream_writer(std::shared_ptr<append_pipe> pipe, out_stream_ptr s, std::uint32_t epoch,
                std::uint64_t fence);
  ~stream_writer() override;
  /// Of a stream by cause: records in the order of their causes, which are behind all that were
  /// appended before; errc::bad_input. Answers the first one's.
  result<record::position> append(std::string_view records, std::uint64_t count,
                                  std::span<const std::uint32_t> tokens) override;
  void when_room(std::function<void()> fn) override;
  [[nodiscard]] record::position next() const override;

 private:
  [[nodiscard]] result<std::vector<outgoing>> by_cause(std::string_view records) const;

  std::shared_ptr<append_pipe> pipe_;
  out_stream_ptr stream_;
  std::uint32_t epoch_;
  std::uint64_t fence_;
  std::uint64_t refused_ = 0;  ///< bytes of the last append that found no room
};

}  // namespace artham::bridge::redis

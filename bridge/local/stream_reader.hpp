#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bridge/bridge.hpp"
#include "bridge/local/segment_scan.hpp"
#include "bridge/local/stream.hpp"

namespace artham::bridge::local {

/// A cursor: blocks from the stream's tail while they are there, else from its files.
class stream_reader final : public reader {
 public:
  /// `writable`: index files may be written.
  stream_reader(stream_ptr s, std::uint64_t next_seq, top until, std::vector<std::uint32_t> tokens,
                bool writable);
  ~stream_reader() override;
  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override;
  void when_ready(std::function<void()> fn) override;
  [[nodiscard]] std::uint64_t lag() const override;

 private:
  struct step;
  [[nodiscard]] step locate(std::vector<record::block_ptr>& out, std::uint64_t& room);
  [[nodiscard]] result<void> fill(const step& s);
  [[nodiscard]] bool was_removed(const segment& at) const;
  void take(record::block_ptr b);

  stream_ptr stream_;
  std::uint64_t next_;
  top until_;
  std::vector<std::uint32_t> tokens_;
  bool writable_;
  std::deque<record::block_ptr>
      read_;  ///< read from a file and not yet pulled; the first holds next_
  // What the reader read from last.
  segment_ptr segment_;
  file_ptr file_;
  index_ptr index_;
  std::optional<window> window_;
};

}  // namespace artham::bridge::local

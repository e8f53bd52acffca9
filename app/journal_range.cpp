#include "app/journal_range.hpp"

#include <algorithm>
#include <utility>

namespace artham::app {

namespace {

/// The part of `b` up to `until`, which lies inside it.
record::block_ptr front_of(const record::block& b, record::position until) {
  auto front = std::make_shared<record::block>();
  front->epoch = b.epoch;
  front->first_seq = b.first_seq;
  front->count = until.seq - b.first_seq + 1;
  front->damaged = b.damaged;
  std::size_t bytes = 0;
  record::for_each(b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
    if (seq <= until.seq) bytes += record::header_size + body.size();
    static_cast<void>(h);
  });
  front->payload = b.payload.substr(0, bytes);
  std::ranges::copy_if(b.marks, std::back_inserter(front->marks),
                       [&](const market::mark& m) { return m.position <= until; });
  return front;
}

class range_reader final : public bridge::reader {
 public:
  range_reader(std::unique_ptr<bridge::reader> from, record::block_ptr preamble,
               record::position until)
      : from_(std::move(from)), preamble_(std::move(preamble)), until_(until) {}

  result<std::vector<record::block_ptr>> pull(std::uint64_t max_records) override {
    std::vector<record::block_ptr> out;
    if (preamble_) {
      out.push_back(std::exchange(preamble_, nullptr));
      return out;
    }
    if (ended_) return out;
    auto blocks = from_->pull(max_records);
    if (!blocks) return blocks;
    for (auto& b : *blocks) {
      ended_ = b->last() >= until_;
      if (b->first() > until_) break;
      out.push_back(b->last() > until_ ? front_of(*b, until_) : std::move(b));
      if (ended_) break;
    }
    return out;
  }
  void when_ready(std::function<void()> fn) override {
    if (!ended_) from_->when_ready(std::move(fn));
  }
  [[nodiscard]] std::uint64_t lag() const override { return ended_ ? 0 : from_->lag(); }

 private:
  std::unique_ptr<bridge::reader> from_;
  record::block_ptr preamble_;
  record::position until_;
  bool ended_ = false;
};

tl::unexpected<error> read_only() {
  return fail(errc::refused, "a range of a journal is for reading only");
}

}  // namespace

result<std::unique_ptr<bridge::writer>> journal_range::open_writer(std::string_view,
                                                                   std::uint32_t) {
  return read_only();
}

result<std::unique_ptr<bridge::reader>> journal_range::open_reader(
    std::string_view stream, record::position after, artham::bridge::top until,
    std::span<const std::uint32_t> tokens) {
  if (stream != record::ticks_stream())
    return fail(errc::not_found, "a range of a journal has no " + std::string(stream));
  const bool from_start = !range_.preamble || after < range_.preamble->first();
  auto reader = journal_.open_reader(stream, std::max(after, range_.after), until, tokens);
  if (!reader) return reader;
  return std::make_unique<range_reader>(std::move(*reader), from_start ? range_.preamble : nullptr,
                                        range_.until);
}

result<bridge::tops> journal_range::stream_tops(std::string_view stream) const {
  if (stream != record::ticks_stream()) return artham::bridge::tops{};
  return artham::bridge::tops{range_.until, range_.until};
}

std::vector<std::string> journal_range::streams() const {
  return {record::ticks_stream()};
}

result<market::content_hash> journal_range::put_object(std::string_view) {
  return read_only();
}

}  // namespace artham::app

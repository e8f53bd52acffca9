#include "app/replay_input.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "feed/kite/codec.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "feed/recording/hex_frames.hpp"
#include "feed/recording/recording.hpp"
#include "feed/recording/tick_csv.hpp"
#include "messages/record/mark_codec.hpp"
#include "messages/record/tick_pack.hpp"

namespace artham::app {

namespace {

using market::mark;
using market::mark_kind;
using market::timestamp;

constexpr std::size_t batch_records = 65'536;
constexpr std::size_t ticks_per_record = 4'096;

/// Collects records of md:ticks and hands them on in batches.
class record_writer {
 public:
  record_writer(const replay_file& file, bridge::writer& out,
                const std::function<result<void>(const replay_counts&)>& written)
      : file_(file), out_(out), written_(written) {}

  /// Market time comes to `t`: a clock mark at each new whole second.
  void move_to(timestamp t) {
    if (!begun_) {
      begun_ = true;
      mark m;
      m.kind = mark_kind::epoch;
      m.time = t;
      put(std::move(m));
    }
    now_ = std::max(now_, t);
    const auto second = now_ / market::second * market::second;
    if (second <= clock_) return;
    clock_ = second;
    put_clock(second);
  }

  void subscribe(std::uint32_t token) {
    if (!tokens_.insert(token).second) return;
    mark m;
    m.kind = mark_kind::subscription;
    m.time = now_;
    m.flag = 1;
    m.mode = market::tick_mode::full;
    m.tokens = {token};
    put(std::move(m));
  }

  void put_tick(const market::bar_input& t) {
    ticks_.push_back(t);
    ++counts_.ticks;
    if (ticks_.size() == ticks_per_record) end_ticks();
  }

  void put_frame(std::string_view frame, std::uint16_t packets) {
    record::append(bytes_, record::with_times(record::kind::kite_frame, packets, now_, now_),
                   frame);
    count_ += packets;
    counts_.ticks += packets;
  }

  [[nodiscard]] result<void> write_if_full() {
    return count_ + ticks_.size() >= batch_records ? write() : result<void>{};
  }

  /// The last clock mark, behind the close of the last session, and what is left.
  [[nodiscard]] result<replay_counts> finish() {
    timestamp end = now_;
    for (const auto token : tokens_) {
      const auto session = file_.calendar_of(token).next_session(std::max<timestamp>(now_, 1) - 1);
      if (session && session->open <= now_) end = std::max(end, session->close);
    }
    const auto last = end + file_.lateness + market::second;
    put_clock((last + market::second - 1) / market::second * market::second);
    if (auto done = write(); !done) return tl::unexpected(done.error());
    return counts_;
  }

 private:
  void put_clock(timestamp t) {
    mark m;
    m.kind = mark_kind::clock;
    m.time = t;
    put(std::move(m));
  }

  void put(mark m) {
    end_ticks();
    record::append(bytes_, record::with_times(record::kind::mark, 1, m.time, m.time),
                   record::encode(m));
    ++count_;
  }

  void end_ticks() {
    if (ticks_.empty()) return;
    std::string body;
    record::encode(body, ticks_);
    record::append(bytes_,
                   record::with_times(record::kind::packed_ticks,
                                      static_cast<std::uint16_t>(ticks_.size()), now_, now_),
                   body);
    count_ += ticks_.size();
    ticks_.clear();
  }

  result<void> write() {
    end_ticks();
    if (count_ == 0) return {};
    const auto at = out_.append(bytes_, count_, {});
    if (!at) return tl::unexpected(at.error());
    counts_.last = {at->epoch, at->seq + count_ - 1};
    bytes_.clear();
    count_ = 0;
    return written_(counts_);
  }

  const replay_file& file_;
  bridge::writer& out_;
  const std::function<result<void>(const replay_counts&)>& written_;
  std::set<std::uint32_t> tokens_;
  std::vector<market::bar_input> ticks_;
  std::string bytes_;
  std::uint64_t count_ = 0;
  timestamp now_ = 0;
  timestamp clock_ = 0;
  bool begun_ = false;
  replay_counts counts_;
};

result<replay_counts> nothing_in(const std::string& path) {
  return fail(errc::bad_input, path + ": no tick in it; a recording has at least one row or frame");
}

}  // namespace

result<replay_counts> write_tick_csv(
    const replay_file& file, bridge::writer& out,
    const std::function<result<void>(const replay_counts&)>& written) {
  feed::recording::tick_csv_reader::options o;
  o.quantity_digits = file.quantity_digits;
  o.volume = file.volume;
  auto csv = feed::recording::tick_csv_reader::open(file.path, o);
  if (!csv) return tl::unexpected(csv.error());
  record_writer records(file, out, written);
  bool any = false;
  for (;;) {
    auto row = csv->next();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    any = true;
    auto t = feed::recording::to_bar_input(**row, file.volume);
    records.move_to(t.time);
    records.subscribe(t.token);
    records.put_tick(t);
    if (auto done = records.write_if_full(); !done) return tl::unexpected(done.error());
  }
  if (!any) return nothing_in(file.path);
  return records.finish();
}

result<replay_counts> write_recording(
    const replay_file& file, bridge::writer& out,
    const std::function<result<void>(const replay_counts&)>& written) {
  const feed::kite::frame_decoder decoder;
  record_writer records(file, out, written);
  bool any = false;
  const auto take = [&](std::string_view frame, timestamp exchange_time) -> result<void> {
    const auto packets = decoder.packets(frame);
    if (packets == 0) return {};
    any = true;
    std::vector<std::uint32_t> tokens;
    decoder.tokens(frame, tokens);
    records.move_to(exchange_time);
    for (const auto token : tokens) records.subscribe(token);
    records.put_frame(frame, packets);
    return records.write_if_full();
  };
  if (feed::recording::is_hex(file.path)) {
    auto reader = feed::recording::hex_reader::open(file.path);
    if (!reader) return tl::unexpected(reader.error());
    for (;;) {
      auto frame = reader->next();
      if (!frame) return tl::unexpected(frame.error());
      if (!*frame) break;
      if (auto done = take((*frame)->bytes, (*frame)->exchange_time); !done)
        return tl::unexpected(done.error());
    }
  } else {
    auto reader = feed::recording::tick_csv_reader::open(file.path);
    if (!reader) return tl::unexpected(reader.error());
    for (;;) {
      auto row = reader->next();
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      const auto tick = feed::recording::to_kite(**row, file.path);
      if (!tick) return tl::unexpected(tick.error());
      feed::kite::frame_builder frame;
      if (auto added = frame.add(*tick); !added) return tl::unexpected(added.error());
      if (auto done = take(frame.finish(), tick->exchange_time); !done)
        return tl::unexpected(done.error());
    }
  }
  if (!any) return nothing_in(file.path);
  return records.finish();
}

}  // namespace artham::app

#include "bridge/redis/refiller.hpp"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "bridge/common/fork.hpp"
#include "bridge/common/read_to_end.hpp"
#include "bridge/common/record_walk.hpp"
#include "bridge/common/shard_view.hpp"
#include "bridge/redis/backoff.hpp"
#include "bridge/redis/entry_codec.hpp"
#include "bridge/redis/scripts.hpp"
#include "bridge/redis/stream_kind.hpp"
#include "bridge/redis/waker.hpp"
#include "runtime/log.hpp"

namespace artham::bridge::redis {
namespace {

constexpr std::string_view answer_kept_ms = "30000";
/// Records of one entry, and entries of one answer: a script takes some thousand arguments.
constexpr std::size_t entry_bytes = 256U << 10U;
constexpr std::size_t most_entries = 300;
constexpr std::uint64_t records_at_once = 4'096;

struct question {
  std::uint32_t shard = 0;
  record::position after;
  record::position upto;
};

/// Entries as the script takes them: ID, number of fields and values, these.
class answer {
 public:
  void add(record::position from, const record::block& b) {
    if (b.payload.empty()) return;
    // Only the front of an entry can stand for positions without records.
    const bool joins = !payload_.empty() && b.epoch == last_.epoch && from.seq == b.first_seq &&
                       payload_.size() < entry_bytes;
    if (!joins) {
      close();
      first_ = from;
    }
    payload_ += b.payload;
    count_ += b.count;
    last_ = b.last();
    bytes_ += b.payload.size();
  }
  void gone(record::position upto) {
    close();
    put(upto, {std::string(refill_gone), std::string("1")});
  }
  void close() {
    if (payload_.empty()) return;
    entry e;
    e.first = first_;
    e.last = last_;
    e.count = std::exchange(count_, 0);
    e.payload = payload_;
    put(last_, pack(numbering::ticks, e, true));
    payload_.clear();
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t entries() const { return entries_; }
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  void put(record::position at, entry_fields fields) {
    ++entries_;
    arguments_.push_back(id_text(at));
    arguments_.push_back(std::to_string(fields.size()));
    std::ranges::move(fields, std::back_inserter(arguments_));
  }

  record::position first_;
  record::position last_;
  std::uint64_t count_ = 0;
  std::string payload_;
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
  std::vector<std::string> arguments_;
};

class refiller_impl final : public refiller {
 public:
  refiller_impl(bridge& journal, refiller_options o)
      : journal_(journal),
        options_(std::move(o)),
        answers_(options_.metrics->counter(
            "artham_redis_refill_answers_total",
            "Pieces of the journal given to readers that a forced trim overtook.")) {
    for (std::uint32_t i = 0; i < options_.how.shards; ++i)
      streams_.push_back(stream_in_shard(record::ticks_stream(), i, options_.how.shards));
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "refill");
      run();
    });
  }
  ~refiller_impl() override { stop(); }

  void hold(std::uint64_t fence) override {
    const std::lock_guard lock(mutex_);
    fence_ = fence;
  }
  void stop() override {
    waker_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    backoff pauses;
    while (!waker_.is_stopping()) {
      const auto done = look();
      if (done) {
        pauses.reset();
        if (!waker_.pause(options_.look_interval)) return;
        continue;
      }
      connection_.reset();
      if (!waker_.pause(std::chrono::nanoseconds(pauses.next()).count())) return;
    }
  }

  [[nodiscard]] std::uint64_t fence() const {
    const std::lock_guard lock(mutex_);
    return fence_;
  }

  /// Answers each question that stands there.
  result<void> look() {
    if (fence() == 0) return {};
    if (!connection_) {
      auto c = connection::open(options_.server, "artham-refill");
      if (!c) return tl::unexpected(c.error());
      connection_ = std::move(*c);
    }
    auto members = connection_->command({"SMEMBERS", refills_key});
    if (!members) return tl::unexpected(members.error());
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < members->size(); ++i) ids.emplace_back((*members)[i].text());
    for (const auto& id : ids) {
      if (waker_.is_stopping()) return {};
      if (auto ok = look_at(id); !ok) return ok;
    }
    return {};
  }

  result<void> look_at(const std::string& id) {
    auto asked = connection_->command({"GET", refill_ask_key(id)});
    if (!asked) return tl::unexpected(asked.error());
    if (asked->is_nil()) {
      auto removed = connection_->command({"SREM", refills_key, id});
      if (!removed) return tl::unexpected(removed.error());
      return {};
    }
    const std::string text(asked->text());
    auto there = connection_->command({"EXISTS", refill_answer_key(id)});
    if (!there) return tl::unexpected(there.error());
    if (there->integer() == 1) return {};
    const auto q = parse(text);
    if (!q) {
      if (noted_ != text) runtime::log().warn("refill: '{}' is not understood", text);
      noted_ = text;
      return {};
    }
    const auto found = find(*q);
    if (!found) {
      runtime::log().warn("refill: {}: {}", text, found.error().message);
      return {};
    }
    return give(id, text, *found);
  }

  [[nodiscard]] std::optional<question> parse(std::string_view text) const {
    const auto one = text.find(' ');
    const auto two = text.find(' ', one + 1);
    if (one == std::string_view::npos || two == std::string_view::npos) return std::nullopt;
    const auto stream = std::ranges::find(streams_, text.substr(0, one));
    const auto after = parse_entry_id(text.substr(one + 1, two - one - 1));
    const auto upto = parse_entry_id(text.substr(two + 1));
    if (stream == streams_.end() || !after || !upto || !upto->position()) return std::nullopt;
    question q;
    q.shard = static_cast<std::uint32_t>(stream - streams_.begin());
    // A reader may begin in front of the first record.
    q.after = {static_cast<std::uint32_t>(after->ms), after->seq};
    q.upto = *upto->position();
    return q;
  }

  /// The next piece of what is asked for.
  result<answer> find(const question& q) {
    answer a;
    const auto known = has_position(journal_, record::ticks_stream(), q.upto);
    if (!known) return tl::unexpected(known.error());
    if (!*known) {
      a.gone(q.upto);
      return a;
    }
    auto r = open_to_end(journal_, record::ticks_stream(), q.after);
    if (!r) return tl::unexpected(r.error());
    auto at = q.after;
    while (at.seq < q.upto.seq && a.bytes() < options_.answer_bytes && a.entries() < most_entries &&
           !waker_.is_stopping()) {
      const auto blocks = (*r)->pull(records_at_once);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) break;
      for (const auto& b : *blocks) {
        if (at.seq >= q.upto.seq) break;
        if (auto ok = add(a, b, q, at); !ok) return tl::unexpected(ok.error());
      }
    }
    a.close();
    if (a.entries() == 0 && at.seq >= q.upto.seq) a.gone(q.upto);
    return a;
  }

  /// `at`: everything up to here was looked at; records behind `from_` are still to be stood for.
  result<void> add(answer& a, const record::block_ptr& b, const question& q, record::position& at) {
    if (b->first_seq > at.seq + 1) {
      // The journal is not kept any more before.
      at = {b->epoch, std::min(b->first_seq - 1, q.upto.seq)};
      a.gone(at);
      from_ = at.seq + 1;
      if (at.seq == q.upto.seq) return {};
    }
    if (at == q.after) from_ = at.seq + 1;
    const auto parts = split_by_shard(b, options_.how);
    if (!parts) return tl::unexpected(parts.error());
    at = {b->epoch, std::min(b->last().seq, q.upto.seq)};
    const auto& part = (*parts)[q.shard];
    if (!part || part->last().seq < from_) return {};
    const auto rest = up_to(behind(part, from_ - 1), q.upto.seq);
    a.add({b->epoch, std::min(from_, rest->first_seq)}, *rest);
    from_ = rest->last().seq + 1;
    return {};
  }

  /// The records of a block up to a position, at which one ends.
  static record::block_ptr up_to(const record::block_ptr& b, std::uint64_t last) {
    if (b->last().seq <= last) return b;
    auto part = std::make_shared<record::block>();
    part->epoch = b->epoch;
    part->first_seq = b->first_seq;
    std::size_t bytes = 0;
    record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view) {
      if (seq + h.count > last + 1) return;
      bytes += record::header_size + h.size;
      part->count += h.count;
    });
    part->payload = b->payload.substr(0, bytes);
    return part;
  }

  result<void> give(const std::string& id, const std::string& text, const answer& a) {
    if (a.entries() == 0) return {};
    const auto ask_key = refill_ask_key(id);
    const auto answer_key = refill_answer_key(id);
    const auto lease = fence_key("ingest");
    const auto fence_text = std::to_string(fence());
    const std::string_view keys[] = {ask_key, answer_key, lease};
    std::vector<std::string_view> values{text, fence_text, answer_kept_ms};
    values.insert(values.end(), a.arguments().begin(), a.arguments().end());
    auto r = connection_->eval(answer_refill_script(), keys, values);
    if (!r) return tl::unexpected(r.error());
    if (r->integer() == 1) answers_.add();
    return {};
  }

  bridge& journal_;
  const refiller_options options_;
  runtime::counter& answers_;
  std::vector<std::string> streams_;
  waker waker_;

  mutable std::mutex mutex_;
  std::uint64_t fence_ = 0;  ///< under the lock

  // Of the thread.
  std::unique_ptr<connection> connection_;
  std::uint64_t from_ = 0;
  std::string noted_;

  std::thread thread_;
};

}  // namespace

std::unique_ptr<refiller> make_refiller(bridge& journal, refiller_options o) {
  return std::make_unique<refiller_impl>(journal, std::move(o));
}

}  // namespace artham::bridge::redis

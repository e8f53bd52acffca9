#include "app/tick_check.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "actors/store/stream_store.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "market/price.hpp"

namespace artham::app {

namespace {

using store::tick_row;

/// The rows that the tick store makes of a journal, one after the other.
class journaled_ticks {
 public:
  static result<journaled_ticks> open(bridge::bridge& journal, const tick_positions& until) {
    auto cursor = journal.open_reader(record::ticks_stream(), {}, bridge::top::appended, {});
    if (!cursor) return tl::unexpected(cursor.error());
    return journaled_ticks(std::move(*cursor), until);
  }

  /// The next row; null behind the last.
  result<const tick_row*> peek() {
    for (;; ++next_) {
      if (auto more = fill(); !more) return tl::unexpected(more.error());
      if (next_ == rows_.ticks.size()) return nullptr;
      const auto& row = rows_.ticks[next_];
      if (row.core.position() > most_) return nullptr;
      if (row.core.position() <= until_.of(row.core.token)) return &row;
    }
  }
  void pop() { ++next_; }

 private:
  journaled_ticks(std::unique_ptr<bridge::reader> cursor, const tick_positions& until)
      : cursor_(std::move(cursor)), until_(until), most_(until.most()) {}

  /// The next rows when those that are there are through; none at the end.
  result<void> fill() {
    while (next_ == rows_.ticks.size()) {
      auto blocks = cursor_->pull(1U << 16U);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) return {};
      auto rows = actors::tick_rows(decoder_, {true})(*blocks, {});
      if (!rows) return tl::unexpected(rows.error());
      rows_ = std::move(*rows);
      next_ = 0;
    }
    return {};
  }

  feed::kite::frame_decoder decoder_;
  std::unique_ptr<bridge::reader> cursor_;
  tick_positions until_;
  record::position most_;
  actors::store_rows rows_;
  std::size_t next_ = 0;
};

/// Ticks next to each other that have the same fault.
struct run {
  std::uint32_t epoch = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t ticks = 0;
};

class tick_check {
 public:
  tick_check(const check_context& context, findings& found) : context_(context), found_(found) {}

  void missing(const tick_row& row) {
    if (!wanted(row) || context_.may_lack("ticks", row.receive, record::ticks_stream(),
                                          {row.core.position(), 0}, row.core.token))
      return;
    end(surplus_, "surplus");
    add(missing_, row);
  }
  void surplus(const tick_row& row) {
    if (!wanted(row)) return;
    end(missing_, "missing");
    add(surplus_, row);
    ++rows_;
  }
  void compare(const tick_row& stored, const tick_row& journaled) {
    if (!wanted(journaled)) return;
    end_runs();
    ++rows_;
    const auto& s = stored.core;
    const auto& j = journaled.core;
    const auto number = [&](const char* column, std::int64_t is, std::int64_t should) {
      if (is != should) differs(journaled, column, std::to_string(is), std::to_string(should));
    };
    number("epoch", s.epoch, j.epoch);
    number("instrument_token", s.token, j.token);
    number("mode", static_cast<int>(s.mode), static_cast<int>(j.mode));
    number("receive_ts", stored.receive, journaled.receive);
    number("wall_ts", stored.wall, journaled.wall);
    number("exchange_ts", s.time, j.time);
    if (s.last != j.last)
      differs(journaled, "last_price", market::to_string(s.last), market::to_string(j.last));
    number("volume", s.volume_or_size, j.volume_or_size);
    number("oi", s.oi, j.oi);
    if (stored.packet != journaled.packet)
      differs(journaled, "packet", std::to_string(stored.packet.size()) + " bytes",
              "other " + std::to_string(journaled.packet.size()) + " bytes");
  }
  void end_runs() {
    end(missing_, "missing");
    end(surplus_, "surplus");
  }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  [[nodiscard]] bool wanted(const tick_row& row) const {
    return context_.wanted(row.core.token, row.receive);
  }

  static void add(std::optional<run>& r, const tick_row& row) {
    const auto at = row.core.position();
    if (!r) r = run{at.epoch, at.seq, at.seq, 0};
    r->last = at.seq;
    ++r->ticks;
  }

  void end(std::optional<run>& r, const char* what) {
    if (!r) return;
    found_.difference("ticks epoch " + std::to_string(r->epoch) + " seq " +
                          std::to_string(r->first) + " to " + std::to_string(r->last) + " " + what +
                          ": " + std::to_string(r->ticks) +
                          (*what == 'm' ? " ticks are journaled, and not stored"
                                        : " ticks are stored, and the journal has no such ticks"),
                      {{"what", what},
                       {"table", "ticks"},
                       {"epoch", r->epoch},
                       {"first_seq", r->first},
                       {"last_seq", r->last},
                       {"ticks", r->ticks}});
    r.reset();
  }

  void differs(const tick_row& at, const char* column, const std::string& stored,
               const std::string& journaled) {
    const auto name = context_.name_of(at.core.token);
    found_.difference(name + " tick epoch " + std::to_string(at.core.epoch) + " seq " +
                          std::to_string(at.core.seq) + " " + column + ": stored " + stored +
                          ", journaled " + journaled,
                      {{"what", "column"},
                       {"table", "ticks"},
                       {"instrument", name},
                       {"epoch", at.core.epoch},
                       {"seq", at.core.seq},
                       {"column", column},
                       {"stored", stored},
                       {"rebuilt", journaled}});
  }

  const check_context& context_;
  findings& found_;
  std::optional<run> missing_;
  std::optional<run> surplus_;
  std::uint64_t rows_ = 0;
};

}  // namespace

void tick_positions::divide(std::shared_ptr<const market::feature::shard_map> shards) {
  divided_ = std::move(shards);
  streams_.resize(divided_ ? divided_->shards() : 1);
}

bool tick_positions::is_sharded(const by_shard& stream) {
  return std::any_of(stream.begin() + 1, stream.end(), [](const auto& s) { return s.has_value(); });
}

record::position tick_positions::of(std::uint32_t token) const {
  const auto& stream = streams_[divided_ ? divided_->of(token) : 0];
  const auto shard = is_sharded(stream) ? store::tick_shard(token) : 0;
  return stream[shard].value_or(record::position{});
}

record::position tick_positions::least() const {
  std::optional<record::position> least;
  for (const auto& stream : streams_) {
    for (std::size_t i = 0; i < (is_sharded(stream) ? stream.size() : 1); ++i) {
      const auto at = stream[i].value_or(record::position{});
      least = std::min(least.value_or(at), at);
    }
  }
  return *least;
}

record::position tick_positions::most() const {
  record::position most;
  for (const auto& stream : streams_) {
    for (const auto& s : stream) most = std::max(most, s.value_or(record::position{}));
  }
  return most;
}

result<std::uint64_t> check_ticks(store::audit& stored, bridge::bridge& journal,
                                  const tick_positions& stored_until, const check_context& context,
                                  findings& found) {
  auto opened = journaled_ticks::open(journal, stored_until);
  if (!opened) return tl::unexpected(opened.error());
  auto& ticks = *opened;
  tick_check check(context, found);
  result<void> outcome;
  bool any = false;
  std::uint64_t in_front = 0;
  std::uint64_t not_kept = 0;
  auto done = stored.for_each_tick([&](const tick_row& row) {
    if (context.kept && row.core.seq < context.kept->first.seq) {
      ++not_kept;
      any = true;
      return;
    }
    while (outcome) {
      const auto next = ticks.peek();
      if (!next) {
        outcome = tl::unexpected(next.error());
        return;
      }
      if (*next == nullptr || (*next)->core.seq > row.core.seq) {
        check.surplus(row);
        break;
      }
      if ((*next)->core.seq == row.core.seq) {
        check.compare(row, **next);
        ticks.pop();
        break;
      }
      if (any) {
        check.missing(**next);
      } else {
        ++in_front;
      }
      ticks.pop();
    }
    any = true;
  });
  if (!done) return tl::unexpected(done.error());
  for (; any && outcome;) {
    const auto next = ticks.peek();
    if (!next) return tl::unexpected(next.error());
    if (*next == nullptr) break;
    check.missing(**next);
    ticks.pop();
  }
  if (!outcome) return tl::unexpected(outcome.error());
  check.end_runs();
  if (not_kept != 0) {
    found.note("note: " + std::to_string(not_kept) +
               " rows of ticks are not compared: the journal does not keep them any more");
  }
  if (in_front != 0) {
    found.note("note: " + std::to_string(in_front) +
               " ticks were journaled before the first one that is a row (store.ticks)");
  }
  return check.rows();
}

}  // namespace artham::app

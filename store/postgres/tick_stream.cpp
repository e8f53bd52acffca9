#include "store/postgres/tick_stream.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "store/postgres/array_text.hpp"
#include "store/postgres/bytes_text.hpp"
#include "store/postgres/row_stream.hpp"
#include "store/postgres/taker.hpp"

namespace artham::store::postgres {

namespace {

using field = market::bar_input::field;

/// A pack may hold a thousand packets.
constexpr std::size_t packs_at_a_time = 16;

void set_volume(market::bar_input& core, std::optional<std::int64_t> v) {
  if (!v) return;
  core.volume_or_size = *v;
  core.fields = static_cast<std::uint8_t>(core.fields | field::volume);
}

void set_oi(market::bar_input& core, std::optional<std::int64_t> v) {
  if (!v) return;
  core.oi = *v;
  core.fields = static_cast<std::uint8_t>(core.fields | field::open_interest);
}

std::optional<std::int64_t> optional_integer(taker& in) {
  if (!in.is_null()) return in.integer();
  in.skip();
  return std::nullopt;
}

/// Ticks that come one after the other.
class source {
 public:
  virtual ~source() = default;
  [[nodiscard]] virtual std::uint64_t seq() const = 0;
  virtual const tick_row& row() = 0;
  /// False behind the last.
  virtual bool advance() = 0;
};

/// The rows of artham.ticks.
class single_ticks final : public source {
 public:
  single_ticks(pqxx::transaction_base& t, const token_book& tokens)
      : rows_(t, "single_ticks",
              "SELECT seq, epoch, instrument_id, mode, receive_ts, wall_ts, exchange_ts, fraction, "
              "last_price, volume, oi, packet FROM artham.ticks ORDER BY seq"),
        tokens_(tokens) {}

  [[nodiscard]] std::uint64_t seq() const override { return row_.core.seq; }
  const tick_row& row() override { return row_; }
  bool advance() override {
    const auto next = rows_.next();
    if (!next) return false;
    taker in(*next);
    row_ = {};
    auto& core = row_.core;
    core.seq = static_cast<std::uint64_t>(in.integer());
    core.epoch = in.small();
    const auto id = in.integer();
    core.mode = static_cast<market::tick_mode>(in.integer());
    row_.receive = in.time();
    row_.wall = in.time();
    core.time = in.time();
    const auto fraction = in.integer();
    row_.receive += fraction / 1'000'000;
    row_.wall += fraction / 1000 % 1000;
    core.time += fraction % 1000;
    core.last.units = in.integer();
    set_volume(core, optional_integer(in));
    set_oi(core, optional_integer(in));
    packet_ = bytes_of(in.text());
    row_.packet = packet_;
    core.token = tokens_.token_of(id, row_.receive, row_.packet);
    return true;
  }

 private:
  row_stream rows_;
  const token_book& tokens_;
  tick_row row_;
  std::string packet_;
};

using integers = std::vector<std::optional<std::int64_t>>;

/// A row of artham.tick_packs.
class pack final : public source {
 public:
  static constexpr const char* columns =
      "first_seq, epoch, instrument_id, mode, packet_size, seq, receive_ns, wall_ns, exchange_ns, "
      "last_price, volume, oi, packets";

  pack(const pqxx::row& row, const token_book& tokens) : tokens_(tokens) {
    taker in(row);
    first_seq_ = in.integer();
    epoch_ = in.small();
    id_ = in.integer();
    mode_ = static_cast<market::tick_mode>(in.integer());
    packet_size_ = static_cast<std::size_t>(in.integer());
    for (auto* array : {&seq_, &receive_, &wall_, &exchange_, &last_, &volume_, &oi_})
      *array = integers_of(in.text());
    packets_ = bytes_of(in.text());
  }

  [[nodiscard]] std::uint64_t seq() const override {
    return static_cast<std::uint64_t>(first_seq_ + seq_[at_].value_or(0));
  }
  const tick_row& row() override {
    row_ = {};
    auto& core = row_.core;
    core.seq = seq();
    core.epoch = epoch_;
    core.mode = mode_;
    row_.receive = element(receive_).value_or(0);
    row_.wall = element(wall_).value_or(row_.receive);
    core.time = element(exchange_).value_or(row_.receive);
    core.last.units = element(last_).value_or(0);
    set_volume(core, element(volume_));
    set_oi(core, element(oi_));
    row_.packet = std::string_view(packets_).substr(std::min(packets_.size(), at_ * packet_size_),
                                                    packet_size_);
    core.token = tokens_.token_of(id_, row_.receive, row_.packet);
    return row_;
  }
  bool advance() override { return ++at_ < seq_.size(); }
  [[nodiscard]] bool empty() const { return seq_.empty(); }

 private:
  [[nodiscard]] std::optional<std::int64_t> element(const integers& array) const {
    return at_ < array.size() ? array[at_] : std::nullopt;
  }

  const token_book& tokens_;
  std::int64_t first_seq_ = 0;
  std::uint32_t epoch_ = 0;
  std::int64_t id_ = 0;
  market::tick_mode mode_ = market::tick_mode::ltp;
  std::size_t packet_size_ = 0;
  integers seq_, receive_, wall_, exchange_, last_, volume_, oi_;
  std::string packets_;
  std::size_t at_ = 0;
  tick_row row_;
};

/// A heap whose front is the source with the smallest seq.
bool later(const std::unique_ptr<source>& a, const std::unique_ptr<source>& b) {
  return a->seq() > b->seq();
}

}  // namespace

void read_ticks(pqxx::transaction_base& t, const token_book& tokens,
                const std::function<void(const tick_row&)>& fn) {
  std::vector<std::unique_ptr<source>> open;
  const auto add = [&](std::unique_ptr<source> s) {
    open.push_back(std::move(s));
    std::ranges::push_heap(open, later);
  };
  if (auto single = std::make_unique<single_ticks>(t, tokens); single->advance())
    add(std::move(single));
  row_stream packs(
      t, "tick_packs",
      std::string("SELECT ") + pack::columns + " FROM artham.tick_packs ORDER BY first_seq",
      packs_at_a_time);
  auto next = packs.next();
  const auto first_seq = [](const pqxx::row& row) {
    return static_cast<std::uint64_t>(taker(row).integer());
  };
  for (;;) {
    while (next && (open.empty() || first_seq(*next) <= open.front()->seq())) {
      if (auto p = std::make_unique<pack>(*next, tokens); !p->empty()) add(std::move(p));
      next = packs.next();
    }
    if (open.empty()) return;
    std::ranges::pop_heap(open, later);
    fn(open.back()->row());
    if (open.back()->advance()) {
      std::ranges::push_heap(open, later);
    } else {
      open.pop_back();
    }
  }
}

}  // namespace artham::store::postgres

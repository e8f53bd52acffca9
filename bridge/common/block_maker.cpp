#include "bridge/common/block_maker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace artham::bridge {

block_maker::block_maker(record::position first) : block_(std::make_shared<record::block>()) {
  block_->epoch = first.epoch;
  block_->first_seq = first.seq;
}

void block_maker::add(const record::header& h, std::string_view body) {
  put_elsewhere();
  record::append(block_->payload, h, body);
  block_->count += h.count;
  only_elsewhere_ = false;
}

void block_maker::add_mark(const record::header& h, std::string_view body, const market::mark& m) {
  add(h, body);
  block_->marks.push_back(m);
}

void block_maker::add_elsewhere(const record::header& like, std::uint64_t count) {
  if (waiting_ == 0) elsewhere_ = like;
  waiting_ += count;
  block_->count += count;
}

void block_maker::put_elsewhere() {
  constexpr std::uint64_t most = std::numeric_limits<std::uint16_t>::max();
  for (; waiting_ != 0;) {
    const auto n = std::min(waiting_, most);
    record::append(
        block_->payload,
        record::with_times(record::kind::elsewhere, static_cast<std::uint16_t>(n),
                           record::receive_time(elsewhere_), record::wall_time(elsewhere_)),
        {});
    waiting_ -= n;
  }
}

record::position block_maker::next() const {
  return {block_->epoch, block_->first_seq + block_->count};
}

record::block_ptr block_maker::finish() {
  put_elsewhere();
  return std::move(block_);
}

}  // namespace artham::bridge

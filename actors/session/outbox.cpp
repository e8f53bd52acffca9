#include "actors/session/outbox.hpp"

#include <utility>

namespace artham::actors {

using messages::batch;

namespace {

/// What a message that waits costs besides its bytes.
constexpr std::size_t overhead = 64;

}  // namespace

void outbox::hold(const batch& b, const subscription_of& of) {
  kept k;
  std::string copied;
  for (const auto& i : b.items) {
    subscription* const s = i.key == 0 ? nullptr : of(i.key);
    // What was on its way when the client gave a key back.
    if (i.key != 0 && s == nullptr) continue;
    const std::string_view frame(b.bytes->data() + i.offset, i.size);
    const bool replaceable =
        i.kind == batch::kind::value && s != nullptr && s->policy == delivery_policy::latest;
    if (!replaceable) {
      copied += frame;
      k.keys.push_back(i.key);
      if (s == nullptr) continue;
      ++s->waiting;
      // A finished bar makes the unfinished one that waits worthless.
      if (i.kind == batch::kind::record && newest_.contains(i.key)) {
        ++conflated_;
        ++s->conflated;
        --s->waiting;
        drop(i.key);
      }
      continue;
    }
    auto& at = newest_[i.key];
    if (at) {
      ++conflated_;
      ++s->conflated;
      bytes_ -= at->size() + overhead;
    } else {
      ++s->waiting;
    }
    at = std::make_shared<const std::string>(frame);
    bytes_ += at->size() + overhead;
  }
  if (copied.empty()) return;
  k.what.of = std::make_shared<const std::string>(std::move(copied));
  k.what.size = k.what.of->size();
  k.what.messages = k.keys.size();
  bytes_ += k.what.size + overhead;
  kept_.push_back(std::move(k));
}

void outbox::drop(std::uint64_t key) {
  const auto it = newest_.find(key);
  if (it == newest_.end()) return;
  bytes_ -= it->second->size() + overhead;
  newest_.erase(it);
}

messages::frames outbox::front() const {
  if (!kept_.empty()) return kept_.front().what;
  const auto& v = newest_.begin()->second;
  return {v, 0, v->size(), 1};
}

void outbox::pop(const subscription_of& of) {
  const auto sent = [&](std::uint64_t key) {
    subscription* const s = key == 0 ? nullptr : of(key);
    if (s != nullptr && s->waiting != 0) --s->waiting;
  };
  if (!kept_.empty()) {
    bytes_ -= kept_.front().what.size + overhead;
    for (const auto key : kept_.front().keys) sent(key);
    kept_.pop_front();
    return;
  }
  bytes_ -= newest_.begin()->second->size() + overhead;
  sent(newest_.begin()->first);
  newest_.erase(newest_.begin());
}

}  // namespace artham::actors

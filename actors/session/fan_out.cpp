#include "actors/session/fan_out.hpp"

#include <algorithm>

#include "actors/session/packet_frames.hpp"

namespace artham::actors {

using messages::batch;

namespace {

/// Room for the frames of a flush grows to what is needed, and is kept up to this size.
constexpr std::size_t kept_room = 256 << 10;

/// Spreads a count over 64 bits, so that sums of some tell which they were.
std::uint64_t mixed(std::uint64_t n) {
  n *= 0x9E3779B97F4A7C15ULL;
  n ^= n >> 32U;
  return n * 0xD6E8FEB86659FD93ULL;
}

}  // namespace

struct fan_out::audience {
  messages::format format = messages::format::json;
  std::uint64_t hash = 0;
  struct seat {
    channel* in = nullptr;
    std::size_t index = 0;  ///< among the channel's audiences
  };
  std::vector<seat> channels;  ///< by key
  std::vector<member> members;
  std::vector<batch::item> items;  ///< offsets into the bytes of the format
  bool dirty = false;
};

fan_out::fan_out() {
  for (auto& b : bytes_) b = std::make_shared<std::string>();
}
fan_out::~fan_out() = default;

void fan_out::be_of(replay_line_ptr line) {
  line_ = std::move(line);
  space_ = line_->space();
}

fan_out::channel& fan_out::open(const wanted& w) {
  auto& all = topics_[w.key].channels;
  for (const auto& c : all)
    if (c->every == w.every && c->style == w.style) return *c;
  // Channels of one style stand together, so that a message is encoded once for them.
  const auto at = std::ranges::find_if(all, [&](const auto& c) { return c->style == w.style; });
  auto c = std::make_unique<channel>();
  c->key = w.key;
  c->style = w.style;
  c->every = w.every;
  c->number = mixed(++opened_);
  return **all.insert(at, std::move(c));
}

void fan_out::let_go(channel& c) {
  if (--c.members != 0) return;
  if (c.held) std::erase_if(due_, [&](const auto& entry) { return entry.second == &c; });
  const auto t = topics_.find(c.key);
  std::erase_if(t->second.channels, [&](const auto& other) { return other.get() == &c; });
  if (t->second.channels.empty()) topics_.erase(t);
}

void fan_out::leave(member m, place& p) {
  audience* const a = p.in;
  if (a == nullptr) return;
  const auto last = a->members.back();
  a->members[p.index] = last;
  a->members.pop_back();
  if (last != m) members_.at(last).index = p.index;
  p.in = nullptr;
  if (a->members.empty()) close(*a);
}

void fan_out::close(audience& a) {
  for (const auto& s : a.channels) {
    auto& all = s.in->audiences;
    auto* const last = all.back();
    all[s.index] = last;
    all.pop_back();
    if (last == &a) continue;
    std::ranges::lower_bound(last->channels, s.in->key, {}, [](const auto& seat) {
      return seat.in->key;
    })->index = s.index;
  }
  if (a.dirty) std::erase(dirty_, &a);
  const auto [first, end] = audiences_.equal_range(a.hash);
  audiences_.erase(
      std::find_if(first, end, [&](const auto& entry) { return entry.second.get() == &a; }));
}

/// Into the audience of its channels.
void fan_out::move(member m, place& p) {
  std::uint64_t hash = static_cast<std::uint64_t>(p.format);
  for (const auto& h : p.channels) hash += h.in->number;
  const auto same = [&](const audience& a) {
    return a.format == p.format &&
           std::ranges::equal(a.channels, p.channels, {}, &audience::seat::in, &holding::in);
  };
  audience* found = nullptr;
  const auto [first, end] = audiences_.equal_range(hash);
  for (auto it = first; it != end && found == nullptr; ++it)
    if (same(*it->second)) found = it->second.get();
  if (found == p.in && found != nullptr) return;
  leave(m, p);
  if (p.channels.empty()) return;
  if (found == nullptr) {
    auto made = std::make_unique<audience>();
    made->format = p.format;
    made->hash = hash;
    for (const auto& h : p.channels) {
      made->channels.push_back({h.in, h.in->audiences.size()});
      h.in->audiences.push_back(made.get());
    }
    found = audiences_.emplace(hash, std::move(made))->second.get();
  }
  p.in = found;
  p.index = found->members.size();
  found->members.push_back(m);
}

std::vector<std::uint64_t> fan_out::subscribe(member m, messages::format format,
                                              std::span<const wanted> keys) {
  std::vector<std::uint64_t> had;
  auto& p = members_[m];
  p.format = format;
  std::vector<channel*> replaced;
  for (const auto& w : keys) {
    auto& c = open(w);
    const auto at =
        std::ranges::lower_bound(p.channels, w.key, {}, [](const holding& h) { return h.in->key; });
    const holding own{&c, c.published, c.replaced};
    if (at == p.channels.end() || at->in->key != w.key) {
      ++c.members;
      p.channels.insert(at, own);
      continue;
    }
    had.push_back(w.key);
    if (at->in == &c) continue;
    ++c.members;
    replaced.push_back(at->in);
    *at = own;
  }
  move(m, p);
  for (auto* const c : replaced) let_go(*c);
  return had;
}

std::vector<std::uint64_t> fan_out::unsubscribe(member m, std::span<const std::uint64_t> keys) {
  std::vector<std::uint64_t> gone;
  const auto it = members_.find(m);
  if (it == members_.end()) return gone;
  auto& p = it->second;
  std::vector<channel*> left;
  for (const auto key : keys) {
    const auto at =
        std::ranges::lower_bound(p.channels, key, {}, [](const holding& h) { return h.in->key; });
    if (at == p.channels.end() || at->in->key != key) continue;
    left.push_back(at->in);
    gone.push_back(key);
    p.channels.erase(at);
  }
  move(m, p);
  for (auto* const c : left) let_go(*c);
  if (p.channels.empty()) members_.erase(it);
  return gone;
}

std::vector<std::uint64_t> fan_out::forget(member m) {
  std::vector<std::uint64_t> keys;
  const auto it = members_.find(m);
  if (it == members_.end()) return keys;
  for (const auto& h : it->second.channels) keys.push_back(h.in->key);
  return unsubscribe(m, keys);
}

std::vector<fan_out::count> fan_out::counts(member m) const {
  std::vector<count> all;
  const auto it = members_.find(m);
  if (it == members_.end()) return all;
  for (const auto& h : it->second.channels)
    all.push_back({h.in->key, h.in->published - h.published, h.in->replaced - h.replaced});
  return all;
}

bool fan_out::passes(channel& c, clock::time_point now) {
  if (c.every.count() == 0) return true;
  if (c.held) {
    ++c.replaced;
    return false;
  }
  if (now >= c.may_at) {
    c.may_at = now + c.every;
    return true;
  }
  c.held = true;
  due_.emplace(c.may_at, &c);
  return false;
}

fan_out::clock::time_point fan_out::next_due() const {
  return quiet_ || due_.empty() ? clock::time_point::max() : due_.begin()->first;
}

void fan_out::publish_due(clock::time_point now, const encode_newest& encode) {
  while (!quiet_ && !due_.empty() && due_.begin()->first <= now) {
    channel& c = *due_.begin()->second;
    due_.erase(due_.begin());
    c.held = false;
    auto& out = bytes_of(c.style.format);
    range where{static_cast<std::uint32_t>(out.size()), 0};
    if (!encode(out, c.key, c.style)) continue;
    where.size = static_cast<std::uint32_t>(out.size() - where.offset);
    c.may_at = now + c.every;
    give(c, batch::kind::value, where);
  }
}

void fan_out::give(channel& c, batch::kind kind, range where) {
  ++c.published;
  for (auto* const a : c.audiences) give(*a, c.key, kind, where);
}

void fan_out::give(audience& a, std::uint64_t key, batch::kind kind, range where) {
  const bool of_space = key != 0 && key != messages::token_key;
  a.items.push_back(
      {of_space ? messages::in_space(key, space_) : key, where.offset, where.size, kind});
  if (std::exchange(a.dirty, true)) return;
  dirty_.push_back(&a);
}

void fan_out::publish_to_all(std::string_view event) {
  if (quiet_) return;
  std::array<range, messages::formats> made{};
  for (const auto& entry : audiences_) {
    auto& a = *entry.second;
    if (!messages::has_events(a.format)) continue;
    auto& where = made[static_cast<std::size_t>(a.format)];
    if (where.size == 0) {
      auto& out = bytes_of(a.format);
      where.offset = static_cast<std::uint32_t>(out.size());
      protocol::append_frame(out, protocol::opcode::text, event);
      where.size = static_cast<std::uint32_t>(out.size() - where.offset);
    }
    give(a, 0, batch::kind::event, where);
  }
}

std::shared_ptr<batch> fan_out::cut(audience& a, const messages::resume_point_ptr& upto) {
  const auto& all = bytes_[static_cast<std::size_t>(a.format)];
  auto made = std::make_shared<batch>();
  made->upto = upto;
  made->space = space_;
  made->items.swap(a.items);
  a.items.reserve(made->items.size());
  if (a.format == messages::format::kite) {
    made->bytes = std::make_shared<const std::string>(frame_packets(*all, made->items));
    return made;
  }
  std::size_t size = 0;
  bool tiled = true;
  for (const auto& i : made->items) {
    tiled = tiled && i.offset == size;
    size += i.size;
  }
  if (tiled && size == all->size()) {
    made->bytes = all;
    given_[static_cast<std::size_t>(a.format)] = true;
    return made;
  }
  auto own = std::make_shared<std::string>();
  own->reserve(size);
  for (auto& i : made->items) {
    const auto from = i.offset;
    i.offset = static_cast<std::uint32_t>(own->size());
    own->append(*all, from, i.size);
  }
  made->bytes = std::move(own);
  return made;
}

std::size_t fan_out::flush(const messages::resume_point_ptr& upto,
                           const std::function<void(member, const messages::batch_ptr&)>& give) {
  std::size_t given = 0;
  for (auto* const a : dirty_) {
    a->dirty = false;
    auto made = cut(*a, upto);
    if (line_) made->bytes = line_->brake().weigh(std::move(made->bytes));
    given += made->items.size() * a->members.size();
    for (const auto m : a->members) give(m, made);
  }
  dirty_.clear();
  for (std::size_t f = 0; f < bytes_.size(); ++f) {
    auto& b = bytes_[f];
    if (!std::exchange(given_[f], false) && b->capacity() <= kept_room) {
      b->clear();
      continue;
    }
    const auto room = std::min(b->size(), kept_room);
    b = std::make_shared<std::string>();
    b->reserve(room);
  }
  return given;
}

}  // namespace artham::actors

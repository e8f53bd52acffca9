#include <optional>
#include <string>
#include <utility>

#include "market/feature/feature_group.hpp"
#include "market/state_bytes.hpp"

// The state of a group as bytes: u8 version, then the members in the order of the functions below;
// docs/journal.md, "Checkpoints", has them.
namespace artham::market::feature {

namespace {

template <class Io, class Quote>
void quote_fields(Io& io, Quote& q) {
  numbers(io, q.time, q.seq, q.last.units, q.bid.units, q.ask.units, q.volume, q.oi, q.bid_depth,
          q.ask_depth, q.bid_quantity, q.ask_quantity, q.token, q.epoch, q.fields, q.mode);
}

template <class Io, class Held>
void held_fields(Io& io, Held& h) {
  numbers(io, h.seen, h.oi_seen, h.first_oi);
  quote_fields(io, h.newest);
}

template <class T>
void optional_number(state_writer& out, const std::optional<T>& v) {
  out.number(v.has_value());
  if (v) out.number(*v);
}

template <class T>
void optional_number(state_reader& in, std::optional<T>& v) {
  bool there = false;
  in.number(there);
  v.reset();
  if (there) in.number(v.emplace());
}

result<void> unusable(const std::string& group, const std::string& why) {
  return fail(errc::corrupt, "state of the features of " + group + " " + why +
                                 "; remove the checkpoint to recompute it from the journal");
}

}  // namespace

template <class Io, class Self>
void instrument_features::fields(Io& io, Self& self) {
  quote_fields(io, self.held_);
  numbers(io, self.changed_, self.has_order_, self.has_quote_);
  optional_number(io, self.last_before_);
  optional_number(io, self.volume_before_);
  optional_number(io, self.oi_before_);
}

void instrument_features::save(state_writer& out) const {
  fields(out, *this);
  const std::span samples = std::span(samples_).subspan(std::min(first_, samples_.size()));
  out.list(samples,
           [](auto& o, const sample& s) { numbers(o, s.time, s.last.units, s.squared_return); });
}

void instrument_features::load(state_reader& in) {
  fields(in, *this);
  in.list(samples_, [](auto& o, sample& s) { numbers(o, s.time, s.last.units, s.squared_return); });
  first_ = 0;
}

std::string feature_group::save() const {
  std::string bytes;
  state_writer out(bytes);
  out.number(state_version);
  numbers(out, now_, clock_, day_begin_, day_end_, next_open_, instrument_rules_.seconds_per_year,
          instruments_changed_);
  std::vector<const member*> seen;
  for (const auto& m : members_) {
    if (m.held.seen || m.features) seen.push_back(&m);
  }
  out.list(seen, [](auto& o, const member* m) {
    o.number(m->token);
    held_fields(o, m->held);
    o.number(m->features.has_value());
    if (m->features) m->features->save(o);
  });
  out.list(chains_, [](auto& o, const auto& entry) {
    numbers(o, entry.first.days, entry.second.changed, entry.second.turn);
  });
  return bytes;
}

result<void> feature_group::load(std::string_view bytes) {
  state_reader in(bytes);
  std::uint8_t version = 0;
  in.number(version);
  if (version != state_version) {
    return fail(errc::unsupported, "state of the features of " + plan_->name + " has version " +
                                       std::to_string(version) + ", this program reads " +
                                       std::to_string(state_version));
  }
  numbers(in, now_, clock_, day_begin_, day_end_, next_open_, instrument_rules_.seconds_per_year,
          instruments_changed_);
  std::uint32_t count = 0;
  in.number(count);
  for (; count > 0 && !in.is_short(); --count) {
    std::uint32_t token = 0;
    in.number(token);
    const auto it = by_token_.find(token);
    if (it == by_token_.end())
      return unusable(plan_->name, "has token " + std::to_string(token) + " of another group");
    auto& m = members_[it->second];
    held_fields(in, m.held);
    bool has_features = false;
    in.number(has_features);
    if (has_features) m.features.emplace(instrument_rules_).load(in);
    if (m.what == kind::option && m.held.seen) chain_of(m).live_changed = true;
  }
  in.number(count);
  for (; count > 0 && !in.is_short(); --count) {
    date expiry;
    in.number(expiry.days);
    const auto it = chains_.find(expiry);
    if (it == chains_.end()) return unusable(plan_->name, "has a chain without options");
    numbers(in, it->second.changed, it->second.turn);
  }
  if (in.is_short() || !in.rest().empty()) return unusable(plan_->name, "has another length");
  return {};
}

}  // namespace artham::market::feature

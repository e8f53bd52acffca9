#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/session/message_style.hpp"
#include "actors/session/replay_lines.hpp"
#include "messages/batch.hpp"
#include "messages/protocol/frame.hpp"

namespace artham::actors {

/// Who wants what, and what is on its way to them. Each message is encoded once for each style in
/// which somebody wants it; members that want the same get the same batch. Knows no actor.
///
/// A channel is a key in one style, at most every so often. An audience is all members that have
/// the same channels; a member is in one. Members are numbered by whoever owns this.
class fan_out {
 public:
  using member = std::uint32_t;
  using clock = std::chrono::steady_clock;

  struct wanted {
    std::uint64_t key = 0;
    message_style style;
    std::chrono::milliseconds every{0};  ///< values at most so often; 0: all of them
  };
  struct channel;

  fan_out();
  ~fan_out();
  /// What is given out has keys of this replay's namespace and is weighed by its brake. Before
  /// anybody is a member.
  void be_of(replay_line_ptr line);
  fan_out(const fan_out&) = delete;
  fan_out& operator=(const fan_out&) = delete;

  // Membership. What was published before and not flushed goes to the members of that time: flush
  // first.

  /// A key that the member has already is had in the new way from now on; returns those.
  std::vector<std::uint64_t> subscribe(member m, messages::format format,
                                       std::span<const wanted> keys);
  /// Those of the keys that it had.
  std::vector<std::uint64_t> unsubscribe(member m, std::span<const std::uint64_t> keys);
  /// All its keys.
  std::vector<std::uint64_t> forget(member m);
  /// Of a key, since the member has it.
  struct count {
    std::uint64_t key = 0;
    std::uint64_t published = 0;
    std::uint64_t replaced = 0;  ///< values that a newer one replaced before they might go
  };
  [[nodiscard]] std::vector<count> counts(member m) const;
  [[nodiscard]] bool has(std::uint64_t key) const { return topics_.contains(key); }
  [[nodiscard]] std::size_t members() const { return members_.size(); }
  [[nodiscard]] std::size_t audiences() const { return audiences_.size(); }

  // Publishing.

  /// While it is quiet nothing that is published is told to anybody.
  void be_quiet(bool quiet) { quiet_ = quiet; }
  /// encode(out, style) appends the message as a frame, with format::kite as a packet with its
  /// length; nothing: in that style there is none.
  template <class Encode>
  void publish(std::uint64_t key, messages::batch::kind kind, clock::time_point now,
               Encode&& encode);
  /// event(style) is the JSON text. Members whose format has no events are not told.
  template <class Event>
  void publish_event(std::uint64_t key, Event&& event);
  /// JSON, to everybody.
  void publish_to_all(std::string_view event);
  /// When the next held value may go; max: there is none.
  [[nodiscard]] clock::time_point next_due() const;
  /// encode(out, key, style) appends the newest value; false: there is none any more.
  using encode_newest =
      std::function<bool(std::string& out, std::uint64_t key, const message_style& style)>;
  void publish_due(clock::time_point now, const encode_newest& encode);
  [[nodiscard]] bool empty() const { return dirty_.empty(); }
  /// Bytes of messages that wait for a flush.
  [[nodiscard]] std::size_t waiting() const {
    std::size_t size = 0;
    for (const auto& b : bytes_) size += b->size();
    return size;
  }
  /// Gives each member its batch; the number of messages that were given, all members together.
  std::size_t flush(const messages::resume_point_ptr& upto,
                    const std::function<void(member, const messages::batch_ptr&)>& give);

 private:
  struct audience;
  struct holding {
    channel* in = nullptr;
    std::uint64_t published = 0;  ///< what the channel had counted when the member came
    std::uint64_t replaced = 0;
  };
  struct place {
    messages::format format = messages::format::json;
    audience* in = nullptr;
    std::size_t index = 0;          ///< among the audience's members
    std::vector<holding> channels;  ///< by key
  };
  struct topic {
    std::vector<std::unique_ptr<channel>> channels;
  };
  struct range {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };

  channel& open(const wanted& w);
  void let_go(channel& c);
  void move(member m, place& p);
  void leave(member m, place& p);
  void close(audience& a);
  [[nodiscard]] bool passes(channel& c, clock::time_point now);
  void give(channel& c, messages::batch::kind kind, range where);
  void give(audience& a, std::uint64_t key, messages::batch::kind kind, range where);
  [[nodiscard]] std::string& bytes_of(messages::format f) {
    return *bytes_[static_cast<std::size_t>(f)];
  }
  [[nodiscard]] std::shared_ptr<messages::batch> cut(audience& a,
                                                     const messages::resume_point_ptr& upto);

  std::unordered_map<std::uint64_t, topic> topics_;
  std::unordered_map<member, place> members_;
  std::unordered_multimap<std::uint64_t, std::unique_ptr<audience>> audiences_;
  std::uint64_t opened_ = 0;      ///< channels ever
  std::vector<audience*> dirty_;  ///< have something to flush
  /// Frames that were published since the last flush, by format.
  std::array<std::shared_ptr<std::string>, messages::formats> bytes_;
  /// Whole, to somebody, who may keep them.
  std::array<bool, messages::formats> given_{};
  std::multimap<clock::time_point, channel*> due_;  ///< channels that hold a value back
  replay_line_ptr line_;                            ///< null: live
  std::uint8_t space_ = 0;                          ///< of its keys
  bool quiet_ = false;
};

struct fan_out::channel {
  std::uint64_t key = 0;
  message_style style;
  std::chrono::milliseconds every{0};
  std::uint64_t number = 0;  ///< of all channels ever, mixed: for hashes
  std::size_t members = 0;
  std::uint64_t published = 0;
  std::uint64_t replaced = 0;
  std::vector<audience*> audiences;
  clock::time_point may_at{};  ///< the next value may go then
  bool held = false;           ///< a value waits for that
};

template <class Encode>
void fan_out::publish(std::uint64_t key, messages::batch::kind kind, clock::time_point now,
                      Encode&& encode) {
  if (quiet_) return;
  const auto t = topics_.find(key);
  if (t == topics_.end()) return;
  const channel* made = nullptr;
  range where;
  for (const auto& c : t->second.channels) {
    if (c->audiences.empty()) continue;
    if (kind == messages::batch::kind::value && !passes(*c, now)) continue;
    if (made == nullptr || made->style != c->style) {
      auto& out = bytes_of(c->style.format);
      where.offset = static_cast<std::uint32_t>(out.size());
      encode(out, c->style);
      where.size = static_cast<std::uint32_t>(out.size() - where.offset);
      made = c.get();
    }
    if (where.size != 0) give(*c, kind, where);
  }
}

template <class Event>
void fan_out::publish_event(std::uint64_t key, Event&& event) {
  if (quiet_) return;
  const auto t = topics_.find(key);
  if (t == topics_.end()) return;
  for (const auto& c : t->second.channels) {
    if (c->audiences.empty() || !messages::has_events(c->style.format)) continue;
    auto& out = bytes_of(c->style.format);
    range where{static_cast<std::uint32_t>(out.size()), 0};
    protocol::append_frame(out, protocol::opcode::text, event(c->style));
    where.size = static_cast<std::uint32_t>(out.size() - where.offset);
    give(*c, messages::batch::kind::event, where);
  }
}

}  // namespace artham::actors

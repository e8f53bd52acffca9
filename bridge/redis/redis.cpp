#include "bridge/redis/redis.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "bridge/common/content.hpp"
#include "bridge/common/stream_rules.hpp"
#include "bridge/redis/append_pipe.hpp"
#include "bridge/redis/control.hpp"
#include "bridge/redis/health.hpp"
#include "bridge/redis/read_lane.hpp"
#include "bridge/redis/scripts.hpp"
#include "bridge/redis/server_info.hpp"
#include "bridge/redis/stream_reader.hpp"
#include "bridge/redis/stream_writer.hpp"
#include "bridge/redis/upkeep.hpp"

namespace artham::bridge::redis {
namespace {

class bridge_impl final : public redis_bridge {
 public:
  /// `away`: why the server was not looked at yet.
  bridge_impl(const options& o, const std::optional<error>& away)
      : options_(o),
        metrics_(o.metrics != nullptr ? *o.metrics : own_metrics_),
        health_(o.on_health),
        control_(o.server, o.consumer + "-control"),
        crew_(std::make_shared<crew>(usual_helpers())),
        pipe_(std::make_shared<append_pipe>(options_, health_, metrics_, crew_)) {
    pipe_->start();
    upkeep_.emplace(options_, *pipe_, health_, metrics_, away);
  }
  ~bridge_impl() override { stop(); }

  result<std::unique_ptr<writer>> open_writer(std::string_view name, std::uint32_t epoch) override {
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    const auto fence = fence_of(name);
    if (!fence) return tl::unexpected(fence.error());
    const auto s = pipe_->find_or_make(name);
    if (auto ok = pipe_->begin(s, epoch, [&] { return control_.top(name); }); !ok)
      return tl::unexpected(ok.error());
    return std::make_unique<stream_writer>(pipe_, s, epoch, *fence);
  }
  result<std::unique_ptr<reader>> open_reader(std::string_view name, record::position after, top,
                                              std::span<const std::uint32_t>) override {
    return open_cursor(name, after, {});
  }
  result<std::unique_ptr<reader>> open_consumer(std::string_view name, record::position after,
                                                std::string_view consumer) override {
    if (consumer.empty())
      return fail(errc::bad_input, "stream " + std::string(name) + ": a consumer has a name");
    return open_cursor(name, after, consumer);
  }
  [[nodiscard]] bool reads_ahead() const override { return true; }
  void passed(std::string_view stream, std::string_view consumer, record::position upto) override {
    std::shared_ptr<read_lane> lane;
    {
      const std::lock_guard lock(mutex_);
      const auto it = lanes_.find(consumer);
      if (it != lanes_.end() && !consumer.empty()) lane = it->second;
    }
    upkeep_->passed(stream, consumer, upto, lane && lane->passed(stream, upto));
  }
  [[nodiscard]] result<tops> stream_tops(std::string_view stream) const override {
    auto top = control_.top(stream);
    if (!top) return tl::unexpected(top.error());
    return tops{*top, *top};
  }
  [[nodiscard]] std::vector<std::string> streams() const override {
    std::vector<std::string> names;
    const auto r = control_.command({"HKEYS", tops_key});
    for (std::size_t i = 0; r && i < r->size(); ++i) names.emplace_back((*r)[i].text());
    std::ranges::sort(names);
    return names;
  }
  [[nodiscard]] std::uint32_t last_epoch() const override {
    auto epoch = pipe_->last_epoch_of_ticks();
    const auto r = control_.command({"HGETALL", tops_key});
    for (std::size_t i = 0; r && i + 1 < r->size(); i += 2) {
      const auto id = parse_entry_id((*r)[i + 1].text());
      const auto top = id ? id->position() : std::nullopt;
      if (top && is_source((*r)[i].text())) epoch = std::max(epoch, top->epoch);
    }
    return epoch;
  }
  result<market::content_hash> put_object(std::string_view content) override {
    const auto hash = content_hash_of(content);
    auto r = control_.command({"HSET", objects_key, hex(hash), content});
    if (!r) return tl::unexpected(r.error());
    return hash;
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    auto r = control_.command({"HGET", objects_key, hex(hash)});
    if (!r) return tl::unexpected(r.error());
    if (r->is_nil()) return no_object(hash);
    if (content_hash_of(r->text()) != hash) {
      return fail(errc::corrupt, "object " + hex(hash) + " in Redis at " + options_.server.text() +
                                     " has another content than its name says: HDEL " +
                                     std::string(objects_key) + " " + hex(hash) +
                                     ", and put it again");
    }
    return std::string(r->text());
  }
  void stop() override {
    pipe_->stop();
    upkeep_->stop();
    std::map<std::string, std::shared_ptr<read_lane>, std::less<>> lanes;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      lanes = lanes_;
    }
    for (const auto& [group, lane] : lanes) lane->stop();
  }

  void hold(std::string_view lease, std::uint64_t fence) override {
    const std::lock_guard lock(mutex_);
    fences_.insert_or_assign(std::string(lease), fence);
  }
  [[nodiscard]] result<record::position> passed_by_all(std::string_view stream) const override {
    const auto cursors = cursors_key(stream);
    const std::vector<std::string_view> awaited(options_.awaited.begin(), options_.awaited.end());
    auto r = control_.eval(needed_script(), {stream, cursors}, awaited);
    if (!r) return tl::unexpected(r.error());
    if (r->size() != 2) return record::position{};
    const auto needed = parse_entry_id((*r)[0].text());
    const auto first = parse_entry_id((*r)[1].text());
    const auto f = first ? first->position() : std::nullopt;
    if (!needed || !needed->position() || !f) return record::position{};
    // An entry that is needed is needed from its first position on.
    return f->seq <= needed->seq ? record::position{f->epoch, f->seq - 1} : *needed->position();
  }
  [[nodiscard]] result<record::position> passed_by(std::string_view stream,
                                                   std::string_view consumer) const override {
    auto r = control_.command({"HGET", cursors_key(stream), consumer});
    if (!r) return tl::unexpected(r.error());
    const auto id = r->is_nil() ? std::nullopt : parse_entry_id(r->text());
    // It may stand in front of the first record.
    return id ? record::position{static_cast<std::uint32_t>(id->ms), id->seq} : record::position{};
  }
  result<void> put_block(std::string_view stream, record::block_ptr block,
                         record::position from) override {
    if (!is_source(stream)) {
      return fail(errc::bad_input, "put_block to " + std::string(stream) +
                                       ": only streams of ticks have their positions already");
    }
    if (auto ok = check_stream_name(stream); !ok) return ok;
    const auto fence = fence_of(stream);
    if (!fence) return tl::unexpected(fence.error());
    const auto bytes = block->payload.size();
    auto ok = pipe_->put(*pipe_->find_or_make(stream), std::move(block), from, *fence);
    if (!ok && ok.error().code == errc::full) {
      const std::lock_guard lock(mutex_);
      refused_ = bytes;
    }
    return ok;
  }
  void when_room(std::function<void()> fn) override {
    std::uint64_t bytes = 0;
    {
      const std::lock_guard lock(mutex_);
      bytes = refused_;
    }
    pipe_->when_room(bytes, std::move(fn));
  }
  result<void> flush(market::duration limit) override { return pipe_->flush(limit); }
  [[nodiscard]] bool is_up() const override { return health_.is_up(); }
  [[nodiscard]] redis::status status() const override {
    redis::status s;
    const auto now = health_.now();
    s.is_up = health_.is_up();
    s.suffers = now.suffers;
    s.since = now.since;
    auto seen = upkeep_->last_seen();
    s.used_memory = seen.used_memory;
    s.streams = std::move(seen.streams);
    return s;
  }

 private:
  [[nodiscard]] result<std::uint64_t> fence_of(std::string_view stream) const {
    const auto lease = lease_of(stream);
    const std::lock_guard lock(mutex_);
    const auto it = fences_.find(lease);
    if (it == fences_.end() || it->second == 0) {
      return fail(errc::conflict,
                  "stream " + std::string(stream) + ": this node does not hold the lease " + lease);
    }
    return it->second;
  }
  [[nodiscard]] result<std::unique_ptr<reader>> open_cursor(std::string_view name,
                                                            record::position after,
                                                            std::string_view group) {
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    auto c = std::make_shared<cursor>(name, after);
    // Without it the reader waits until the server is there; it knows how much only then.
    if (const auto top = control_.top(name)) c->top = *top;
    std::shared_ptr<read_lane> lane;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return fail(errc::unavailable, "the bridge to Redis is stopped");
      auto& found = lanes_[std::string(group)];
      if (!found)
        found = std::make_shared<read_lane>(options_, std::string(group), health_, metrics_, crew_);
      lane = found;
    }
    lane->add(c);
    return std::make_unique<stream_reader>(lane, std::move(c), options_.read_bytes);
  }
  const options options_;
  runtime::metrics own_metrics_;
  runtime::metrics& metrics_;
  health health_;
  mutable control control_;
  std::shared_ptr<crew> crew_;
  std::shared_ptr<append_pipe> pipe_;

  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> fences_;
  std::map<std::string, std::shared_ptr<read_lane>, std::less<>> lanes_;  ///< by group
  std::uint64_t refused_ = 0;  ///< bytes of the block that found no room last
  bool stopped_ = false;

  std::optional<upkeep> upkeep_;
};

}  // namespace

result<std::unique_ptr<redis_bridge>> open(options o) {
  const auto checked = [&]() -> result<void> {
    auto c = connection::open(o.server, o.consumer + "-open");
    if (!c) return tl::unexpected(c.error());
    return check_server(**c);
  }();
  if (checked) return std::make_unique<bridge_impl>(o, std::nullopt);
  if (!o.may_be_away || checked.error().code != errc::unavailable)
    return tl::unexpected(checked.error());
  return std::make_unique<bridge_impl>(o, checked.error());
}

}  // namespace artham::bridge::redis

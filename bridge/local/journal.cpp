#include "bridge/local/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "bridge/common/stream_rules.hpp"
#include "bridge/local/core.hpp"
#include "bridge/local/object_store.hpp"
#include "bridge/local/opening.hpp"
#include "bridge/local/orphans.hpp"
#include "bridge/local/stream_reader.hpp"
#include "bridge/local/stream_replica.hpp"
#include "bridge/local/stream_writer.hpp"
#include "bridge/local/trimming.hpp"
#include "runtime/failpoint.hpp"

namespace artham::bridge::local {
namespace {

/// The pid in a lock file.
std::string holder_of(const std::filesystem::path& lock) {
  const auto text = read_file(lock).value_or("");
  return text.substr(0, text.find('\n'));
}

/// Held while the file is open; tells others who holds it.
result<file> lock_directory(const std::filesystem::path& dir) {
  const auto path = dir / "lock";
  auto f = open_file(path, O_RDWR | O_CREAT);
  if (!f) return f;
  if (::flock(f->fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return tl::unexpected(system_error("lock", path, errno));
    return fail(errc::conflict, "the journal in " + dir.string() + " is in use by process " +
                                    holder_of(path) +
                                    ": stop that one, or name another data directory");
  }
  const auto pid = std::to_string(::getpid()) + '\n';
  if (::ftruncate(f->fd(), 0) != 0 || ::pwrite(f->fd(), pid.data(), pid.size(), 0) < 0) {
    return tl::unexpected(system_error("write", path, errno));
  }
  return f;
}

class journal final : public bridge {
 public:
  journal(std::shared_ptr<core> c, file lock)
      : core_(std::move(c)), objects_(core_->settings().dir / "objects"), lock_(std::move(lock)) {}
  ~journal() override { core_->stop(); }

  result<std::unique_ptr<writer>> open_writer(std::string_view name, std::uint32_t epoch) override {
    if (core_->is_read_only()) return tl::unexpected(read_only());
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    if (name == "objects") return fail(errc::bad_input, "no stream can be named 'objects'");
    auto s = core_->find_or_make(name);
    record::position next;
    {
      const std::lock_guard lock(s->mutex);
      if (auto ok = check_writer(name, epoch, s->epoch, s->has_writer); !ok)
        return tl::unexpected(ok.error());
      s->has_writer = true;
      s->epoch = epoch;
      next = {epoch, s->next_seq};
    }
    return std::make_unique<stream_writer>(core_, std::move(s), next);
  }

  result<std::unique_ptr<reader>> open_reader(std::string_view name, record::position after,
                                              top until,
                                              std::span<const std::uint32_t> tokens) override {
    if (auto ok = check_stream_name(name); !ok) return tl::unexpected(ok.error());
    auto s = core_->find_or_make(name);
    std::uint64_t next = after.seq + 1;
    {
      const std::lock_guard lock(s->mutex);
      const auto later = std::ranges::find_if(
          s->segments, [&](const auto& at) { return at->epoch() > after.epoch; });
      // A position that did not survive a crash is followed by the first of a later epoch.
      const auto end = after.epoch < s->epoch ? s->appended.seq + 1 : s->next_seq;
      next = std::min(next, later == s->segments.end() ? end : (*later)->first_seq());
    }
    return std::make_unique<stream_reader>(std::move(s), next, until,
                                           std::vector<std::uint32_t>(tokens.begin(), tokens.end()),
                                           !core_->is_read_only());
  }

  [[nodiscard]] result<tops> stream_tops(std::string_view name) const override {
    const auto s = core_->find(name);
    if (!s) return tops{};
    const std::lock_guard lock(s->mutex);
    return tops{s->appended, s->durable};
  }

  [[nodiscard]] std::vector<std::string> streams() const override {
    std::vector<std::string> names;
    for (const auto& s : core_->streams()) {
      const std::lock_guard lock(s->mutex);
      if (s->epoch != 0) names.push_back(s->name);
    }
    return names;
  }

  [[nodiscard]] std::uint32_t last_epoch() const override {
    std::uint32_t epoch = 0;
    for (const auto& s : core_->streams()) {
      const std::lock_guard lock(s->mutex);
      epoch = std::max(epoch, s->epoch);
    }
    return epoch;
  }

  result<market::content_hash> put_object(std::string_view content) override {
    if (core_->is_read_only()) return tl::unexpected(read_only());
    return objects_.put(content);
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return objects_.get(hash);
  }
  void stop() override { core_->stop(); }

 private:
  [[nodiscard]] error read_only() const {
    return {errc::refused,
            "the journal in " + core_->settings().dir.string() + " is open for reading only"};
  }

  std::shared_ptr<core> core_;
  object_store objects_;
  file lock_;
};

}  // namespace

result<opened> open(options o) {
  std::error_code failed;
  std::filesystem::create_directories(o.dir, failed);
  if (failed) return tl::unexpected(system_error("create", o.dir, failed.value()));
  auto lock = lock_directory(o.dir);
  if (!lock) return tl::unexpected(lock.error());
  open_report report;
  auto c = std::make_shared<core>(std::move(o));
  auto streams = load_streams(c->settings().dir, access::writable, c->metrics(), report);
  if (!streams) return tl::unexpected(streams.error());
  auto moved = move_orphans(c->settings(), *streams, c->metrics(), report);
  if (!moved) return tl::unexpected(moved.error());
  if (auto ok = cut_derived(*streams, report); !ok) return tl::unexpected(ok.error());
  if (auto ok = end_moving(*streams); !ok) return tl::unexpected(ok.error());
  runtime::failpoint("open.mended");
  c->start(std::move(*streams));
  auto trim = make_trimmer(c);
  auto replicas = make_replicator(c);
  auto last = [c](std::string_view name) -> std::uint64_t {
    const auto s = c->find(name);
    if (!s) return 0;
    const std::lock_guard hold(s->mutex);
    return s->next_seq - 1;
  };
  return opened{std::make_unique<journal>(std::move(c), std::move(*lock)), std::move(report),
                std::move(trim), std::move(replicas), std::move(last)};
}

result<opened> open_read_only(const std::filesystem::path& dir) {
  open_report report;
  options o;
  o.dir = dir;
  auto c = std::make_shared<core>(std::move(o));
  auto streams = load_streams(dir, access::read_only, c->metrics(), report);
  if (!streams) return tl::unexpected(streams.error());
  c->show(std::move(*streams));
  return opened{
      std::make_unique<journal>(std::move(c), file()), std::move(report), nullptr, nullptr, {}};
}

result<std::optional<std::string>> writer_of(const std::filesystem::path& dir) {
  const auto path = dir / "lock";
  const auto f = open_file(path, O_RDONLY);
  if (!f) {
    if (f.error().code == errc::not_found) return std::nullopt;
    return tl::unexpected(f.error());
  }
  if (::flock(f->fd(), LOCK_SH | LOCK_NB) == 0) return std::nullopt;
  if (errno != EWOULDBLOCK) return tl::unexpected(system_error("lock", path, errno));
  return holder_of(path);
}

result<open_report> verify(const std::filesystem::path& dir) {
  open_report ends;
  open_report report;
  runtime::metrics unread;
  auto streams = load_streams(dir, access::read_only, unread, ends);
  if (!streams) return tl::unexpected(streams.error());
  report.trimmed = std::move(ends.trimmed);
  if (auto ok = verify_streams(*streams, report); !ok) return tl::unexpected(ok.error());
  const auto objects = object_store(dir / "objects").damaged();
  if (!objects) return tl::unexpected(objects.error());
  for (const auto& path : *objects) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    report.damages.push_back({"objects", path, 0, ignored ? 0 : size, 0, 0});
  }
  return report;
}

}  // namespace artham::bridge::local

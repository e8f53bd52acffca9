#include "app/written_journal.hpp"

#include <spdlog/spdlog.h>

#include "runtime/log.hpp"

namespace artham::app {

bridge::local::options journal_options(const config::settings& s, const std::filesystem::path& data,
                                       runtime::metrics& metrics) {
  const auto& local = s.bridge.local;
  bridge::local::options o;
  o.dir = data / "journal";
  o.segment_bytes = static_cast<std::uint64_t>(local.segment_bytes);
  o.tail_bytes = static_cast<std::uint64_t>(local.tail_bytes);
  o.queue_bytes = static_cast<std::uint64_t>(local.queue_bytes);
  o.linger = local.linger;
  o.sync_interval = local.sync_interval;
  o.compress =
      local.compression ? bridge::local::compression::zstd : bridge::local::compression::none;
  o.metrics = &metrics;
  o.on_health = [](const std::optional<error>& e) {
    if (e) {
      runtime::log().error("journal: {}", e->message);
    } else {
      runtime::log().info("journal: writes again");
    }
  };
  return o;
}

void log_opening(const bridge::local::open_report& report) {
  for (const auto& c : report.cuts) {
    runtime::log().warn(
        "journal: {}: cut {} bytes at {} of {} ({})", c.stream, c.bytes, c.offset, c.file.string(),
        c.reason == bridge::local::open_report::reason::torn ? "torn tail"
                                                             : "its cause did not survive");
  }
  for (const auto& d : report.damages) {
    runtime::log().error("journal: {}: {} positions from {} are damaged in {}", d.stream, d.count,
                         d.first_seq, d.file.string());
  }
  for (const auto& o : report.orphans) {
    runtime::log().warn(
        "journal: {}: ({}, {}) to ({}, {}) were not accepted by the cluster; they are in {}",
        o.stream, o.first.epoch, o.first.seq, o.last.epoch, o.last.seq, o.dir.string());
  }
}

}  // namespace artham::app

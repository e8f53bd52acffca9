#include "actors/live/live_streams.hpp"

#include <utility>

#include "bridge/common/shard_view.hpp"

namespace artham::actors {

namespace {

constexpr std::uint64_t batch = 16'384;

}  // namespace

result<std::unique_ptr<live_streams>> live_streams::open(bridge::bridge& from,
                                                         const std::vector<std::string>& names,
                                                         std::uint32_t shards) {
  auto made = std::make_unique<live_streams>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const auto stream = bridge::stream_in_shard(names[i], shard, shards);
      const auto tops = from.stream_tops(stream);
      if (!tops && tops.error().code != errc::not_found) return tl::unexpected(tops.error());
      const auto end = tops ? tops->appended : record::position{};
      auto cursor = from.open_reader(stream, end, bridge::top::appended, {});
      if (!cursor) return tl::unexpected(cursor.error());
      made->streams_.push_back({i, std::move(*cursor)});
    }
  }
  return made;
}

result<void> live_streams::read(
    const std::function<void(std::size_t, const record::header&, std::string_view)>& fn) {
  for (auto& s : streams_) {
    for (;;) {
      const auto blocks = s.cursor->pull(batch);
      if (!blocks) return tl::unexpected(blocks.error());
      if (blocks->empty()) break;
      for (const auto& b : *blocks) {
        record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
          fn(s.name, h, body);
        });
      }
    }
  }
  return {};
}

void live_streams::when_ready(const std::function<void()>& fn) {
  for (auto& s : streams_) s.cursor->when_ready(fn);
}

}  // namespace artham::actors

#include "bridge/common/shard_view.hpp"

#include <utility>

namespace artham::bridge {
namespace {

class view final : public bridge {
 public:
  view(bridge& whole, std::uint32_t shard, std::uint32_t shards)
      : whole_(whole), shard_(shard), shards_(shards) {}

  result<std::unique_ptr<writer>> open_writer(std::string_view stream,
                                              std::uint32_t epoch) override {
    return whole_.open_writer(name(stream), epoch);
  }
  result<std::unique_ptr<reader>> open_reader(std::string_view stream, record::position after,
                                              top until,
                                              std::span<const std::uint32_t> tokens) override {
    return whole_.open_reader(name(stream), after, until, tokens);
  }
  result<std::unique_ptr<reader>> open_consumer(std::string_view stream, record::position after,
                                                std::string_view consumer) override {
    return whole_.open_consumer(name(stream), after, consumer);
  }
  void passed(std::string_view stream, std::string_view consumer, record::position upto) override {
    whole_.passed(name(stream), consumer, upto);
  }
  [[nodiscard]] bool reads_ahead() const override { return whole_.reads_ahead(); }
  [[nodiscard]] result<tops> stream_tops(std::string_view stream) const override {
    return whole_.stream_tops(name(stream));
  }
  [[nodiscard]] std::vector<std::string> streams() const override {
    auto all = whole_.streams();
    if (shards_ == 1) return all;
    const auto suffix = ":" + std::to_string(shard_);
    std::erase_if(all, [&](const std::string& s) { return !s.ends_with(suffix); });
    for (auto& s : all) s.resize(s.size() - suffix.size());
    return all;
  }
  [[nodiscard]] std::uint32_t last_epoch() const override { return whole_.last_epoch(); }
  result<market::content_hash> put_object(std::string_view content) override {
    return whole_.put_object(content);
  }
  [[nodiscard]] result<std::string> get_object(const market::content_hash& hash) const override {
    return whole_.get_object(hash);
  }
  void stop() override {}

 private:
  [[nodiscard]] std::string name(std::string_view stream) const {
    return stream_in_shard(stream, shard_, shards_);
  }

  bridge& whole_;
  std::uint32_t shard_;
  std::uint32_t shards_;
};

}  // namespace

std::string stream_in_shard(std::string_view stream, std::uint32_t shard, std::uint32_t shards) {
  std::string name(stream);
  if (shards > 1) name += ":" + std::to_string(shard);
  return name;
}

std::unique_ptr<bridge> shard_view(bridge& whole, std::uint32_t shard, std::uint32_t shards) {
  return std::make_unique<view>(whole, shard, shards);
}

}  // namespace artham::bridge

#include "actors/checkpoint.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include "runtime/failpoint.hpp"
#include "runtime/log.hpp"

namespace artham::actors {

namespace {

constexpr std::string_view magic = "ARTHCKP1";
constexpr std::uint32_t version = 1;
constexpr std::string_view suffix = ".ckpt";

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

/// Takes values off the front of a buffer; once something is missing, everything is.
class taker {
 public:
  explicit taker(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      broken_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
    return value;
  }

  std::string_view take_text() {
    const auto size = take<std::uint32_t>();
    if (broken_ || bytes_.size() < size) {
      broken_ = true;
      return {};
    }
    const auto text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }

  [[nodiscard]] bool good() const { return !broken_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool broken_ = false;
};

std::string system_error(std::string_view what, const std::filesystem::path& file) {
  return std::string(what) + " " + file.string() + ": " + std::strerror(errno);
}

}  // namespace

std::string encode(const checkpoint& c) {
  std::string out(magic);
  put(out, version);
  put(out, c.at.epoch);
  put(out, c.at.seq);
  put(out, c.clock);
  out.append(reinterpret_cast<const char*>(c.plan.data()), c.plan.size());
  put(out, static_cast<std::uint32_t>(c.tops.size()));
  for (const auto& [stream, top] : c.tops) {
    put_text(out, stream);
    put(out, top.at.epoch);
    put(out, top.at.seq);
    put(out, top.ordinal);
  }
  std::vector<std::uint32_t> tokens;
  tokens.reserve(c.states.size());
  for (const auto& entry : c.states) tokens.push_back(entry.first);
  std::sort(tokens.begin(), tokens.end());
  put(out, static_cast<std::uint32_t>(tokens.size()));
  for (const auto token : tokens) {
    put(out, token);
    put_text(out, c.states.at(token));
  }
  put(out, XXH3_64bits(out.data(), out.size()));
  return out;
}

result<checkpoint> decode_checkpoint(std::string_view bytes) {
  if (bytes.size() < magic.size() + sizeof(std::uint64_t) || !bytes.starts_with(magic)) {
    return fail(errc::corrupt, "not a checkpoint");
  }
  const auto body = bytes.substr(0, bytes.size() - sizeof(std::uint64_t));
  std::uint64_t sum = 0;
  std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
  if (sum != XXH3_64bits(body.data(), body.size())) {
    return fail(errc::corrupt, "checkpoint: wrong checksum");
  }
  taker in(body.substr(magic.size()));
  if (const auto v = in.take<std::uint32_t>(); v != version) {
    return fail(errc::corrupt, "checkpoint: version " + std::to_string(v) + " is not known here");
  }
  checkpoint c;
  c.at.epoch = in.take<std::uint32_t>();
  c.at.seq = in.take<std::uint64_t>();
  c.clock = in.take<market::timestamp>();
  for (auto& byte : c.plan) byte = in.take<std::uint8_t>();
  for (auto n = in.take<std::uint32_t>(); n > 0 && in.good(); --n) {
    std::string stream(in.take_text());
    record::cause top;
    top.at.epoch = in.take<std::uint32_t>();
    top.at.seq = in.take<std::uint64_t>();
    top.ordinal = in.take<std::uint32_t>();
    c.tops.emplace(std::move(stream), top);
  }
  for (auto n = in.take<std::uint32_t>(); n > 0 && in.good(); --n) {
    const auto token = in.take<std::uint32_t>();
    c.states.emplace(token, std::string(in.take_text()));
  }
  if (!in.good() || !in.at_end()) return fail(errc::corrupt, "checkpoint: lengths do not add up");
  return c;
}

checkpoint_directory::checkpoint_directory(std::filesystem::path dir, std::size_t keep)
    : dir_(std::move(dir)), keep_(keep) {}

std::string checkpoint_directory::name_of(record::position at) {
  char stem[48];
  std::snprintf(stem, sizeof stem, "%010u-%020llu", at.epoch,
                static_cast<unsigned long long>(at.seq));
  return std::string(stem) + std::string(suffix);
}

result<void> checkpoint_directory::save(const checkpoint& c) const {
  std::error_code ec;
  std::filesystem::create_directories(dir_, ec);
  if (ec) return fail(errc::io, "cannot create " + dir_.string() + ": " + ec.message());
  const auto file = dir_ / name_of(c.at);
  auto temporary = file;
  temporary.replace_extension(".tmp");
  const std::string bytes = encode(c);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail(errc::io, system_error("cannot write", temporary));
  runtime::failpoint("checkpoint.half", [&] {
    [[maybe_unused]] const auto n = ::write(fd, bytes.data(), bytes.size() / 2);
  });
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
  }
  runtime::failpoint("checkpoint.written");
  const bool synced = done == bytes.size() && ::fsync(fd) == 0;
  auto failure = synced ? std::string() : system_error("cannot write", temporary);
  ::close(fd);
  if (synced) {
    runtime::failpoint("checkpoint.synced");
    std::filesystem::rename(temporary, file, ec);
    runtime::failpoint("checkpoint.renamed");
    if (ec) failure = "cannot rename " + temporary.string() + ": " + ec.message();
  }
  if (!failure.empty()) {
    std::filesystem::remove(temporary, ec);
    return fail(errc::io, std::move(failure));
  }
  if (const int d = ::open(dir_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); d >= 0) {
    ::fsync(d);
    ::close(d);
  }
  runtime::failpoint("checkpoint.kept");
  const auto files = newest_first();
  for (std::size_t i = keep_; i < files.size(); ++i) {
    std::filesystem::remove(files[i], ec);
    runtime::failpoint("checkpoint.removed");
  }
  return {};
}

std::vector<std::filesystem::path> checkpoint_directory::newest_first() const {
  std::vector<std::filesystem::path> files;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, ec)) {
    if (entry.path().extension() == suffix) files.push_back(entry.path());
  }
  std::sort(files.rbegin(), files.rend());
  return files;
}

std::optional<record::position> checkpoint_directory::position_of(
    const std::filesystem::path& file) {
  const auto stem = file.stem().string();
  record::position at;
  const auto dash = stem.data() + std::min<std::size_t>(10, stem.size());
  const auto end = stem.data() + stem.size();
  const auto epoch = std::from_chars(stem.data(), dash, at.epoch);
  if (stem.size() != 31 || epoch.ptr != dash || *dash != '-') return std::nullopt;
  const auto seq = std::from_chars(dash + 1, end, at.seq);
  if (seq.ec != std::errc() || seq.ptr != end) return std::nullopt;
  return at;
}

result<checkpoint> checkpoint_directory::load(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(errc::io, system_error("cannot read", file));
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto c = decode_checkpoint(bytes);
  if (!c) return fail(c.error().code, file.string() + ": " + c.error().message);
  return c;
}

void remove_ahead(const std::filesystem::path& file) {
  std::error_code ec;
  std::filesystem::remove(file, ec);
  runtime::log().warn("checkpoint: {}: beyond what the streams kept, {}", file.string(),
                      ec ? "not used; it cannot be removed: " + ec.message() : "removed");
}

}  // namespace artham::actors

#include "feed/recording/recording.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "feed/kite/codec.hpp"
#include "feed/recording/hex_frames.hpp"
#include "feed/recording/tick_csv.hpp"

namespace artham::feed::recording {

namespace {

class surveyor {
 public:
  void add(std::uint32_t token, market::timestamp time) {
    tokens_.insert(token);
    ++out_.ticks;
    if (time != 0) {
      out_.first = out_.first == 0 ? time : std::min(out_.first, time);
      out_.last = std::max(out_.last, time);
    }
  }

  [[nodiscard]] result<survey> finish(const std::string& path) {
    if (out_.ticks == 0) {
      return fail(errc::bad_input, path + " has no tick in it");
    }
    out_.tokens.assign(tokens_.begin(), tokens_.end());
    return std::move(out_);
  }

 private:
  std::set<std::uint32_t> tokens_;
  survey out_;
};

result<survey> survey_hex(const std::string& path) {
  auto reader = hex_reader::open(path);
  if (!reader) {
    return tl::unexpected(std::move(reader.error()));
  }
  surveyor seen;
  for (;;) {
    auto frame = reader->next();
    if (!frame) {
      return tl::unexpected(std::move(frame.error()));
    }
    if (!*frame) {
      return seen.finish(path);
    }
    kite::for_each_packet((*frame)->bytes, [&seen](std::string_view packet) {
      if (const auto t = kite::decode_packet(packet)) {
        seen.add(t->token, t->exchange_time);
      }
    });
  }
}

result<survey> survey_csv(const std::string& path) {
  auto reader = tick_csv_reader::open(path);
  if (!reader) {
    return tl::unexpected(std::move(reader.error()));
  }
  surveyor seen;
  for (;;) {
    auto row = reader->next();
    if (!row) {
      return tl::unexpected(std::move(row.error()));
    }
    if (!*row) {
      return seen.finish(path);
    }
    auto t = to_kite(**row, path);
    if (!t) {
      return tl::unexpected(std::move(t.error()));
    }
    seen.add(t->token, t->exchange_time);
  }
}

}  // namespace

bool is_hex(std::string_view path) {
  return path.size() >= 4 && path.substr(path.size() - 4) == ".hex";
}

result<survey> survey_recording(const std::string& path) {
  return is_hex(path) ? survey_hex(path) : survey_csv(path);
}

result<std::string> recording_hash(const std::string& path) {
  const auto because = [&path](const char* what, errc code) {
    return fail(code, std::string("cannot ") + what + " " + path + ": " + std::strerror(errno));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             std::fclose);
  if (!file) {
    return because("open", errno == ENOENT || errno == ENOTDIR ? errc::not_found : errc::io);
  }
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned digest_size = 0;
  bool ok = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::array<char, 64 * 1024> chunk;
  for (std::size_t got; ok && (got = std::fread(chunk.data(), 1, chunk.size(), file.get())) != 0;) {
    ok = EVP_DigestUpdate(context.get(), chunk.data(), got) == 1;
  }
  if (std::ferror(file.get()) != 0) {
    return because("read", errc::io);
  }
  ok = ok && EVP_DigestFinal_ex(context.get(), digest.data(), &digest_size) == 1;
  if (!ok) {
    return fail(errc::unavailable, "OpenSSL offers no SHA-256 for " + path);
  }
  std::string line;
  append_hex_line(line, {reinterpret_cast<const char*>(digest.data()), digest_size});
  line.pop_back();
  return line;
}

}  // namespace artham::feed::recording

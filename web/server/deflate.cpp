#include "web/server/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "messages/protocol/frame.hpp"

namespace artham::web {
namespace {

constexpr int window_bits = 15;
/// Behind each message both sides leave this away (RFC 7692, 7.2.1).
constexpr std::string_view tail("\0\0\xff\xff", 4);
/// Kept packed messages, until those that nobody sends any more are thrown out.
constexpr std::size_t max_kept = 4096;
constexpr std::size_t max_kept_bytes = 8 << 20;

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

std::string_view cut(std::string_view& rest, char at) {
  const auto end = rest.find(at);
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

bool is_window(std::string_view bits) {
  if (bits.size() >= 2 && bits.front() == '"' && bits.back() == '"')
    bits = bits.substr(1, bits.size() - 2);
  return bits == "8" || bits == "9" ||
         (bits.size() == 2 && bits[0] == '1' && bits[1] >= '0' && bits[1] <= '5');
}

/// Name and parameters of one offer.
bool acceptable(std::string_view offer) {
  if (cut(offer, ';') != "permessage-deflate") return false;
  std::vector<std::string_view> seen;
  while (!offer.empty()) {
    auto parameter = cut(offer, ';');
    const bool has_value = parameter.find('=') != std::string_view::npos;
    const auto name = cut(parameter, '=');
    if (std::ranges::count(seen, name) != 0) return false;
    seen.push_back(name);
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
      if (has_value) return false;
    } else if (name == "client_max_window_bits") {
      if (has_value && !is_window(parameter)) return false;
    } else if (name == "server_max_window_bits") {
      if (parameter != "15" && parameter != "\"15\"") return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> agree_on_deflate(const std::vector<std::string>& offers) {
  for (std::string_view value : offers)
    while (!value.empty())
      if (acceptable(cut(value, ',')))
        return "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  return std::nullopt;
}

void inflater::end::operator()(z_stream_s* s) const {
  inflateEnd(s);
  delete s;
}

inflater::inflater() {
  auto stream = std::make_unique<z_stream_s>();
  if (inflateInit2(stream.get(), -window_bits) != Z_OK) throw std::bad_alloc();
  stream_.reset(stream.release());
}

inflater::outcome inflater::take(std::string_view bytes, std::string& out, std::size_t limit) {
  std::array<char, 4096> piece;
  auto& s = *stream_;
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  s.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    s.next_out = reinterpret_cast<Bytef*>(piece.data());
    s.avail_out = static_cast<uInt>(piece.size());
    const int said = inflate(&s, Z_SYNC_FLUSH);
    const std::size_t made = piece.size() - s.avail_out;
    const std::size_t room = limit - out.size();
    out.append(piece.data(), std::min(made, room));
    if (made > room) return outcome::too_big;
    if (said == Z_STREAM_END) {
      // A last block need not be the message's last.
      if (inflateReset(&s) != Z_OK) return outcome::corrupt;
      if (s.avail_in == 0) return outcome::ok;
    } else if (said != Z_OK && said != Z_BUF_ERROR) {
      return outcome::corrupt;
    } else if (s.avail_out != 0) {
      return outcome::ok;
    }
  }
}

inflater::outcome inflater::finish(std::string& out, std::size_t limit) {
  const auto said = take(tail, out, limit);
  constexpr int between_blocks = 128;
  if (said == outcome::ok && (stream_->data_type & between_blocks) == 0) return outcome::corrupt;
  return said;
}

void deflater::end::operator()(z_stream_s* s) const {
  deflateEnd(s);
  delete s;
}

deflater::deflater() {
  constexpr int memory = 8;
  auto stream = std::make_unique<z_stream_s>();
  if (deflateInit2(stream.get(), Z_BEST_SPEED, Z_DEFLATED, -window_bits, memory,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  stream_.reset(stream.release());
}

messages::frame_ptr deflater::packed(const messages::frame_ptr& frame) {
  if (const auto known = packed_.find(frame.get()); known != packed_.end())
    return known->second.packed;
  make_room();
  auto made = pack(*frame);
  bytes_ += made ? made->size() : 0;
  packed_.emplace(frame.get(), entry{frame, made});
  return made;
}

messages::frames deflater::packed(const messages::frames& some, std::size_t least) {
  const auto [it, fresh] = packed_frames_.try_emplace({some.of.get(), some.offset});
  auto made = it->second.packed;
  if (fresh) {
    made = pack_frames(some.bytes(), least);
    it->second = {some.of, made};
    bytes_ += made->size();
    make_room();
  }
  const auto size = made->size();
  return {std::move(made), 0, size, some.messages};
}

messages::frame_ptr deflater::pack_frames(std::string_view frames, std::size_t least) {
  auto out = std::make_shared<std::string>();
  while (!frames.empty()) {
    const auto whole = frames;
    protocol::opcode what{};
    const auto payload = protocol::take_frame(frames, what);
    const auto smaller = payload.size() < least ? nullptr : pack(payload);
    if (!smaller) {
      out->append(whole.substr(0, whole.size() - frames.size()));
      continue;
    }
    char header[protocol::frame_header_max];
    out->append(header, protocol::write_frame_header(header, what, smaller->size(), true));
    out->append(*smaller);
  }
  return out;
}

messages::frame_ptr deflater::pack(std::string_view plain) {
  auto& s = *stream_;
  deflateReset(&s);
  auto out = std::make_shared<std::string>();
  out->resize(deflateBound(&s, plain.size()) + 2 * tail.size());
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  s.avail_in = static_cast<uInt>(plain.size());
  s.next_out = reinterpret_cast<Bytef*>(out->data());
  s.avail_out = static_cast<uInt>(out->size());
  if (deflate(&s, Z_SYNC_FLUSH) != Z_OK || s.avail_in != 0 || s.avail_out == 0) return nullptr;
  out->resize(out->size() - s.avail_out);
  if (!out->ends_with(tail)) return nullptr;
  out->resize(out->size() - tail.size());
  if (out->size() >= plain.size()) return nullptr;
  out->shrink_to_fit();
  return out;
}

void deflater::make_room() {
  const auto has_room = [this] {
    return packed_.size() + packed_frames_.size() < max_kept && bytes_ < max_kept_bytes;
  };
  if (has_room()) return;
  const auto is_gone = [](const auto& kept) { return kept.second.of.expired(); };
  std::erase_if(packed_, is_gone);
  std::erase_if(packed_frames_, is_gone);
  bytes_ = 0;
  for (const auto& [key, kept] : packed_) bytes_ += kept.packed ? kept.packed->size() : 0;
  for (const auto& [key, kept] : packed_frames_) bytes_ += kept.packed->size();
  if (has_room()) return;
  packed_.clear();
  packed_frames_.clear();
  bytes_ = 0;
}

}  // namespace artham::web

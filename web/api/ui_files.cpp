#include "web/api/ui_files.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "web/api/responses.hpp"
#include "web/page/ui_paths.hpp"

namespace artham::web {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view index_path = "/index.html";
constexpr std::string_view packed_ending = ".gz";
constexpr std::uintmax_t most_bytes = 64 << 20;  // all files together

// React and the chart libraries set styles by script, never as text.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> types{{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".woff2", "font/woff2"},
}};

std::string_view type_of(const fs::path& file) {
  const auto ending = file.extension().string();
  for (const auto& [known, type] : types)
    if (known == ending) return type;
  return "application/octet-stream";
}

result<std::string> content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) return fail(errc::io, "cannot read '" + file.string() + "' of the web UI");
  return text;
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

bool is_gzip(std::string_view coding) {
  constexpr std::string_view name = "gzip";
  return std::ranges::equal(coding, name, [](char a, char b) { return (a | 0x20) == b; });
}

/// `q=0`, `q=0.0`, ...: not taken.
bool is_refused(std::string_view weight) {
  weight = trimmed(weight);
  if (weight.size() < 3 || (weight[0] | 0x20) != 'q' || weight[1] != '=') return false;
  return weight.find_first_not_of("0.", 2) == std::string_view::npos;
}

}  // namespace

bool takes_gzip(std::string_view accept_encoding) {
  std::optional<bool> others;  // by `*`
  while (!accept_encoding.empty()) {
    const auto comma = accept_encoding.find(',');
    const auto item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size()
                                                                  : comma + 1);
    const auto semicolon = item.find(';');
    const auto coding = trimmed(item.substr(0, semicolon));
    const bool taken =
        semicolon == std::string_view::npos || !is_refused(item.substr(semicolon + 1));
    if (is_gzip(coding)) return taken;
    if (coding == "*") others = taken;
  }
  return others.value_or(false);
}

result<ui_files> ui_files::read(const fs::path& folder) {
  ui_files out;
  std::uintmax_t bytes = 0;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code none;
    if (!it->is_regular_file(none)) continue;
    const fs::path& file = it->path();
    bytes += it->file_size(none);
    if (bytes > most_bytes) {
      return fail(errc::bad_input, "the web UI in '" + folder.string() +
                                       "' has more than 64 MiB; is that its folder?");
    }
    auto content = content_of(file);
    if (!content) return tl::unexpected(content.error());
    auto path = "/" + file.lexically_relative(folder).generic_string();
    if (path.ends_with(packed_ending)) {
      path.resize(path.size() - packed_ending.size());
      out.files_[path].packed = std::move(*content);
      continue;
    }
    auto& f = out.files_[path];
    f.content_type = type_of(file);
    f.tag = entity_tag(*content);
    f.body = std::move(*content);
  }
  if (ec)
    return fail(errc::not_found, "cannot read the web UI in '" + folder.string() +
                                     "': " + ec.message() + "; script/ui builds it");
  // A packed file alone is none.
  std::erase_if(out.files_, [](const auto& f) { return f.second.tag.empty(); });
  if (!out.files_.contains(index_path)) {
    return fail(errc::not_found,
                "there is no index.html in '" + folder.string() + "'; script/ui builds the web UI");
  }
  return out;
}

const ui_files::file* ui_files::find(std::string_view path) const {
  if (std::ranges::find(ui_pages, path) != ui_pages.end()) path = index_path;
  const auto it = files_.find(path);
  return it == files_.end() ? nullptr : &it->second;
}

bool ui_files::handle(const http_request& q, const responder& respond) const {
  const auto* f = find(q.path);
  if (f == nullptr) return false;
  if (q.method != "GET" && q.method != "HEAD") {
    respond(method_not_allowed(q));
    return true;
  }
  const bool packed = !f->packed.empty() && takes_gzip(q.accept_encoding);
  http_response r{200, std::string(f->content_type), packed ? f->packed : f->body, {}};
  auto tag_text = f->tag;
  if (packed) {
    r.headers.emplace_back("Content-Encoding", "gzip");
    tag_text.insert(tag_text.size() - 1, "-gzip");
  }
  if (!f->packed.empty()) r.headers.emplace_back("Vary", "Accept-Encoding");
  r.headers.emplace_back("Content-Security-Policy", std::string(policy));
  r.headers.emplace_back("Referrer-Policy", "no-referrer");
  tag(r, std::move(tag_text), q);
  if (q.path.starts_with(ui_assets)) {
    for (auto& [name, value] : r.headers)
      if (name == "Cache-Control") value = "public, max-age=31536000, immutable";
  }
  respond(std::move(r));
  return true;
}

}  // namespace artham::web

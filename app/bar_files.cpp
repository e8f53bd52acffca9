#include "app/bar_files.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string_view>
#include <tuple>

#include "app/calendars.hpp"
#include "store/bars_csv.hpp"

namespace artham::app {

result<std::vector<record::bar_record>> bars_of(bridge::bridge& from, market::timeframe tf) {
  const auto stream = record::final_bars_stream(market::to_string(tf));
  auto cursor = from.open_reader(stream, {}, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  std::vector<record::bar_record> bars;
  result<void> outcome;
  for (;;) {
    auto blocks = (*cursor)->pull(1U << 18U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) break;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        auto bar = record::decode_bar(h, body);
        if (bar) {
          bars.push_back(*bar);
        } else {
          outcome = tl::unexpected(bar.error());
        }
      });
    }
  }
  if (!outcome) return tl::unexpected(outcome.error());
  const auto key = [](const record::bar_record& r) {
    return std::tuple(r.bar.token, r.bar.start, r.bar.revision);
  };
  std::ranges::stable_sort(bars, {}, key);
  const auto same = [&key](const auto& a, const auto& b) { return key(a) == key(b); };
  bars.erase(std::unique(bars.begin(), bars.end(), same), bars.end());
  return bars;
}

void bar_files::add(
    market::timeframe tf, const std::vector<record::bar_record>& bars,
    const std::function<const market::calendar&(std::uint32_t token)>& calendar_of) {
  const auto name = "bars_" + market::to_string(tf) + ".csv";
  auto& csv = files_[name];
  auto& count = counts_[name];
  csv = store::bars_csv_header;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const auto& b = bars[i].bar;
    const bool last_revision = i + 1 == bars.size() || bars[i + 1].bar.token != b.token ||
                               bars[i + 1].bar.start != b.start;
    if (!last_revision || b.ticks == 0) continue;
    store::append_bar_csv(csv, b, calendar_of(b.token).utc_offset(b.start));
    ++count;
  }
}

void bar_files::add_written(const std::string& name, std::filesystem::path file, std::size_t rows) {
  written_[name] = std::move(file);
  counts_[name] = rows;
}

result<std::string> bar_files::digest() const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  const auto add = [&](std::string_view bytes) {
    EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  };
  for (const auto& [name, count] : counts_) {
    add(name);
    add("\n");
    if (const auto it = files_.find(name); it != files_.end()) {
      add(it->second);
      continue;
    }
    const auto& path = written_.at(name);
    std::ifstream in(path, std::ios::binary);
    std::vector<char> chunk(1U << 20U);
    while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0)
      add({chunk.data(), static_cast<std::size_t>(in.gcount())});
    if (in.bad() || !in.eof()) return fail(errc::io, "cannot read " + path.string() + " again");
  }
  market::content_hash h{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), h.data(), &size);
  return "sha256:" + hex(h);
}

result<void> bar_files::write(const std::filesystem::path& dir) const {
  for (const auto& [name, bytes] : files_) {
    const auto file = dir / name;
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out)
      return fail(errc::io,
                  "cannot write " + file.string() + "; is there room, and may you write there?");
  }
  return {};
}

}  // namespace artham::app

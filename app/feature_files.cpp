#include "app/feature_files.hpp"

#include <utility>

#include "store/features_csv.hpp"

namespace artham::app {

namespace {

const std::string chains_file = "chains.csv";
const std::string greeks_file = "greeks.csv";
const std::string features_file = "features.csv";
constexpr std::uint64_t records_a_time = 4'096;

}  // namespace

result<feature_files> feature_files::create(const std::filesystem::path& dir,
                                            offset_of_token offset_of) {
  feature_files made;
  made.offset_of_ = std::move(offset_of);
  for (const auto& [name, header] : {std::pair(chains_file, store::chains_csv_header),
                                     std::pair(greeks_file, store::greeks_csv_header),
                                     std::pair(features_file, store::features_csv_header)}) {
    auto& file = made.files_[name];
    file.path = dir / name;
    file.stream.open(file.path, std::ios::binary | std::ios::trunc);
    file.stream << header;
    made.counts_[name] = 0;
  }
  return made;
}

void feature_files::write(const std::string& name, const std::string& text, std::size_t rows) {
  files_.at(name).stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  counts_.at(name) += rows;
}

void feature_files::take(const record::feature_record& r) {
  text_.clear();
  if (const auto* const i = r.instrument()) {
    store::append_feature_csv(text_, *i, offset_of_(i->token, i->mark));
    return write(features_file, text_, 1);
  }
  const auto& c = *r.chain();
  const auto token = c.options.empty() ? 0 : c.options.front().token;
  const auto offset = offset_of_(token, c.at);
  store::append_chain_csv(text_, c, offset);
  write(chains_file, text_, 1);
  text_.clear();
  store::append_greeks_csv(text_, c, offset);
  write(greeks_file, text_, c.options.size());
}

result<void> feature_files::drain(bridge::memory::memory_bridge& from) {
  if (!cursor_) {
    auto cursor = from.open_reader(record::features_stream(), {}, bridge::top::appended, {});
    if (!cursor) return tl::unexpected(cursor.error());
    cursor_ = std::move(*cursor);
  }
  for (;;) {
    const auto blocks = cursor_->pull(records_a_time);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return {};
    result<void> outcome;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t, std::string_view body) {
        const auto r = record::decode_feature(h, body);
        if (r) {
          take(*r);
        } else {
          outcome = tl::unexpected(r.error());
        }
      });
      // The newest block stays: who goes on writing looks at where the stream ends.
      from.drop_before(record::features_stream(), std::exchange(written_, b->last()));
    }
    if (!outcome) return outcome;
  }
}

result<std::map<std::string, std::filesystem::path>> feature_files::finish() {
  std::map<std::string, std::filesystem::path> paths;
  for (auto& [name, file] : files_) {
    file.stream.close();
    if (!file.stream) {
      return fail(errc::io, "cannot write " + file.path.string() +
                                "; is there room, and may you write there?");
    }
    paths.emplace(name, file.path);
  }
  return paths;
}

}  // namespace artham::app

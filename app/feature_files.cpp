#include "app/feature_files.hpp"

#include <utility>

#include "store/features_csv.hpp"

namespace artham::app {

namespace {

const std::string chains_file = "chains.csv";
const std::string greeks_file = "greeks.csv";
const std::string features_file = "features.csv";

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
  if (tell_) tell_(r);
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
  return drain_.take(from, [this](const record::feature_record& r) -> result<void> {
    take(r);
    return {};
  });
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

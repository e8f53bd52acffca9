#include "app/data_directory.hpp"

namespace artham::app {

namespace {

bool is_journal(const std::filesystem::path& dir) {
  std::error_code ignored;
  return std::filesystem::is_directory(dir / record::ticks_stream(), ignored);
}

}  // namespace

result<std::filesystem::path> find_journal(const std::filesystem::path& dir) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(dir, ignored)) {
    return fail(errc::unavailable, "there is no directory " + dir.string() +
                                       ": give the data directory of artham run");
  }
  for (const auto& at : {dir / "journal", dir}) {
    if (is_journal(at)) return at;
  }
  return fail(errc::unavailable,
              "there is no journal in " + dir.string() + ": give the data directory of artham run");
}

result<void> check_not_in_use(const std::filesystem::path& journal) {
  const auto writer = bridge::local::writer_of(journal);
  if (!writer) return tl::unexpected(writer.error());
  if (!*writer) return {};
  return fail(errc::unavailable, "the journal in " + journal.string() + " is in use by process " +
                                     **writer + ": stop that one (kill " + **writer +
                                     "), then try again");
}

std::string damage_text(const bridge::local::open_report::damaged& d) {
  auto text = d.stream + ": " + d.file.string() + ": at byte " + std::to_string(d.offset) + ", " +
              std::to_string(d.bytes) + " bytes are damaged: ";
  if (d.count == 0) return text + "no position is lost";
  return text + "positions " + std::to_string(d.first_seq) + " to " +
         std::to_string(d.first_seq + d.count - 1) + " are lost";
}

result<void> check_undamaged(const std::filesystem::path& journal) {
  const auto report = bridge::local::verify(journal);
  if (!report) return tl::unexpected(report.error());
  if (report->damages.empty()) return {};
  std::string lines;
  for (const auto& d : report->damages) lines += "\n  " + damage_text(d);
  return fail(errc::corrupt, "the journal in " + journal.string() +
                                 " is damaged; restore these files from a copy:" + lines);
}

}  // namespace artham::app

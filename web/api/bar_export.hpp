#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

#include "runtime/worker.hpp"
#include "web/api/bar_pages.hpp"
#include "web/api/bar_text.hpp"
#include "web/server/http.hpp"

/// `/v1/bars?limit=all`: bars of any length, a page in memory at a time.
namespace artham::web {

/// How many exports may run at a time, and do.
struct export_places {
  explicit export_places(std::size_t n) : most(n) {}
  const std::size_t most;
  std::atomic<std::size_t> taken{0};
};
/// Given back with its last copy; none when all are taken.
using export_place = std::shared_ptr<void>;
[[nodiscard]] export_place take_place(const std::shared_ptr<export_places>& places);

/// The pages behind the first one, each read on the worker when it is asked for.
class bar_export final : public body_source, public std::enable_shared_from_this<bar_export> {
 public:
  /// The worker outlives the last call of next().
  bar_export(runtime::worker& on, bar_pages pages, const store::bar_query& query, bar_text text,
             std::optional<store::bar_place> next, export_place place)
      : worker_(on),
        pages_(std::move(pages)),
        query_(query),
        text_(std::move(text)),
        next_(next),
        place_(std::move(place)) {}

  void next(taken done) override;

 private:
  result<std::string> read();

  runtime::worker& worker_;
  const bar_pages pages_;
  store::bar_query query_;
  const bar_text text_;
  std::optional<store::bar_place> next_;
  export_place place_;
};

}  // namespace artham::web

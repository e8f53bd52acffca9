#include "web/api/bar_export.hpp"

#include <exception>
#include <utility>

#include "web/api/bar_request.hpp"

namespace artham::web {

export_place take_place(const std::shared_ptr<export_places>& places) {
  if (places->taken.fetch_add(1) >= places->most) {
    --places->taken;
    return nullptr;
  }
  return {places.get(), [places](export_places* p) { --p->taken; }};
}

void bar_export::next(taken done) {
  if (!next_) return done(std::string());
  const bool posted = worker_.post([self = shared_from_this(), done] { done(self->read()); });
  if (!posted) done(fail(errc::unavailable, "the thread that reads for exports is busy or ends"));
}

result<std::string> bar_export::read() {
  try {
    go_on(query_, *next_);
    auto page = pages_.read(query_);
    if (!page) return tl::unexpected(page.error());
    next_ = page->next;
    return text_.rows(page->rows);
  } catch (const std::exception& e) {
    return fail(errc::unavailable, e.what());
  }
}

}  // namespace artham::web

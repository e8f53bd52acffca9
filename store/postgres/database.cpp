#include "store/postgres/database.hpp"

#include <utility>

#include "store/postgres/backend.hpp"
#include "store/postgres/reader.hpp"
#include "store/postgres/retention.hpp"
#include "store/postgres/writer.hpp"

namespace artham::store::postgres {

namespace {

class postgres_database final : public database {
 public:
  postgres_database(const server& s, const std::shared_ptr<backend>& db, const open_options& how)
      : backend_(db), reader_(s) {
    for (std::size_t i = 0; i < std::max<std::size_t>(how.writers, 1); ++i)
      writers_.push_back(std::make_unique<postgres_writer>(db, how.layout, how.may_be_away));
  }

  result<void> connect() { return writers_.front()->connect(); }
  writer& writing() override { return *writers_.front(); }
  std::vector<writer*> writers() override {
    std::vector<writer*> all;
    for (const auto& w : writers_) all.push_back(w.get());
    return all;
  }
  reader& reading() override { return reader_; }
  result<std::vector<removed_rows>> remove_old(const retention& keep,
                                               market::timestamp now) override {
    auto c = backend_->connect();
    if (!c) return tl::unexpected(c.error());
    auto removed = postgres::remove_old(**c, backend_->layout(), keep, now);
    if (!removed) return tl::unexpected(backend_->error_of(removed.error()));
    return std::move(*removed);
  }

 private:
  std::shared_ptr<backend> backend_;
  std::vector<std::unique_ptr<postgres_writer>> writers_;
  postgres_reader reader_;
};

}  // namespace

result<std::unique_ptr<database>> open(const server& s, const options& o, const open_options& how) {
  auto db = backend::make(s, o, how.compress_after);
  if (!db) return tl::unexpected(db.error());
  auto made = std::make_unique<postgres_database>(s, *db, how);
  if (auto connected = made->connect(); !connected) {
    const bool away = connected.error().code == errc::unavailable;
    if (!away || !how.may_be_away) return tl::unexpected(connected.error());
  }
  return made;
}

}  // namespace artham::store::postgres

#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/postgres/connection.hpp"
#include "store/postgres/instrument_archive.hpp"
#include "store/postgres/migrations.hpp"
#include "store/store.hpp"

namespace artham::store::postgres {

/// What the writers of one database share: where it is, what its schema is like, its instruments.
/// Thread-safe.
class backend {
 public:
  /// errc::usage.
  [[nodiscard]] static result<std::shared_ptr<backend>> make(const server& s, options o,
                                                             market::duration compress_after);

  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] const options& what() const { return options_; }
  [[nodiscard]] instrument_archive& instruments() { return instruments_; }
  /// Valid once a connection was made.
  [[nodiscard]] const schema& layout() const { return *schema_; }

  /// A connection set up for writing. The first brings the schema up to date.
  [[nodiscard]] result<std::unique_ptr<connection>> connect();
  [[nodiscard]] error error_of(const failure& f) const;
  /// The next connection stores this dump before anybody uses it: see writer::put_instruments.
  void put_when_connected(std::vector<market::instrument> list, market::date valid_from);

 private:
  struct dump {
    std::vector<market::instrument> list;
    market::date valid_from;
  };
  backend(const server& s, options o, market::duration compress_after);
  result<void> prepare(connection& c);

  std::string place_;
  std::string conninfo_;
  std::chrono::milliseconds timeout_;
  options options_;
  market::duration compress_after_;
  instrument_archive instruments_;
  std::mutex mutex_;
  std::optional<schema> schema_;
  std::optional<dump> dump_;  ///< not stored yet
};

}  // namespace artham::store::postgres

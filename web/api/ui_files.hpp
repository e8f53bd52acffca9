#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "market/error.hpp"
#include "web/server/http.hpp"

namespace artham::web {

/// The built web UI, read once: what changes on the disk is seen by the next start.
class ui_files {
 public:
  /// Of a folder that has an index.html. A file is also kept packed if NAME.gz lies beside it. The
  /// error names the file that cannot be read, or what is too large.
  [[nodiscard]] static result<ui_files> read(const std::filesystem::path& folder);

  /// Answers what is a file or a page of the UI; else false.
  bool handle(const http_request& q, const responder& respond) const;

 private:
  struct file {
    std::string_view content_type;
    std::string body;
    std::string packed;  ///< by gzip; empty: there is none
    std::string tag;     ///< of the body
  };
  [[nodiscard]] const file* find(std::string_view path) const;

  std::map<std::string, file, std::less<>> files_;  ///< by path, `/assets/index-Bq3.js`
};

/// Whether `Accept-Encoding` takes gzip (RFC 9110, 12.5.3); empty: no.
[[nodiscard]] bool takes_gzip(std::string_view accept_encoding);

}  // namespace artham::web

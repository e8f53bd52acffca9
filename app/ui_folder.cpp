#include "app/ui_folder.hpp"

#include <string_view>
#include <system_error>
#include <utility>

#include <spdlog/logger.h>

#include "runtime/log.hpp"

namespace artham::app {

namespace fs = std::filesystem;

fs::path ui_beside(const fs::path& program) {
  return program.parent_path().parent_path() / "share" / "artham" / "ui";
}

result<std::shared_ptr<const web::ui_files>> open_ui(const config::settings::web_section& w) {
  if (w.ui.empty()) return nullptr;
  fs::path folder = w.ui;
  if (w.ui == "auto") {
    std::error_code ec;
    const auto program = fs::read_symlink("/proc/self/exe", ec);
    folder = ui_beside(program);
    if (ec || !fs::exists(folder, ec)) {
      runtime::log().info("web: the plain page is served; script/ui builds the web UI");
      return nullptr;
    }
  }
  auto files = web::ui_files::read(folder);
  if (!files) {
    return fail(files.error().code,
                files.error().message + "; web.ui names another folder, or none with web.ui=\"\"");
  }
  return std::make_shared<const web::ui_files>(std::move(*files));
}

}  // namespace artham::app

#include "app/price_command.hpp"

#include <fstream>

#include "app/environment.hpp"
#include "app/price_table.hpp"
#include "config/file_text.hpp"

namespace artham::app {

namespace {

result<void> run_price(const price_options& o) {
  const auto text = config::read_text(o.in);
  if (!text) return fail(errc::usage, text.error().message);
  const auto rows = parse_price_table(*text);
  if (!rows) return fail(rows.error().code, o.in.string() + ", " + rows.error().message);
  std::ofstream out(o.out, std::ios::binary | std::ios::trunc);
  out << priced_table(*rows);
  out.close();
  if (!out) {
    return fail(errc::usage, "--out: cannot write " + o.out.string() +
                                 "; is there such a directory, room, and may you write there?");
  }
  return {};
}

}  // namespace

int price(const price_options& options) {
  const auto done = run_price(options);
  return done ? 0 : report(done.error());
}

}  // namespace artham::app

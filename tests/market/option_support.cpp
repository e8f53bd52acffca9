#include "option_support.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "tests/support/places.hpp"

namespace option_test {

namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

}  // namespace

std::size_t shared_csv(const std::string& name, const std::function<void(const row&)>& each) {
  const auto file = std::filesystem::path(artham::test::source_dir()) / ".." / "shared/data" / name;
  std::ifstream in(file);
  if (!in) {
    MESSAGE("not here, so not compared: ../shared/data/" << name);
    return 0;
  }
  std::string line;
  std::getline(in, line);
  std::map<std::string, std::size_t> columns;
  for (const auto& column : split(line)) columns.emplace(column, columns.size());
  std::size_t rows = 0;
  while (std::getline(in, line)) {
    INFO(name << ": " << line);
    each(row(columns, split(line)));
    ++rows;
  }
  CHECK(rows > 0);
  return rows;
}

std::size_t shared_table(const std::string& name, const std::function<void(const row&)>& each) {
  return shared_csv("options/" + name, each);
}

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance;
}

bool sane(const valuation& v) {
  return std::isfinite(v.price) && std::isfinite(v.delta) && std::isfinite(v.gamma) &&
         std::isfinite(v.theta) && std::isfinite(v.vega) && std::isfinite(v.rho);
}

}  // namespace option_test

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/places.hpp"
#include "tests/support/process.hpp"

using namespace artham::test;  // NOLINT(google-build-using-namespace)

namespace {

using table = std::vector<std::map<std::string, std::string>>;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

table read_table(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  const auto names = split(line);
  table rows;
  while (std::getline(in, line)) {
    const auto cells = split(line);
    REQUIRE(cells.size() == names.size());
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = cells[i];
  }
  return rows;
}

double number(const std::map<std::string, std::string>& row, const std::string& column) {
  INFO(column);
  REQUIRE(!row.at(column).empty());
  return std::stod(row.at(column));
}

const std::string header = "model,type,underlying,strike,years,rate,dividend,volatility,price\n";

finished price(const scratch& dir, const std::string& text) {
  { std::ofstream(dir / "in.csv") << text; }
  return run_to_end({program(), "price", dir / "in.csv", "--out", dir / "out.csv"});
}

table priced(const scratch& dir, const std::string& text) {
  const auto f = price(dir, text);
  INFO(f.err);
  REQUIRE(f.code == 0);
  CHECK(f.err.empty());
  return read_table(dir / "out.csv");
}

void refused(const std::string& text, const std::vector<std::string>& what) {
  const scratch dir;
  const auto f = price(dir, text);
  INFO(f.err);
  CHECK(f.code == 2);
  CHECK(f.err.starts_with("artham: "));
  CHECK(f.err.find('\n') == f.err.size() - 1);
  CHECK(f.err.find("in.csv") != std::string::npos);
  for (const auto& w : what) CHECK_MESSAGE(f.err.find(w) != std::string::npos, w);
  CHECK(!std::filesystem::exists(dir / "out.csv"));
}

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance;
}

}  // namespace

TEST_CASE("a table of py_vollib is priced in both directions") {
  const auto source = read_table(source_dir() + "/tests/data/options/vollib_bs.csv");
  REQUIRE(source.size() == 10);
  std::string in = header;
  for (const auto& r : source) {
    for (const std::string type : {"call", "put"}) {
      const auto terms = "bs," + type + "," + r.at("spot") + "," + r.at("strike") + "," +
                         r.at("t") + "," + r.at("r") + ",0,";
      in += terms + r.at("vol") + ",\n" + terms + "," + r.at(type) + "\n";
    }
  }
  const scratch dir;
  const auto out = priced(dir, in);
  REQUIRE(out.size() == source.size() * 4);
  std::size_t solved = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    CAPTURE(i);
    const auto& want = source[i / 4];
    const std::string type = i % 4 < 2 ? "call" : "put";
    const auto& row = out[i];
    CHECK(row.at("type") == type);
    CHECK(row.at("strike") == want.at("strike"));
    CHECK(near(number(row, "price"), number(want, type), 1e-6));
    if (i % 2 == 1) {
      if (row.at("state") != "ok") {
        CHECK(row.at("iv").empty());
        CHECK(row.at("delta").empty());
        continue;
      }
      ++solved;
      CHECK(row.at("volatility") == row.at("iv"));
      // The table has ten digits, of prices up to 900.
      const double vega = number(want, "vega_per_1");
      if (vega > 1) CHECK(near(number(row, "iv"), number(want, "vol"), 1e-6));
      continue;
    }
    CHECK(row.at("state") == "ok");
    CHECK(number(row, "iv") == number(row, "volatility"));
    CHECK(near(number(row, "delta"), number(want, type + "_delta"), 1e-6));
    CHECK(near(number(row, "gamma"), number(want, "gamma"), 1e-6));
    CHECK(near(number(row, "theta") * 365, number(want, type + "_theta_annual"), 1e-6));
    CHECK(near(number(row, "vega") * 100, number(want, "vega_per_1"), 1e-6));
    CHECK(near(number(row, "rho") * 100, number(want, type + "_rho_per_1"), 1e-6));
  }
  CHECK(solved > 10);
}

TEST_CASE("Jaeckel's prices give his volatilities, in order") {
  const auto file = source_dir() + "/../shared/data/options/lets_be_rational.csv";
  if (!std::filesystem::exists(file)) {
    MESSAGE("not here, so not compared: " << file);
    return;
  }
  const auto source = read_table(file);
  std::string in = header;
  for (const auto& r : source) {
    in += std::string("black76,") + (r.at("cp") == "1" ? "call," : "put,") + r.at("forward") + "," +
          r.at("strike") + "," + r.at("t") + ",0,," + "," + r.at("undiscounted_price") + "\n";
  }
  const scratch dir;
  const auto out = priced(dir, in);
  REQUIRE(out.size() == source.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    CAPTURE(i);
    const auto& r = source[i];
    CHECK(out[i].at("price") == r.at("undiscounted_price"));
    const double sign = number(r, "cp");
    const double inner = std::fmax(0, sign * (number(r, "forward") - number(r, "strike")));
    const double whole = number(r, "undiscounted_price");
    if (number(r, "t") > 0 && whole - inner > 1e-9 * whole) {
      CHECK(out[i].at("state") == "ok");
      CHECK(near(number(out[i], "iv"), number(r, "vol"), 1e-9 * number(r, "vol")));
    }
  }
}

TEST_CASE("what cannot be computed has a state and empty cells, and exit code 0") {
  const scratch dir;
  const auto out = priced(dir, header +
                                   "bs,call,110,100,0,0.05,0,0.2,\n"
                                   "black76,call,110,100,0.5,0,,,9\n"
                                   "black76,call,110,100,0.5,0,,,10\n"
                                   "black76,call,110,100,0.5,0,,,110\n"
                                   "black76,call,110,0,0.5,0,,0.2,\n");
  REQUIRE(out.size() == 5);
  const char* states[] = {"expired", "below_intrinsic", "intrinsic", "above_bound", "bad_terms"};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(out[i].at("state") == states[i]);
    for (const auto* column : {"iv", "delta", "gamma", "theta", "vega", "rho"})
      CHECK(out[i].at(column).empty());
  }
  CHECK(out[0].at("price") == "10");
  CHECK(out[1].at("volatility").empty());
  CHECK(out[4].at("price").empty());
}

TEST_CASE("columns may come in any order; numbers read back the same") {
  const scratch dir;
  const auto out =
      priced(dir,
             "price,volatility,note,dividend,rate,years,strike,underlying,type,model\r\n"
             ",0.2,x,0,0.1,0.5,40,42,call,bs\r\n");
  REQUIRE(out.size() == 1);
  CHECK(near(number(out[0], "price"), 4.759422392871532, 1e-12));
  const auto again = priced(dir, header + "bs,call,42,40,0.5,0.1,0,," + out[0].at("price") + "\n");
  CHECK(near(number(again[0], "iv"), 0.2, 1e-14));
}

TEST_CASE("bad tables are refused in one line that names file, row and field") {
  refused("model,type,underlying,strike,years,rate,dividend,price\n", {"row 1", "volatility"});
  refused("", {"row 1", "model"});
  refused(header + "bs,call,42,40,0.5,0.1,0,0.2,\nbs,call,42,forty,0.5,0.1,0,0.2,\n",
          {"row 3", "strike", "forty"});
  refused(header + "bachelier,call,42,40,0.5,0.1,0,0.2,\n", {"row 2", "model", "bachelier", "bs"});
  refused(header + "bs,straddle,42,40,0.5,0.1,0,0.2,\n", {"row 2", "type", "straddle"});
  refused(header + "bs,call,42,40,0.5,0.1,0,0.2,3\n", {"row 2", "volatility and price", "both"});
  refused(header + "bs,call,42,40,0.5,0.1,0,,\n", {"row 2", "volatility and price", "neither"});
  refused(header + "bs,call,42,40,0.5,nan,0,0.2,\n", {"row 2", "rate", "nan"});
  refused(header + "bs,call,42,40,0.5,,0,0.2,\n", {"row 2", "rate"});
  refused(header + "bs,call,42,40,0.5\n", {"row 2", "fields"});
  const scratch dir;
  const auto f = run_to_end({program(), "price", dir / "none.csv", "--out", dir / "out.csv"});
  CHECK(f.code == 2);
  CHECK(f.err.find("none.csv") != std::string::npos);
}

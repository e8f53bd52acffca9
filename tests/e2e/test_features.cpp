#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "tests/e2e/node.hpp"
#include "tests/e2e/recorded.hpp"
#include "tests/support/places.hpp"

// Chains, Greeks and features of instruments of the running program: pushed, stored, rebuilt.

using namespace artham::test;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

namespace {

const std::vector<std::string> with_chains{"--set", "exchange.chains=true", "--set",
                                           "exchange.instruments=8"};

std::vector<std::string> with_chains_and(std::vector<std::string> more) {
  auto all = with_chains;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool is_live(const json& status) {
  return status["feed"].value("state", "") == "live";
}

/// The nearest expiry of NIFTY, once it has a chain with every kind of figure.
std::string expiry_with_smile(const node& n) {
  std::string expiry;
  REQUIRE(n.wait_for([&](const json&) {
    const auto a = n.get("/v1/chain/NIFTY");
    if (!a.contains("chain") || !a["chain"].contains("risk_reversal")) return false;
    expiry = a["chain"]["expiry"];
    return true;
  }));
  return expiry;
}

finished verify(const std::string& data) {
  return artham::test::artham({"verify", "--data", data});
}

void clean(const std::string& data) {
  const auto f = verify(data);
  INFO(f.out << f.err);
  CHECK(f.code == 0);
  CHECK(f.out.find("\nchains ") != std::string::npos);
  CHECK(f.out.find("differences 0\n") != std::string::npos);
}

std::string digest_of_features(const std::string& data, const std::string& out,
                               const std::vector<std::string>& sets) {
  std::vector<std::string> args{"replay", "--journal", data, "--features", "--out", out};
  for (const auto& s : sets) {
    args.emplace_back("--set");
    args.push_back(s);
  }
  const auto f = artham::test::artham(args);
  INFO(f.out << f.err);
  REQUIRE(f.code == 0);
  CHECK(f.out.find("greeks.csv ") != std::string::npos);
  CHECK(f.out.find("greeks.csv 0\n") == std::string::npos);
  return digest_of(f);
}

}  // namespace

TEST_CASE("chains are live on WebSocket and REST, and what was pushed is what is stored") {
  const scratch dir;
  node n(dir / "data", with_chains_and({"--speed", "20"}));
  REQUIRE(n.wait_for(is_live));
  const auto expiry = expiry_with_smile(n);
  ws_client ws(n.port());
  const auto chain = "chain:NIFTY:" + expiry;
  const auto listed = n.get("/v1/chain/NIFTY?expiry=" + expiry)["chain"];
  const auto token = listed["options"][listed["options"].size() / 2]["token"].get<unsigned>();
  const auto greeks = "greeks:TOKEN:" + std::to_string(token);
  ws.send(json{{"id", 1}, {"op", "sub"}, {"keys", {chain, greeks}}}.dump());
  const auto reply = ws.next_that([](const json& m) { return m.contains("id"); });
  REQUIRE(reply);
  INFO(reply->dump());
  REQUIRE((*reply)["ok"] == true);
  const auto& snapshot = (*reply)["subs"][0];
  CHECK(snapshot["state"] == "live");
  CHECK(snapshot["snapshot"]["chain"]["underlying"] == "NIFTY");
  CHECK((*reply)["subs"][1]["snapshot"]["greeks"]["token"] == token);

  // Between clock marks too.
  const auto live = ws.next_that(
      [&](const json& m) { return m.value("ev", "") == "chain" && m["chain"]["final"] == false; });
  REQUIRE(live);
  CHECK((*live)["key"] == chain);
  const auto of_record = ws.next_that(
      [&](const json& m) { return m.value("ev", "") == "chain" && m["chain"]["final"] == true; });
  REQUIRE(of_record);
  const auto& pushed = (*of_record)["chain"];
  CHECK(pushed["t"].get<std::int64_t>() % 1'000'000 == 0);
  CHECK(pushed["options"].size() > 20);
  for (const auto& o : pushed["options"]) {
    CHECK(o.contains("iv") == (o["state"] == "ok"));
    CHECK(o.contains("delta") == (o["state"] == "ok"));
  }
  CHECK(pushed["atm_iv"].get<double>() > 0.05);
  CHECK(pushed["atm_iv"].get<double>() < 0.5);

  const auto one = ws.next_that([&](const json& m) { return m.value("ev", "") == "greeks"; });
  REQUIRE(one);
  CHECK((*one)["key"] == greeks);
  CHECK((*one)["greeks"]["token"] == token);
  CHECK((*one)["greeks"]["forward"].is_number());

  json stored;
  const auto at = std::to_string(pushed["t"].get<std::int64_t>());
  CHECK(n.wait_for([&](const json&) {
    const auto a = n.get("/v1/chain/NIFTY?expiry=" + expiry + "&at=" + at);
    if (!a.contains("chain") || a["chain"]["t"] != pushed["t"]) return false;
    stored = a["chain"];
    return true;
  }));
  CHECK(stored == pushed);

  const auto history = n.get("/v1/greeks?instrument=" + std::to_string(token) + "&to=" +
                             std::to_string(pushed["t"].get<std::int64_t>() + 1) + "&limit=1");
  REQUIRE(history["greeks"].size() == 1);
  const auto same = [&](const json& o) { return o["token"] == token; };
  const auto option = *std::find_if(pushed["options"].begin(), pushed["options"].end(), same);
  for (const auto& [name, value] : option.items()) CHECK(history["greeks"][0][name] == value);

  const auto chains = n.get("/v1/chain/NIFTY?expiry=" + expiry + "&history=3");
  REQUIRE(chains["chains"].size() == 3);
  CHECK(chains["more"] == true);
  CHECK(chains["chains"][0]["t"] < chains["chains"][1]["t"]);

  const auto features = n.get("/v1/features?instrument=NSE:NIFTY%2050&limit=5");
  REQUIRE_FALSE(features["features"].empty());
  CHECK(features["features"][0]["last"].is_string());
  CHECK(n.stop() == 0);
}

TEST_CASE("a question about chains that makes no sense says what there is") {
  const scratch dir;
  node n(dir / "data", with_chains_and({"--speed", "20"}));
  REQUIRE(n.wait_for(is_live));
  const auto expiry = expiry_with_smile(n);
  const auto detail = [&](const std::string& target, int status) {
    const auto a = http_get(n.port(), target);
    CHECK_MESSAGE(a.status == status, target << " " << a.body);
    return json::parse(a.body).value("detail", "");
  };
  CHECK(detail("/v1/chain/NOSUCH", 404).find("/v1/chain lists") != std::string::npos);
  CHECK(detail("/v1/chain/NIFTY?expiry=2020-01-01", 404).find(expiry) != std::string::npos);
  CHECK(detail("/v1/chain/NIFTY?expiry=soon", 400).find("expiry") != std::string::npos);
  CHECK(detail("/v1/chain/NIFTY?from=0", 400).find("history") != std::string::npos);
  CHECK(detail("/v1/chain/NIFTY?colour=red", 400).find("colour") != std::string::npos);
  CHECK(detail("/v1/greeks?instrument=NSE:NOSUCH", 404).find("NOSUCH") != std::string::npos);
  CHECK(detail("/v1/greeks", 400).find("instrument") != std::string::npos);

  ws_client ws(n.port());
  const auto refused = [&](const std::string& key) {
    ws.send(json{{"id", 1}, {"op", "sub"}, {"keys", {key}}}.dump());
    const auto m = ws.next();
    REQUIRE(m);
    CHECK((*m)["ok"] == false);
    return (*m)["error"].value("message", (*m)["error"].dump());
  };
  CHECK(refused("chain:NOSUCH:" + expiry).find("no chain of \"NOSUCH\"") != std::string::npos);
  CHECK(refused("chain:NIFTY:2020-01-01").find(expiry) != std::string::npos);
  CHECK(refused("chain:NIFTY:never").find("never") != std::string::npos);
  CHECK(refused("chain:NIFTY").find("chain:UNDERLYING:EXPIRY") != std::string::npos);
  CHECK(refused("greeks:NSE:NIFTY 50").find("no option") != std::string::npos);
}

TEST_CASE("a start goes on at the checkpoint and reads nothing of the day again") {
  const scratch dir;
  const auto data = dir / "data";
  for (int life = 0; life < 2; ++life) {
    node n(data, with_chains_and({"--speed", "20"}));
    std::uint64_t received = 0;
    std::uint64_t read = 0;
    REQUIRE(n.wait_for([&](const json& s) {
      const auto count = [&](const char* name) { return s["metrics"].value(name, 0U); };
      received = count("artham_ticks_received_total");
      read = count("artham_feature_quotes_total");
      return is_live(s) && read > 500 && count("artham_store_rows_total.md:features") > 0;
    }));
    // Counters are told at their own times; the first life read 500 and more.
    CHECK(read <= received + 250);
    CHECK(n.stop() == 0);
  }
  clean(data);
}

TEST_CASE("killed at any moment and begun again, under other settings too, features are whole") {
  const scratch dir;
  const auto data = dir / "data";
  const std::vector<std::vector<std::string>> lives{
      {"--speed", "40"},
      {"--speed", "40"},
      {"--speed", "40", "--set", "features.of=NIFTY model=bs forward=spot rate=0.06", "--set",
       "features.interval=2s"},
      {"--speed", "40", "--set", "features.enabled=false"},
      {"--speed", "40"}};
  for (const auto& more : lives) {
    node n(data, with_chains_and(more));
    REQUIRE(n.wait_for([](const json& s) {
      return is_live(s) && s["metrics"].value("artham_ticks_received_total", 0) > 700;
    }));
    n.stop(SIGKILL);
  }
  {
    node n(data, with_chains);
    // What the life before had not stored yet comes first.
    REQUIRE(n.wait_for([](const json& s) {
      return is_live(s) && s["metrics"].value("artham_store_rows_total.md:features", 0) > 0;
    }));
    CHECK(n.stop() == 0);
  }
  clean(data);
  const auto digest =
      digest_of_features(data, dir / "r1", {"runtime.threads=1", "runtime.batch=64"});
  CHECK(digest_of_features(data, dir / "r2", {"runtime.threads=4", "runtime.batch=1"}) == digest);
  CHECK(digest_of_features(data, dir / "r3", {}) == digest);

  const auto printed = artham::test::artham(
      {"journal", "cat", data, "--stream", "md:features", "--limit", "40", "--json"});
  INFO(printed.err);
  CHECK(printed.code == 0);
  CHECK(printed.out.find("\"kind\":\"chain\"") != std::string::npos);
  CHECK(printed.out.find("\"kind\":\"instrument_feature\"") != std::string::npos);

  // Each life under its own settings, and under no other's: the third on the spot and every two
  // seconds, the fourth without features, which are not made later.
  const std::string life =
      " FROM chain_features WHERE cause_epoch - (SELECT MIN(cause_epoch) FROM "
      "chain_features) ";
  CHECK(sql(data, "SELECT COUNT(*) > 0" + life + "= 2") == "1\n");
  CHECK(sql(data, "SELECT COUNT(*)" + life + "= 2 AND at_ts % 2000000000 != 0") == "0\n");
  CHECK(sql(data, "SELECT COUNT(*)" + life +
                      "= 2 AND underlying = 'NIFTY' AND forward_source = 'parity'") == "0\n");
  CHECK(sql(data, "SELECT COUNT(*)" + life + "= 3") == "0\n");
  CHECK(sql(data, "SELECT COUNT(*) > 0" + life + "= 4") == "1\n");
  CHECK(sql(data,
            "SELECT COUNT(*) FROM chain_features WHERE state NOT IN ('ok', 'expired', "
            "'no_underlying')") == "0\n");

  sql(data,
      "UPDATE option_greeks SET iv = iv + 0.001 WHERE (chain_id, instrument_id) IN (SELECT "
      "chain_id, instrument_id FROM option_greeks WHERE iv > 0 LIMIT 1)");
  auto f = verify(data);
  CHECK(f.code == 1);
  CHECK_MESSAGE(f.out.find(" iv: stored ") != std::string::npos, f.out);
  sql(data,
      "DELETE FROM chain_features WHERE chain_id = (SELECT MIN(chain_id) FROM "
      "chain_features)");
  sql(data,
      "DELETE FROM instrument_features WHERE at_ts = (SELECT MIN(at_ts) FROM "
      "instrument_features)");
  sql(data,
      "UPDATE instrument_features SET cause_ordinal = 999 WHERE at_ts = (SELECT MIN(at_ts) FROM "
      "instrument_features)");
  f = verify(data);
  CHECK(f.code == 1);
  // Those rows and no others.
  const auto differences = f.out.find("\ndifferences ");
  REQUIRE(differences != std::string::npos);
  CHECK(std::stoi(f.out.substr(differences + sizeof "\ndifferences" - 1)) < 40);
  CHECK(f.out.find("surplus: stored, and the journal does not give it") != std::string::npos);
  CHECK_MESSAGE(f.out.find("chain ") != std::string::npos, f.out);
  CHECK(f.out.find("missing: the journal gives it, and it is not stored") != std::string::npos);
  CHECK(f.out.find("features NSE:") != std::string::npos);
}

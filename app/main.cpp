#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/access_command.hpp"
#include "app/backfill.hpp"
#include "app/build_info.hpp"
#include "app/doctor.hpp"
#include "app/exchange_command.hpp"
#include "app/journal_command.hpp"
#include "app/kite_command.hpp"
#include "app/migrate.hpp"
#include "app/price_command.hpp"
#include "app/reconcile.hpp"
#include "app/replay.hpp"
#include "app/run.hpp"
#include "app/signals.hpp"
#include "app/status.hpp"
#include "app/verify.hpp"

namespace {

using namespace artham::app;  // NOLINT(google-build-using-namespace): the commands, in the one
                              // place that names them all

constexpr int usage_error = 2;

void add_settings(CLI::App& command, settings_options& o) {
  command.add_option("--config", o.config, "settings file (TOML)");
  command.add_option("--data", o.data, "data directory (data.dir)");
  command.add_option("--set", o.sets, "one setting: section.key=value")->take_all();
}

void add_selection(CLI::App& command, journal_selection& s) {
  command.add_option("--from", s.from, "market time: RFC 3339 or nanoseconds; inclusive");
  command.add_option("--to", s.to, "likewise, exclusive");
  command.add_option("--instrument", s.instruments, "such as NSE:INFY, or a token")->take_all();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"artham turns an exchange feed into market truth"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "help of every command");

  run_options run_with;
  auto* run_command = app.add_subcommand(
      "run", "a node; with no configuration: exchange, journal, store, gateway in one process");
  add_settings(*run_command, run_with.settings);
  run_command->add_option("--recording", run_with.recording,
                          "plays this file instead of the synthetic market");
  run_command
      ->add_option("--role", run_with.roles, "of several nodes: what this one does (cluster.roles)")
      ->take_all();
  run_command->add_flag("--insecure-listen", run_with.insecure_listen,
                        "without TLS on any address (web.insecure_listen)");
  run_command->add_option("--speed", run_with.speed, "market seconds per second, or max");

  exchange_options exchange_with;
  auto* exchange_command = app.add_subcommand("exchange", "a Kite-speaking exchange on loopback");
  auto* source = exchange_command->add_option_group("source");
  source->add_option("--recording", exchange_with.recording,
                     "tick CSV, or .hex: one Kite frame per line");
  source->add_option("--synthetic", exchange_with.synthetic,
                     "number of instruments of a made-up market");
  source->require_option(1);
  exchange_command->add_flag("--chains", exchange_with.chains,
                             "besides these, option chains on its index and its first two shares");
  exchange_command->add_option("--seed", exchange_with.seed, "of the synthetic market");
  exchange_command->add_option("--speed", exchange_with.speed, "market seconds per second, or max");
  exchange_command->add_option("--port", exchange_with.port, "0: any free one");
  exchange_command->add_option("--start", exchange_with.start,
                               "now, or subscribe: when subscriptions have been quiet");
  exchange_command->add_option("--date", exchange_with.date, "first day of the synthetic market");
  exchange_command->add_flag("--every-second", exchange_with.every_second,
                             "each synthetic instrument ticks every second");
  exchange_command->add_option("--disorder", exchange_with.disorder,
                               "delayed=20,duplicated=5,delay=30s,seed=7: packets per mille that "
                               "come late or twice");
  exchange_command->add_option("--sockets-per-key", exchange_with.sockets_per_key,
                               "more are refused, as at Kite; 0: any number");
  exchange_command->add_option("--tokens-per-socket", exchange_with.tokens_per_socket,
                               "more are not subscribed; 0: any number");
  exchange_command->add_flag("--control", exchange_with.control,
                             "takes misbehaviours at POST /control, for tests");

  replay_options replay_with;
  std::string volume = "cumulative";
  std::string out;
  auto* replay_command =
      app.add_subcommand("replay", "rebuilds bars from ticks and prints their digest");
  auto* input = replay_command->add_option_group("input");
  input->add_option("--ticks", replay_with.ticks, "tick CSV");
  input->add_option("--recording", replay_with.recording,
                    "what the exchange plays: tick CSV or .hex");
  input->add_option("--journal", replay_with.journal, "a data or journal directory");
  input->add_option("BUNDLE", replay_with.bundle, "what artham journal slice --bundle wrote");
  input->require_option(1);
  replay_command->add_option("--out", out, "directory for bars_{tf}.csv")->required();
  replay_command->add_option("--timeframes", replay_with.timeframes, "such as \"1m 5m 1D 1W\"");
  replay_command->add_option("--calendar", replay_with.calendar,
                             "NSE NFO BSE CDS MCX NYSE 24x7; else by exchange");
  replay_command->add_option("--volume", volume, "cumulative, or sizes")
      ->check(CLI::IsMember({"cumulative", "sizes"}));
  replay_command
      ->add_option("--quantity-scale", replay_with.quantity_scale, "decimals of quantities")
      ->check(CLI::Range(0, 18));
  replay_command->add_option("--from", replay_with.from,
                             "of a journal or bundle: market time, inclusive");
  replay_command->add_option("--to", replay_with.to, "likewise, exclusive");
  replay_command->add_flag("--features", replay_with.features,
                           "also chains.csv, greeks.csv and features.csv");
  replay_command->add_flag("--alerts", replay_with.alerts,
                           "also alerts.csv, by the rules in the store beside the journal");
  replay_command->add_option("--instruments", replay_with.instruments,
                             "an instrument dump (CSV) that names the tokens of a file");
  replay_command->add_option("--set", replay_with.sets, "one setting: section.key=value")
      ->take_all();
  replay_command->add_flag("--json", replay_with.json, "the summary as JSON");

  verify_options verify_with;
  std::string verify_data;
  auto* verify_command = app.add_subcommand(
      "verify", "makes all bars again from the journal and compares them with the stored ones");
  verify_command->add_option("--data", verify_data, "data directory")->required();
  verify_command->add_option("--postgres", verify_with.postgres,
                             "the database that holds the bars: postgresql://user@host/database");
  verify_command->add_option("--day", verify_with.day, "only this trading date: yyyy-mm-dd");
  verify_command->add_flag("--repair", verify_with.repair,
                           "first stores what bar builders in quarantine owe, and ends those");
  verify_command->add_flag("--json", verify_with.json, "the findings as JSON");

  migrate_options migrate_with;
  std::string migrate_data;
  auto* migrate_command = app.add_subcommand(
      "migrate", "copies the store of a data directory into an empty database, and compares both");
  migrate_command->add_option("--data", migrate_data, "data directory")->required();
  migrate_command
      ->add_option("--postgres", migrate_with.postgres,
                   "the database: postgresql://user@host/database")
      ->required();
  migrate_command->add_flag("--ticks", migrate_with.ticks, "the tick table as well");

  backfill_options backfill_with;
  auto* backfill_command = app.add_subcommand(
      "backfill", "fetches the exchange's candles for the gaps and stores them beside our bars");
  add_settings(*backfill_command, backfill_with.settings);
  backfill_command->add_option("--url", backfill_with.url,
                               "Kite's REST API, or what speaks it (feed.rest_url)");
  backfill_command->add_option("--interval", backfill_with.interval,
                               "minute 3minute 5minute 10minute 15minute 30minute 60minute day");
  backfill_command->add_flag("--json", backfill_with.json, "the summary as JSON");

  reconcile_options reconcile_with;
  auto* reconcile_command = app.add_subcommand(
      "reconcile", "compares our bars with the exchange's candles and says why they differ");
  add_settings(*reconcile_command, reconcile_with.settings);
  auto* candles = reconcile_command->add_option_group("candles");
  candles->add_option("--kite", reconcile_with.kite, "file: the JSON of Kite's historical data");
  candles->add_option("--url", reconcile_with.url, "Kite's REST API, or what speaks it");
  candles->require_option(1);
  reconcile_command
      ->add_option("--instrument", reconcile_with.instrument, "such as NSE:INFY, or a token")
      ->required();
  reconcile_command->add_option("--interval", reconcile_with.interval,
                                "minute 3minute 5minute 10minute 15minute 30minute 60minute day");
  reconcile_command->add_option("--from", reconcile_with.from,
                                "start of the first bar: RFC 3339 or nanoseconds");
  reconcile_command->add_option("--to", reconcile_with.to, "likewise, exclusive");
  reconcile_command->add_flag("--json", reconcile_with.json, "the findings as JSON");

  std::string journal_dir;
  std::string journal_out;
  auto* journal_command = app.add_subcommand("journal", "looks into a journal; changes nothing");
  journal_command->require_subcommand(1);
  const auto add_journal = [&](const char* name, const char* what) {
    auto* command = journal_command->add_subcommand(name, what);
    command->add_option("DIR", journal_dir, "a data or journal directory")->required();
    return command;
  };
  journal_cat_options cat_with;
  auto* cat_command = add_journal("cat", "prints a stream, a line per tick, mark, bar or feature");
  cat_command->add_option("--stream", cat_with.stream, "such as md:bars:final.1m or md:features");
  add_selection(*cat_command, cat_with.select);
  cat_command->add_option("--limit", cat_with.limit, "at most so many lines");
  cat_command->add_flag("--json", cat_with.json, "a JSON object per line");
  journal_verify_options check_with;
  auto* check_command = add_journal("verify", "checks every block");
  check_command->add_flag("--json", check_with.json, "the report as JSON");
  journal_export_options export_with;
  auto* export_command = add_journal("export", "writes the ticks as a tick CSV");
  export_command->add_option("--out", journal_out, "file")->required();
  add_selection(*export_command, export_with.select);

  journal_slice_options slice_with;
  std::string bundle_out;
  auto* slice_command = add_journal("slice", "writes a part as a journal of its own");
  auto* slice_to = slice_command->add_option_group("output");
  slice_to->add_option("--out", journal_out, "new directory for a journal");
  slice_to->add_option("--bundle", bundle_out, "new directory for a bundle: artham replay BUNDLE");
  slice_to->require_option(1);
  add_selection(*slice_command, slice_with.select);

  price_options price_with;
  auto* price_command =
      app.add_subcommand("price", "prices, implied volatilities and Greeks of a table of options");
  price_command->add_option("IN", price_with.in, "CSV")->required();
  price_command->add_option("--out", price_with.out, "file")->required();

  std::string url = "http://127.0.0.1:8080";
  bool status_json = false;
  auto* status_command =
      app.add_subcommand("status", "tree, lag, queues and feed health of a running node");
  status_command->add_option("--url", url, "where it is");
  status_command->add_flag("--json", status_json, "as JSON");

  settings_options doctor_with;
  bool print_settings = false;
  bool doctor_json = false;
  auto* doctor_command =
      app.add_subcommand("doctor", "checks every precondition, each with its remedy");
  add_settings(*doctor_command, doctor_with);
  doctor_command->add_flag("--print-settings", print_settings,
                           "each setting, its value and where it came from");
  doctor_command->add_flag("--json", doctor_json, "as JSON");

  settings_options kite_with;
  std::string login_key;
  std::string request_token;
  auto* kite_command = app.add_subcommand("kite", "Zerodha's Kite Connect");
  kite_command->require_subcommand(1);
  auto* login_command = kite_command->add_subcommand("login", "gets the day's access token");
  add_settings(*login_command, kite_with);
  login_command->add_option("--key", login_key, "one of feed.more_keys; else feed.api_key");
  login_command->add_option("--request-token", request_token,
                            "from the address that the login page sends you to");
  auto* instruments_command =
      kite_command->add_subcommand("instruments", "loads today's instrument dump");
  add_settings(*instruments_command, kite_with);

  access_options access_with;
  std::string access_name;
  std::string scopes = "read";
  auto* key_command = app.add_subcommand("key", "keys of programs that connect");
  auto* user_command = app.add_subcommand("user", "people who log in");
  const auto add_access = [&](CLI::App* under, const char* name, const char* what,
                              const char* whose) {
    auto* command = under->add_subcommand(name, what);
    add_settings(*command, access_with.settings);
    command->add_option("--postgres", access_with.postgres,
                        "the store is this database: postgresql://user@host/database");
    command->add_flag("--json", access_with.json, "as JSON");
    if (*whose != '\0') command->add_option(whose, access_name)->required();
    return command;
  };
  key_command->require_subcommand(1);
  auto* key_add_command = add_access(key_command, "add", "makes a key and prints it, once", "NAME");
  auto* key_list_command = add_access(key_command, "list", "keys and when they were used", "");
  auto* key_revoke_command =
      add_access(key_command, "revoke", "ends a key at once; what it opened is closed", "KEY");
  user_command->require_subcommand(1);
  auto* user_add_command = add_access(
      user_command, "add", "asks for a password; from standard input without a terminal", "NAME");
  auto* user_list_command = add_access(user_command, "list", "people who may log in", "");
  auto* user_remove_command =
      add_access(user_command, "remove", "ends logins of somebody at once", "NAME");
  for (auto* command : {key_add_command, user_add_command})
    command->add_option("--scopes", scopes, "of read, replay, admin, such as read,replay");

  auto* version_command = app.add_subcommand("version", "prints the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : usage_error;
  }

  if (*run_command) {
    signals stop;
    return run(run_with, stop);
  }
  if (*exchange_command) {
    signals stop;
    return run_exchange(exchange_with, stop);
  }
  if (*replay_command) {
    replay_with.out = out;
    replay_with.sizes = volume == "sizes";
    return replay(replay_with);
  }
  if (*migrate_command) {
    migrate_with.data = migrate_data;
    return migrate(migrate_with);
  }
  if (*verify_command) {
    verify_with.data = verify_data;
    return verify(verify_with);
  }
  if (*backfill_command) return backfill(backfill_with);
  if (*reconcile_command) return reconcile(reconcile_with);
  if (*cat_command) {
    cat_with.dir = journal_dir;
    return journal_cat(cat_with);
  }
  if (*check_command) {
    check_with.dir = journal_dir;
    return journal_verify(check_with);
  }
  if (*export_command) {
    export_with.dir = journal_dir;
    export_with.out = journal_out;
    return journal_export(export_with);
  }
  if (*slice_command) {
    slice_with.dir = journal_dir;
    slice_with.bundle = !bundle_out.empty();
    slice_with.out = slice_with.bundle ? bundle_out : journal_out;
    return journal_slice(slice_with);
  }
  if (*price_command) return price(price_with);
  if (*status_command) return status(url, status_json);
  if (*doctor_command) return doctor(doctor_with, print_settings, doctor_json);
  if (*login_command) return kite_login(kite_with, login_key, request_token);
  if (*instruments_command) return kite_instruments(kite_with);
  if (*key_add_command) return add_key(access_with, access_name, scopes);
  if (*key_list_command) return list_keys(access_with);
  if (*key_revoke_command) return revoke_key(access_with, access_name);
  if (*user_add_command) return add_user(access_with, access_name, scopes);
  if (*user_list_command) return list_users(access_with);
  if (*user_remove_command) return remove_user(access_with, access_name);
  if (*version_command)
    std::printf("artham %.*s\n", static_cast<int>(version().size()), version().data());
  return 0;
}

#include "app/alert_replay.hpp"

#include <algorithm>
#include <fstream>
#include <tuple>

#include "actors/alert/stored_rules.hpp"
#include "app/alert_role.hpp"
#include "app/opened_store.hpp"

namespace artham::app {

namespace {

using market::alert::subject;

constexpr std::uint64_t records_a_time = 65'536;
constexpr const char* header =
    "id,rule,version,name,key,condition,time,epoch,seq,ordinal,left_out,values\n";

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace

result<alert_replay> alert_replay::open(const config::settings& s,
                                        const std::filesystem::path& data) {
  if (s.store.kind == config::store_kind::sqlite && !std::filesystem::exists(database_file(data))) {
    return fail(errc::usage, "--alerts: there is no " + database_file(data).string() +
                                 ": give --journal the data directory of artham run, where the "
                                 "rules are");
  }
  const auto book = open_alert_book(s, data);
  if (!book) return tl::unexpected(book.error());
  const auto rules = (*book)->evaluated_rules();
  if (!rules) return tl::unexpected(rules.error());
  return of(*rules);
}

result<alert_replay> alert_replay::of(const std::vector<store::stored_rule>& rules) {
  alert_replay made;
  std::vector<market::alert::bound_rule> bound;
  for (const auto& r : rules) {
    auto b = actors::bind_rule(r, {});
    if (!b) {
      return fail(b.error().code, "rule " + std::to_string(r.rule.id) + " version " +
                                      std::to_string(r.rule.version) + ": " + b.error().message);
    }
    b->state = market::alert::fresh_state(b->what);
    made.stored_.emplace(std::pair(b->id, b->version), r.rule);
    bound.push_back(std::move(*b));
  }
  made.rules_ = std::make_unique<market::alert::rule_set>(std::move(bound));
  return made;
}

result<void> alert_replay::check(const std::vector<market::timeframe>& timeframes,
                                 bool features) const {
  for (const auto& r : rules_->rules()) {
    const auto& key = r.what.key;
    if (key.of == subject::bar && std::ranges::count(timeframes, key.timeframe) == 0) {
      return fail(errc::usage, "--alerts: rule " + std::to_string(r.id) + " watches bars of " +
                                   market::to_string(key.timeframe) +
                                   ", which this replay does not make; add them to --timeframes");
    }
    if ((key.of == subject::chain || key.of == subject::greeks) && !features) {
      return fail(errc::usage, "--alerts: rule " + std::to_string(r.id) +
                                   " watches chains or Greeks; add --features");
    }
  }
  return {};
}

result<void> alert_replay::take(bridge::bridge& from, const actors::alert_input& input,
                                const feed::decoder& decoder) {
  const auto reader = from.open_reader(input.name, {}, bridge::top::appended, {});
  if (!reader) return tl::unexpected(reader.error());
  record::position cause;
  for (;;) {
    const auto blocks = (*reader)->pull(records_a_time);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) return {};
    for (const auto& b : *blocks) {
      if (auto done = actors::evaluate(*rules_, input, *b, {}, decoder, cause, fired_); !done)
        return done;
    }
  }
}

void alert_replay::take(const record::feature_record& r) {
  if (r.chain() != nullptr) rules_->on_chain(*r.chain(), r.cause, fired_);
}

result<std::pair<std::filesystem::path, std::size_t>> alert_replay::write(
    const std::filesystem::path& dir) {
  std::ranges::sort(fired_, {}, [](const market::alert::fired& f) {
    return std::tuple(f.cause.at, f.rule, f.version, f.cause.ordinal);
  });
  const auto file = dir / "alerts.csv";
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << header;
  for (const auto& f : fired_) {
    const auto& rule = stored_.at({f.rule, f.version});
    out << market::alert::alert_id(f) << ',' << f.rule << ',' << f.version << ','
        << quoted(rule.name) << ',' << quoted(rule.key) << ',' << quoted(rule.condition) << ','
        << market::to_rfc3339(f.at, market::india_offset) << ',' << f.cause.at.epoch << ','
        << f.cause.at.seq << ',' << f.cause.ordinal << ',' << f.left_out << ',' << quoted(f.values)
        << '\n';
  }
  out.close();
  if (!out) {
    return fail(errc::io,
                "cannot write " + file.string() + "; is there room, and may you write there?");
  }
  return std::pair(file, fired_.size());
}

}  // namespace artham::app

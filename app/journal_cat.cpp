#include <algorithm>
#include <cstdio>
#include <string>

#include <nlohmann/json.hpp>

#include "actors/bars/quarantine_book.hpp"
#include "app/environment.hpp"
#include "app/journal_command.hpp"
#include "app/journal_ticks.hpp"
#include "app/opened_journal.hpp"
#include "app/record_filter.hpp"
#include "feed/kite/frame_decoder.hpp"
#include "market/price.hpp"
#include "messages/protocol/feature_json.hpp"
#include "messages/record/bar_codec.hpp"
#include "messages/record/feature_codec.hpp"

namespace artham::app {

namespace {

/// Members stand in the order in which they were added.
using line = nlohmann::ordered_json;

std::string time_text(market::timestamp t) {
  return market::to_rfc3339(t, market::india_offset);
}

std::string_view mode_text(market::tick_mode m) {
  switch (m) {
    case market::tick_mode::ltp:
      return "ltp";
    case market::tick_mode::index_quote:
      return "index_quote";
    case market::tick_mode::index_full:
      return "index_full";
    case market::tick_mode::quote:
      return "quote";
    case market::tick_mode::full:
      return "full";
  }
  return "unknown";
}

/// Prints lines until there are enough of them.
class printer {
 public:
  printer(const journal_cat_options& o, const journal_rules& rules) : options_(o), rules_(rules) {}

  bool tick(const journaled_tick& t) {
    using field = market::bar_input::field;
    auto l = begin(t.core.position(), t.receive, "tick");
    l["instrument"] = rules_.name_of(t.core.token);
    l["mode"] = mode_text(t.core.mode);
    l["time"] = time_text(t.core.time);
    l["last"] = market::to_string(t.core.last);
    if ((t.core.fields & field::volume) != 0) l["volume"] = t.core.volume_or_size;
    if ((t.core.fields & field::size) != 0) l["size"] = t.core.volume_or_size;
    if ((t.core.fields & field::open_interest) != 0) l["oi"] = t.core.oi;
    if ((t.core.fields & field::ahead) != 0) l["ahead"] = true;
    return print(l);
  }

  bool mark(const market::mark& m) {
    using market::mark_kind;
    auto l = begin(m.position, m.time, market::to_string(m.kind));
    switch (m.kind) {
      case mark_kind::clock:
        break;
      case mark_kind::gap:
        l["cause"] = market::to_string(m.cause);
        l["from"] = time_text(m.from);
        l["state"] = m.flag == market::gap_begins ? "begins" : "over";
        if (!m.tokens.empty()) l["instruments"] = names(m);
        l["detail"] = m.subject;
        break;
      case mark_kind::session:
        l["calendar"] = m.subject;
        l["state"] = m.flag != 0 ? "open" : "closed";
        break;
      case mark_kind::subscription:
        l["state"] = m.flag != 0 ? "added" : "removed";
        l["mode"] = mode_text(m.mode);
        l["instruments"] = names(m);
        break;
      case mark_kind::epoch:
      case mark_kind::config:
        l["settings"] = hex(m.hashes.settings);
        l["calendars"] = hex(m.hashes.calendar);
        l["instruments"] = hex(m.hashes.instruments);
        break;
    }
    return print(l);
  }

  bool letter(record::position at, const record::dead_letter& d) {
    line l;
    l["position"] = position(at);
    l["kind"] = "dead_letter";
    l["instrument"] = rules_.name_of(d.token);
    l["what"] = record::to_string(d.what);
    l["actor"] = record::to_string(d.actor);
    l["at"] = position(d.at);
    l["time"] = time_text(d.time);
    l["cause"] = position(d.cause.at);
    l["error"] = d.text;
    return print(l);
  }

  bool feature(record::position at, const record::feature_record& r) {
    std::string text;
    if (r.chain() != nullptr) {
      protocol::append_chain(text, *r.chain(), true);
    } else {
      protocol::append_instrument_feature(text, *r.instrument());
    }
    line l;
    l["position"] = position(at);
    l["kind"] = r.chain() != nullptr ? "chain" : "instrument_feature";
    if (r.instrument() != nullptr) l["instrument"] = rules_.name_of(r.instrument()->token);
    l["time"] = time_text(r.at());
    l["cause"] = position(r.cause.at);
    l["ordinal"] = r.cause.ordinal;
    const auto members = line::parse(text);
    for (const auto& [name, value] : members.items()) {
      if (name == "t" || name == "final") continue;
      // A hundred options make no line for people.
      l[name] = name == "options" && !options_.json ? line(value.size()) : value;
    }
    return print(l);
  }

  bool bar(record::position at, const record::bar_record& r) {
    const auto& b = r.bar;
    const auto has = [&](market::bar::field f) { return (b.fields & f) != 0; };
    line l;
    l["position"] = position(at);
    l["kind"] = "bar";
    l["instrument"] = rules_.name_of(b.token);
    l["start"] = time_text(b.start);
    l["end"] = time_text(b.end);
    l["open"] = market::to_string(b.open);
    l["high"] = market::to_string(b.high);
    l["low"] = market::to_string(b.low);
    l["close"] = market::to_string(b.close);
    if (has(market::bar::volume_known)) l["volume"] = b.volume;
    if (has(market::bar::oi_known)) l["oi"] = b.oi;
    if (has(market::bar::oi_change_known)) l["oi_change"] = b.oi_change;
    if (has(market::bar::vwap_known)) l["vwap"] = market::to_string(b.vwap);
    l["ticks"] = b.ticks;
    if (b.flags != 0) l["flags"] = market::flags_text(b.flags);
    l["revision"] = b.revision;
    l["first"] = position(b.first);
    l["last"] = position(b.last);
    l["cause"] = position(r.cause.at);
    l["ordinal"] = r.cause.ordinal;
    return print(l);
  }

 private:
  [[nodiscard]] line position(record::position p) const {
    if (!options_.json) return "(" + std::to_string(p.epoch) + ", " + std::to_string(p.seq) + ")";
    return {{"epoch", p.epoch}, {"seq", p.seq}};
  }

  [[nodiscard]] line begin(record::position at, market::timestamp received,
                           std::string_view kind) const {
    line l;
    l["position"] = position(at);
    l["received"] = time_text(received);
    l["kind"] = kind;
    return l;
  }

  [[nodiscard]] line names(const market::mark& m) const {
    auto all = line::array();
    for (const auto token : m.tokens) all.push_back(rules_.name_of(token));
    return all;
  }

  bool print(const line& l) {
    if (options_.json) {
      std::printf("%s\n", l.dump().c_str());
      return ++printed_ != options_.limit;
    }
    std::string text;
    for (const auto& [name, value] : l.items()) {
      const bool bare =
          name == "position" || name == "received" || name == "kind" || name == "instrument";
      if (!text.empty()) text += ' ';
      if (!bare) text += name + '=';
      text += value.is_string() ? value.get<std::string>() : value.dump();
    }
    std::printf("%s\n", text.c_str());
    return ++printed_ != options_.limit;
  }

  const journal_cat_options& options_;
  const journal_rules& rules_;
  std::uint64_t printed_ = 0;
};

/// Calls print(place, value) for the records of a stream, decoded, until it says that it is enough.
template <class Decode, class Print>
result<void> cat_derived(bridge::bridge& journal, const std::string& stream, Decode decode,
                         Print&& print) {
  const auto cursor = journal.open_reader(stream, {}, bridge::top::appended, {});
  if (!cursor) return tl::unexpected(cursor.error());
  result<void> outcome;
  for (bool go_on = true; go_on && outcome;) {
    const auto blocks = (*cursor)->pull(1U << 16U);
    if (!blocks) return tl::unexpected(blocks.error());
    if (blocks->empty()) break;
    for (const auto& b : *blocks) {
      record::for_each(*b, [&](const record::header& h, std::uint64_t seq, std::string_view body) {
        if (!go_on || !outcome) return;
        const auto r = decode(h, body);
        if (r) {
          go_on = print(record::position{b->epoch, seq}, *r);
        } else {
          outcome = tl::unexpected(r.error());
        }
      });
    }
  }
  return outcome;
}

result<void> cat_bars(bridge::bridge& journal, const std::string& stream,
                      const record_filter& filter, printer& out) {
  return cat_derived(journal, stream, record::decode_bar,
                     [&](record::position place, const record::bar_record& r) {
                       const bool wanted = filter.has(r.bar.token) && r.bar.start >= filter.from &&
                                           r.bar.start < filter.to;
                       return !wanted || out.bar(place, r);
                     });
}

result<void> cat_features(bridge::bridge& journal, const record_filter& filter, printer& out) {
  const auto concerns = [&](const record::feature_record& r) {
    if (r.instrument() != nullptr) return filter.has(r.instrument()->token);
    return std::ranges::any_of(r.chain()->options,
                               [&](const auto& o) { return filter.has(o.token); });
  };
  return cat_derived(journal, record::features_stream(), record::decode_feature,
                     [&](record::position place, const record::feature_record& r) {
                       if (r.at() >= filter.to) return false;
                       return r.at() < filter.from || !concerns(r) || out.feature(place, r);
                     });
}

result<void> cat_letters(bridge::bridge& journal, const record_filter& filter, printer& out) {
  const auto letters = actors::read_dead_letters(journal);
  if (!letters) return tl::unexpected(letters.error());
  for (const auto& [place, l] : *letters) {
    if (!filter.has(l.token) || l.time < filter.from || l.time >= filter.to) continue;
    if (!out.letter(place, l)) break;
  }
  return {};
}

result<void> run_cat(const journal_cat_options& o) {
  const auto opened = open_journal(o.dir);
  if (!opened) return tl::unexpected(opened.error());
  const auto filter = parse_selection(o.select, opened->rules.instruments);
  if (!filter) return tl::unexpected(filter.error());
  const auto streams = opened->journal->streams();
  if (std::ranges::count(streams, o.stream) == 0) {
    std::string there;
    for (const auto& s : streams) there += (there.empty() ? "" : ", ") + s;
    return fail(errc::usage,
                "--stream: the journal has no stream \"" + o.stream + "\"; it has " + there);
  }
  printer out(o, opened->rules);
  if (o.stream == record::features_stream()) return cat_features(*opened->journal, *filter, out);
  if (o.stream == record::dead_letters_stream()) return cat_letters(*opened->journal, *filter, out);
  if (o.stream != record::ticks_stream()) return cat_bars(*opened->journal, o.stream, *filter, out);
  const feed::kite::frame_decoder decoder;
  return for_each_in(
      *opened->journal, decoder,
      [&](const journaled_tick& t) {
        if (t.receive < filter->from || !filter->has(t.core.token)) return true;
        return t.receive < filter->to && out.tick(t);
      },
      [&](const market::mark& m) {
        if (m.time < filter->from || !filter->has(m)) return true;
        return m.time < filter->to && out.mark(m);
      });
}

}  // namespace

int journal_cat(const journal_cat_options& options) {
  const auto done = run_cat(options);
  return done ? 0 : report(done.error());
}

}  // namespace artham::app

#include "app/feature_check.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "store/features_csv.hpp"

namespace artham::app {

namespace {

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= line.size();) {
    const auto end = std::min(line.find(',', at), line.size());
    parts.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

/// One row of a CSV with the names of its columns.
struct csv_row {
  std::vector<std::string> names;
  std::vector<std::string> values;
};

csv_row row_of(std::string_view header, std::string text) {
  std::string names(header);
  names.pop_back();
  text.pop_back();
  return {split(names), split(text)};
}

std::uint32_t token_of(const record::feature_record& r) {
  if (r.instrument() != nullptr) return r.instrument()->token;
  const auto& options = r.chain()->options;
  return options.empty() ? 0 : options.front().token;
}

/// Of one mark, in the order of one shard alone.
bool goes_before(const record::feature_record& a, const record::feature_record& b) {
  if (const auto* x = a.chain()) {
    const auto* y = b.chain();
    return std::tie(x->underlying, x->expiry) < std::tie(y->underlying, y->expiry);
  }
  return a.instrument()->token < b.instrument()->token;
}

}  // namespace

result<std::unique_ptr<feature_check>> feature_check::begin(store::audit& stored,
                                                            const stored_progress& until,
                                                            const check_context& context,
                                                            findings& found) {
  std::unique_ptr<feature_check> check(new feature_check(until, context, found));
  auto chains = stored.chains();
  if (!chains) return tl::unexpected(chains.error());
  auto instruments = stored.instrument_features();
  if (!instruments) return tl::unexpected(instruments.error());
  check->chains_.rows = std::move(*chains);
  check->instruments_.rows = std::move(*instruments);
  for (auto* s : {&check->chains_, &check->instruments_}) {
    if (auto done = check->advance(*s); !done) return tl::unexpected(done.error());
  }
  return check;
}

bool feature_check::is_wanted(const record::feature_record& r) const {
  const auto token = token_of(r);
  return context_.wanted(token, r.at()) && context_.is_kept(token, r.at());
}

result<void> feature_check::advance(side& s) {
  do {
    auto next = next_row(s);
    if (!next) return tl::unexpected(next.error());
    s.next = std::move(*next);
  } while (s.next && !is_wanted(*s.next));
  return {};
}

result<std::optional<record::feature_record>> feature_check::next_row(side& s) const {
  if (!until_.counts_by_shard()) return s.rows();
  while (s.mark.empty() || (s.behind && s.behind->cause.at == s.mark.front().cause.at)) {
    if (s.behind) s.mark.push_back(*std::exchange(s.behind, std::nullopt));
    auto next = s.rows();
    if (!next) return next;
    s.behind = std::move(*next);
    if (s.behind) continue;
    if (s.mark.empty()) return std::optional<record::feature_record>{};
    break;
  }
  if (!s.sorted) std::ranges::sort(s.mark, goes_before);
  s.sorted = true;
  auto first = std::move(s.mark.front());
  s.mark.pop_front();
  if (s.mark.empty()) s.sorted = false;
  return std::optional(std::move(first));
}

result<void> feature_check::take(bridge::memory::memory_bridge& rebuilt) {
  return drain_.take(rebuilt, [this](const record::feature_record& r) { return compare(r); });
}

result<void> feature_check::compare(const record::feature_record& rebuilt) {
  if (!is_wanted(rebuilt)) return {};
  const bool chain = rebuilt.chain() != nullptr;
  ++(chain ? counts_.chains : counts_.instruments);
  auto& stored = chain ? chains_ : instruments_;
  const auto in_front = [&](const record::feature_record& r) {
    if (!until_.counts_by_shard()) return r.cause < rebuilt.cause;
    return r.cause.at < rebuilt.cause.at ||
           (r.cause.at == rebuilt.cause.at && goes_before(r, rebuilt));
  };
  while (stored.next && in_front(*stored.next)) {
    report(*stored.next, "surplus", "stored, and the journal does not give it");
    if (auto done = advance(stored); !done) return done;
  }
  const auto is_same = [&](const record::feature_record& r) {
    if (!until_.counts_by_shard()) return r.cause == rebuilt.cause;
    return r.cause.at == rebuilt.cause.at && !goes_before(rebuilt, r);
  };
  if (stored.next && is_same(*stored.next) && until_.counts_by_shard())
    stored.next->cause.ordinal = rebuilt.cause.ordinal;
  if (!stored.next || !is_same(*stored.next)) {
    if (rebuilt.cause > until_.of(token_of(rebuilt))) {
      ++counts_.behind;
    } else if (!context_.may_lack(chain ? "chain_features" : "instrument_features", rebuilt.at(),
                                  record::features_stream(), rebuilt.cause,
                                  chain ? 0 : rebuilt.instrument()->token)) {
      report(rebuilt, "missing", "the journal gives it, and it is not stored");
    }
    return {};
  }
  if (*stored.next != rebuilt) compare_fields(*stored.next, rebuilt);
  return advance(stored);
}

void feature_check::compare_fields(const record::feature_record& stored,
                                   const record::feature_record& rebuilt) {
  const auto differ = [&](const std::string& what, const csv_row& was, const csv_row& is) {
    bool told = false;
    for (std::size_t i = 0; i < was.values.size() && i < is.values.size(); ++i) {
      if (was.values[i] == is.values[i]) continue;
      told = true;
      found_.difference(place(rebuilt) + what + was.names[i] + ": stored " + was.values[i] +
                            ", rebuilt " + is.values[i],
                        {{"what", "column"},
                         {"feature", name_of(rebuilt)},
                         {"time", rebuilt.at() / market::microsecond},
                         {"column", what + was.names[i]},
                         {"stored", was.values[i]},
                         {"rebuilt", is.values[i]}});
    }
    return told;
  };
  const auto text_of = [](auto append, const auto& row) {
    std::string text;
    append(text, row, market::india_offset);
    return text;
  };
  bool told = false;
  if (rebuilt.instrument() != nullptr) {
    const auto row = [&](const record::feature_record& r) {
      return row_of(store::features_csv_header,
                    text_of(store::append_feature_csv, *r.instrument()));
    };
    told = differ("", row(stored), row(rebuilt));
  } else {
    const auto row = [&](const record::feature_record& r) {
      return row_of(store::chains_csv_header, text_of(store::append_chain_csv, *r.chain()));
    };
    told = differ("", row(stored), row(rebuilt));
    const auto& was = stored.chain()->options;
    const auto& is = rebuilt.chain()->options;
    for (std::size_t i = 0; i < was.size() && i < is.size(); ++i) {
      if (was[i] == is[i]) continue;
      const auto option = [&](const record::feature_record& r) {
        auto one = *r.chain();
        one.options = {r.chain()->options[i]};
        return row_of(store::greeks_csv_header, text_of(store::append_greeks_csv, one));
      };
      told =
          differ("option " + std::to_string(is[i].token) + " ", option(stored), option(rebuilt)) ||
          told;
    }
  }
  // What the columns of people do not show.
  if (!told) report(rebuilt, "different", "what is stored and what the journal gives differ");
}

void feature_check::report(const record::feature_record& r, const char* what, const char* text) {
  found_.difference(
      place(r) + what + ": " + text,
      {{"what", what}, {"feature", name_of(r)}, {"time", r.at() / market::microsecond}});
}

std::string feature_check::name_of(const record::feature_record& r) const {
  if (const auto* const c = r.chain())
    return "chain " + c->underlying + " " + market::to_string(c->expiry);
  return "features " + context_.name_of(r.instrument()->token);
}

std::string feature_check::place(const record::feature_record& r) const {
  const auto offset = context_.calendar_of(token_of(r)).utc_offset(r.at());
  return name_of(r) + " " + market::to_rfc3339(r.at(), offset) + " ";
}

result<feature_check::counts> feature_check::finish() {
  for (auto* s : {&chains_, &instruments_}) {
    while (s->next) {
      report(*s->next, "surplus", "stored, and the journal does not give it");
      if (auto done = advance(*s); !done) return tl::unexpected(done.error());
    }
  }
  return counts_;
}

}  // namespace artham::app

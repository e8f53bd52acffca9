#include "app/replays/replay_book.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "app/rebuild.hpp"
#include "bridge/common/paced_journal.hpp"
#include "bridge/memory/memory.hpp"
#include "messages/caf_compat.hpp"
#include "runtime/log.hpp"
#include "supervisors/roles.hpp"

namespace artham::app {

namespace {

constexpr std::size_t queued_requests = 32;
constexpr std::chrono::seconds start_limit{20};
constexpr std::chrono::seconds answer_limit{55};
constexpr std::chrono::seconds stop_limit{30};
/// On their way to a replay's clients before it waits for them.
constexpr std::size_t bytes_under_way = 512 << 10;
constexpr std::size_t tail_bars = 20'000;
constexpr supervisors::intensity no_restarts{0, std::chrono::seconds(60)};

web::replay_refusal refusal_of(const error& e) {
  switch (e.code) {
    case errc::bad_input:
    case errc::usage:
      return {400, "bad-parameter", "Bad parameter", e.message};
    case errc::not_found:
      return {404, "no-ticks", "No ticks", e.message};
    case errc::conflict:
      return {409, "not-now", "Not in this state", e.message};
    case errc::refused:
      return {410, "ticks-gone", "Ticks are gone", e.message};
    case errc::unsupported:
      return {501, "not-offered", "Not offered here", e.message};
    case errc::corrupt:
      return {500, "corrupt", "Stored data is damaged", e.message};
    default:
      return {503, "unavailable", "Not available now", e.message};
  }
}

tl::unexpected<web::replay_refusal> no_such(const std::string& id) {
  return tl::unexpected(
      web::replay_refusal{404, "no-such-replay", "No such replay",
                          "there is no replay '" + id.substr(0, 100) +
                              "', or it has ended; GET /v1/replays lists those that there are"});
}

/// Not to be guessed: whoever knows it can take part.
std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

messages::replay_command command_of(const web::replay_order& o) {
  using from = web::replay_order;
  using to = messages::replay_command;
  to c;
  switch (o.what) {
    case from::op::resume:
      c.what = to::op::resume;
      break;
    case from::op::step:
      c.what = to::op::step;
      break;
    case from::op::seek:
      c.what = to::op::seek;
      break;
    case from::op::speed:
      c.what = to::op::speed;
      break;
    default:
      c.what = to::op::pause;
  }
  c.by = o.by == from::stretch::tick  ? to::stretch::tick
         : o.by == from::stretch::bar ? to::stretch::bar
                                      : to::stretch::clock;
  c.timeframe = o.timeframe;
  c.to = o.to;
  c.speed = o.speed;
  return c;
}

/// Tells when the conductor has ended by itself.
caf::behavior watchman(caf::event_based_actor* self, const caf::actor& conductor,
                       std::function<void(std::string)> ended) {
  messages::install_handlers(self, "artham.replay_watchman");
  self->monitor(conductor);
  self->set_down_handler([self, ended = std::move(ended)](const caf::down_msg& m) {
    ended(messages::error_text(m.reason));
    self->quit();
  });
  return {[](caf::ok_atom) {}};
}

}  // namespace

/// One replay, and what its actors point to: outlives them.
struct replay_book::entry {
  std::string id;
  web::replay_wish wish;
  std::uint8_t space = 0;
  replay_setup setup;
  std::vector<store::alert_rule> rules;
  runtime::metrics metrics;
  std::shared_ptr<messages::directory> names = std::make_shared<messages::directory>();
  std::shared_ptr<bridge::paced_journal> journal;
  actors::replay_line_ptr line;
  messages::replay_conductor_actor conductor;
  caf::actor watchman;  ///< would end at once if nobody held it
  bool ready = false;   ///< it has a conductor
};

replay_book::replay_book(replay_book_options o) : options_(std::move(o)) {
  running_ = &options_.metrics->gauge("artham_replays", "Replays that there are.");
  started_ =
      &options_.metrics->counter("artham_replays_started_total", "Replays that were started.");
  // Each replay ends once, beside what is asked for.
  const auto ends = static_cast<std::size_t>(options_.settings->web.max_replays) * 2;
  thread_ = std::make_shared<runtime::worker>("replays", queued_requests + ends);
}

replay_book::~replay_book() {
  close();
  for (auto& [id, e] : entries_) lines_->remove(id);
}

void replay_book::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  thread_->stop();
}

messages::supervisor_actor replay_book::supervisor() const {
  return caf::actor_cast<messages::supervisor_actor>(
      options_.names->find(supervisors::replays_name));
}

replay_book::entry_ptr replay_book::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(id);
  return it == entries_.end() || !it->second->ready ? nullptr : it->second;
}

tl::expected<replay_book::entry_ptr, web::replay_refusal> replay_book::take_place(
    const web::replay_wish& w) {
  const auto& s = options_.settings->web;
  const auto refuse = [](unsigned status, std::string kind, std::string title, std::string detail) {
    return tl::unexpected(
        web::replay_refusal{status, std::move(kind), std::move(title), std::move(detail)});
  };
  if (w.to - w.from > s.replay_days * market::day) {
    return refuse(400, "bad-parameter", "Bad parameter",
                  "from, to: the interval is longer than web.replay_days, " +
                      std::to_string(s.replay_days) + " days; ask for a part of it");
  }
  if (options_.shards != 1) {
    return refuse(501, "not-offered", "Not offered here",
                  "the ticks are in " + std::to_string(options_.shards) +
                      " shards, in no common order: replays are offered where cluster.shards is 1");
  }
  const std::lock_guard lock(mutex_);
  if (closed_ || system_ == nullptr)
    return refuse(503, "unavailable", "Not available now", "the gateway is starting or stopping");
  if (entries_.size() >= static_cast<std::size_t>(s.max_replays)) {
    return refuse(429, "too-many-replays", "Too many replays",
                  "there are as many replays as web.max_replays allows, " +
                      std::to_string(s.max_replays) + "; stop one with DELETE /v1/replays/{id}");
  }
  const auto own = std::ranges::count_if(
      entries_, [&](const auto& e) { return e.second->wish.owner == w.owner; });
  if (own >= s.max_replays_per_key) {
    return refuse(429, "too-many-replays", "Too many replays",
                  "there are as many replays of this key as web.max_replays_per_key allows, " +
                      std::to_string(s.max_replays_per_key) +
                      "; stop one with DELETE /v1/replays/{id}");
  }
  auto e = std::make_shared<entry>();
  e->wish = w;
  do {
    e->id = random_id();
  } while (entries_.contains(e->id));
  // What is on its way of one that has ended must not be taken for another's.
  do {
    last_space_ = static_cast<std::uint8_t>(last_space_ % actors::spaces_at_most + 1);
  } while (spaces_.contains(last_space_));
  e->space = last_space_;
  spaces_.insert(e->space);
  entries_.emplace(e->id, e);
  running_->set(static_cast<std::int64_t>(entries_.size()));
  return e;
}

void replay_book::give_up(const entry_ptr& e) {
  lines_->remove(e->id);
  const std::lock_guard lock(mutex_);
  entries_.erase(e->id);
  spaces_.erase(e->space);
  running_->set(static_cast<std::int64_t>(entries_.size()));
}

void replay_book::start(web::replay_wish wish, answer done) {
  auto place = take_place(wish);
  if (!place) {
    done(tl::unexpected(place.error()));
    return;
  }
  const auto e = *place;
  if (thread_->queued() < queued_requests && thread_->post([this, e, done] { make(e, done); }))
    return;
  give_up(e);
  done(tl::unexpected(
      refusal_of({errc::unavailable, "too many replays are being started; try again"})));
}

void replay_book::make(const entry_ptr& e, const answer& done) {
  auto setup = set_up_replay(*options_.journal, e->wish.from, e->wish.to);
  if (!setup) {
    give_up(e);
    done(tl::unexpected(refusal_of(setup.error())));
    return;
  }
  e->setup = std::move(*setup);
  if (options_.rules) {
    auto rules = options_.rules(e->wish.owner);
    if (!rules) {
      give_up(e);
      done(tl::unexpected(refusal_of(rules.error())));
      return;
    }
    e->rules = std::move(*rules);
  }
  if (auto started = start_actors(e); !started) {
    end(e->id, "failed", started.error().message, {});
    done(tl::unexpected(refusal_of(started.error())));
    return;
  }
  started_->add();
  runtime::log().info("replay {}: from {} to {}", e->id,
                      market::to_rfc3339(e->setup.from, market::india_offset),
                      market::to_rfc3339(e->setup.to, market::india_offset));
  ask(e, done);
}

result<void> replay_book::start_actors(const entry_ptr& e) {
  const auto& s = *options_.settings;
  const auto& rules = *e->setup.rules;
  using outputs_map = bridge::memory::memory_bridge;
  const auto made = std::make_shared<std::weak_ptr<outputs_map>>();
  bridge::paced_journal::options paced;
  paced.from = options_.journal;
  paced.after = e->setup.base;
  paced.preamble = e->setup.preamble;
  paced.epoch = std::max(e->setup.until.epoch, 1U);
  paced.make_outputs = [made]() -> std::shared_ptr<bridge::bridge> {
    std::shared_ptr<outputs_map> fresh = bridge::memory::make();
    *made = fresh;
    return fresh;
  };
  e->journal = std::make_shared<bridge::paced_journal>(std::move(paced));
  actors::replay_line::parts line;
  line.id = e->id;
  line.space = e->space;
  line.keys = std::make_shared<const actors::key_resolver>(
      rules.index, rules.bars.timeframes, rules.features.enabled ? rules.features.plan : nullptr);
  line.instruments = rules.index;
  line.names = e->names;
  line.bytes_at_most = bytes_under_way;
  line.owner = e->wish.owner;
  line.alerts = options_.rules != nullptr;
  e->line = std::make_shared<actors::replay_line>(std::move(line));

  supervisors::tree_options tree;
  tree.intensity = no_restarts;
  tree.directory = e->names;
  const auto above = supervisor();
  if (!above) return fail(errc::unavailable, "the gateway is starting or stopping");
  caf::scoped_actor self(*system_);
  result<caf::actor> began;
  self->request(above, start_limit, messages::start_child_atom_v,
                supervisors::replay_tree(tree, e->id))
      .receive([&](const caf::actor& a) { began = a; },
               [&](const caf::error& x) { began = tl::unexpected(messages::error_of(x)); });
  if (!began) return tl::unexpected(began.error());

  actors::replay_conductor_config c;
  c.id = e->id;
  c.source = options_.journal;
  c.journal = e->journal;
  c.line = e->line;
  c.names = e->names;
  c.parts = caf::actor_cast<messages::supervisor_actor>(*began);
  c.base = e->setup.base;
  c.until = e->setup.until;
  c.rules_after = e->setup.rules_after;
  c.from = e->setup.from;
  c.to = e->setup.to;
  c.speed = e->wish.speed;
  c.paused = e->wish.paused;
  c.timeframes = rules.bars.timeframes;
  c.idle = std::chrono::nanoseconds(s.web.replay_idle);
  // What is pointed to outlives the actors: see end().
  entry* const own = e.get();
  c.same_rules = [own, journal = options_.journal](const market::config_hashes& h) {
    return own->setup.same_rules(*journal, h);
  };
  c.trim = [made] {
    const auto outputs = made->lock();
    if (!outputs) return;
    for (const auto& stream : outputs->streams()) {
      auto tops = outputs->stream_tops(stream);
      // The last block stays: it tells a writer where the stream ends.
      if (tops && tops->appended.seq > 1)
        outputs->drop_before(stream, {tops->appended.epoch, tops->appended.seq - 1});
    }
  };
  c.on_over = ender(e->id);
  c.front = [this, own, tree](const messages::replay_conductor_actor& conductor) {
    const auto& r = *own->setup.rules;
    actors::hub_config hub;
    hub.journal = &own->journal->shown();
    hub.tokens = std::make_shared<const actors::token_codec>(
        0, actors::stream_list(r.bars.timeframes, r.features.enabled, 1));
    hub.decoder = options_.decoder;
    hub.store = options_.store;
    hub.store_thread = options_.store_thread;
    hub.metrics = &own->metrics;
    hub.names = own->names;
    hub.instruments = r.index;
    hub.timeframes = r.bars.timeframes;
    if (r.features.enabled) hub.features = r.features.plan;
    hub.tail_bars = tail_bars;
    hub.flush = std::chrono::microseconds(0);
    hub.replay = own->line;
    hub.rules = own->rules;
    hub.on_told = [conductor](record::position at) {
      caf::anon_send(conductor, messages::flush_atom_v, at);
    };
    return supervisors::replay_front(tree, std::move(hub));
  };
  c.units = [this, own, tree](const messages::replay_conductor_actor& conductor,
                              std::uint64_t life) {
    const auto& r = *own->setup.rules;
    const auto told = [conductor, life](std::uint32_t unit) {
      return [conductor, life, unit](record::position at) {
        caf::anon_send(conductor, messages::done_atom_v, unit, life, at);
      };
    };
    actors::bar_reader_config bars;
    bars.input = bars.output = &own->journal->work();
    bars.decoder = options_.decoder;
    bars.metrics = &own->metrics;
    bars.names = own->names;
    bars.timeframes = r.bars.timeframes;
    bars.plan_of = [plans = r.plans](std::uint32_t token) { return plans->of(token); };
    bars.plan_hash = r.bars_hash;
    bars.batch = static_cast<std::uint64_t>(options_.settings->runtime.batch);
    bars.quarantines = own->setup.quarantines;
    bars.repaired = actors::repaired_bars::give;
    bars.on_processed = told(0);
    std::vector<messages::child_spec> units;
    units.push_back(supervisors::bars_tree(tree, std::move(bars)));
    if (r.features.enabled) {
      actors::feature_reader_config features;
      features.input = features.output = &own->journal->work();
      features.decoder = options_.decoder;
      features.metrics = &own->metrics;
      features.names = own->names;
      features.plan = r.features.plan;
      features.plan_hash = r.features.hash;
      features.batch = std::min<std::uint64_t>(
          features.batch, static_cast<std::uint64_t>(options_.settings->runtime.batch));
      features.on_processed = told(1);
      units.push_back(supervisors::features_tree(tree, std::move(features)));
    }
    for (auto& u : units) u.restart = messages::restart::temporary;
    return units;
  };
  result<caf::actor> conductor;
  self->request(caf::actor_cast<messages::supervisor_actor>(*began), start_limit,
                messages::start_child_atom_v, supervisors::replay_conductor_child(std::move(c)))
      .receive([&](const caf::actor& a) { conductor = a; },
               [&](const caf::error& x) { conductor = tl::unexpected(messages::error_of(x)); });
  if (!conductor) return tl::unexpected(conductor.error());
  auto watching =
      system_->spawn(watchman, *conductor,
                     [ended = ender(e->id)](const std::string& why) { ended("failed", why); });
  {
    const std::lock_guard lock(mutex_);
    e->conductor = caf::actor_cast<messages::replay_conductor_actor>(*conductor);
    e->watchman = std::move(watching);
    e->ready = true;
  }
  lines_->put(e->line);
  return {};
}

std::function<void(const std::string&, const std::string&)> replay_book::ender(
    const std::string& id) {
  // A thread that has stopped takes no jobs, which alone use this.
  return [this, id, thread = thread_](const std::string& state, const std::string& cause) {
    static_cast<void>(thread->post([this, id, state, cause] { end(id, state, cause, {}); }));
  };
}

void replay_book::end(const std::string& id, const std::string& state, const std::string& cause,
                      const answer& done) {
  entry_ptr e;
  {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(id);
    if (it != entries_.end()) e = it->second;
  }
  if (!e) {
    if (done) done(no_such(id));
    return;
  }
  lines_->remove(id);
  if (e->line) e->line->close(state, cause);
  bool gone = true;
  if (const auto above = supervisor()) {
    caf::scoped_actor self(*system_);
    self->request(above, stop_limit, messages::stop_child_atom_v, id)
        .receive([](caf::ok_atom) {},
                 [&](const caf::error& x) {
                   const auto why = messages::error_of(x);
                   gone = why.code == errc::not_found;
                   if (!gone) runtime::log().error("replay {} did not stop: {}", id, why.message);
                 });
  }
  if (state == "failed")
    runtime::log().error("replay {} failed: {}", id, cause);
  else
    runtime::log().info("replay {} is over: {}", id, cause);
  if (gone) {
    {
      const std::lock_guard lock(mutex_);
      e->conductor = nullptr;
      e->watchman = nullptr;
    }
    give_up(e);
  }
  if (done) done("{\"id\":\"" + id + "\",\"state\":\"" + state + "\"}");
}

messages::replay_conductor_actor replay_book::conductor_of(const entry& e) const {
  const std::lock_guard lock(mutex_);
  return e.conductor;
}

void replay_book::ask(const entry_ptr& e, const answer& done) {
  const auto who = conductor_of(*e);
  if (!who) return done(no_such(e->id));
  system_->spawn([conductor = who, done, id = e->id](caf::event_based_actor* self) {
    messages::install_handlers(self, "artham.replay_question");
    self->request(conductor, answer_limit, messages::status_atom_v)
        .then([done](const std::string& text) { done(text); },
              [done, id](const caf::error&) { done(no_such(id)); });
  });
}

void replay_book::show(const std::string& id, answer done) {
  const auto e = find(id);
  if (!e) return done(no_such(id));
  ask(e, done);
}

void replay_book::list(answer done) {
  struct gathering {
    std::mutex mutex;
    std::size_t missing = 0;
    std::map<std::string, std::string> found;
    answer done;
  };
  auto all = std::make_shared<gathering>();
  std::vector<entry_ptr> entries;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, e] : entries_)
      if (e->ready) entries.push_back(e);
  }
  const auto write = [](const std::map<std::string, std::string>& found) {
    std::string out = "{\"replays\":[";
    for (const auto& [id, text] : found) out += (out.back() == '[' ? "" : ",") + text;
    return out + "]}";
  };
  if (entries.empty()) return done(write({}));
  all->missing = entries.size();
  all->done = std::move(done);
  for (const auto& e : entries) {
    ask(e, [all, write, id = e->id](const tl::expected<std::string, web::replay_refusal>& text) {
      const std::lock_guard lock(all->mutex);
      if (text) all->found.emplace(id, *text);
      if (--all->missing == 0) all->done(write(all->found));
    });
  }
}

void replay_book::tell(const std::string& id, const web::replay_order& order, answer done) {
  const auto e = find(id);
  if (!e) return done(no_such(id));
  if (order.what == web::replay_order::op::stop) {
    if (thread_->post([this, id, done] { end(id, "stopped", "it was stopped", done); })) return;
    return done(tl::unexpected(refusal_of(
        {errc::unavailable, "too many replays are being started or stopped; try again"})));
  }
  const auto who = conductor_of(*e);
  if (!who) return done(no_such(id));
  system_->spawn(
      [conductor = who, command = command_of(order), done, id](caf::event_based_actor* self) {
        messages::install_handlers(self, "artham.replay_command");
        self->request(conductor, answer_limit, command)
            .then([done](const std::string& text) { done(text); },
                  [done, id](const caf::error& x) {
                    const auto why = messages::error_of(x);
                    if (why.code == errc::unavailable) return done(no_such(id));
                    done(tl::unexpected(refusal_of(why)));
                  });
      });
}

nlohmann::json replay_book::status() const {
  nlohmann::json all = nlohmann::json::array();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, e] : entries_) {
    nlohmann::json one{{"id", id},
                       {"from", e->wish.from / market::microsecond},
                       {"to", e->wish.to / market::microsecond},
                       {"state", e->ready ? "running" : "starting"}};
    if (e->ready) one["subscribers"] = e->line->members();
    if (!e->wish.owner.empty()) one["owner"] = e->wish.owner;
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace artham::app

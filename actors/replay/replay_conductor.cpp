#include "actors/replay/replay_conductor.hpp"

#include <algorithm>
#include <utility>

#include <caf/send.hpp>

#include "actors/session/session.hpp"
#include "messages/caf_compat.hpp"
#include "messages/protocol/json.hpp"
#include "messages/protocol/json_text.hpp"

namespace artham::actors {

using messages::replay_conductor_actor;
using messages::replay_news;
using std::chrono::milliseconds;

namespace {

/// Records of a piece that nobody hears, and at most of one that is told.
constexpr std::uint64_t silent_records = 65'536;
constexpr std::uint64_t told_records = 4'096;
/// When what is released is so far behind the virtual clock, in real time, the clock waits.
constexpr market::duration lag_at_most = 250 * market::millisecond;
/// A stretch in which nothing was journaled is not waited for when it is longer.
constexpr market::duration longest_wait = market::minute;
constexpr milliseconds clock_interval{100};
constexpr milliseconds shortest_wait{1};
constexpr std::chrono::seconds look_interval{1};
/// The number of the timer that looks after the replay.
constexpr std::uint64_t look_timer = 0;
constexpr std::uint32_t life_speed = 1000;

std::string speed_text(std::uint32_t thousandths) {
  if (thousandths == 0) return "\"max\"";
  auto text = std::to_string(thousandths / life_speed);
  auto rest = thousandths % life_speed;
  if (rest == 0) return text;
  text += '.';
  for (auto unit = life_speed / 10; rest != 0; rest %= unit, unit /= 10)
    text += static_cast<char>('0' + rest / unit);
  return text;
}

}  // namespace

replay_conductor_actor::behavior_type replay_conductor_state::start(
    replay_conductor_actor::pointer self, replay_conductor_config config) {
  self_ = self;
  config_ = std::move(config);
  hub_ = {config_.names, std::string(hub_name)};
  play_ = config_.paused ? play::paused : play::playing;
  used_ = wall();
  set_clock(config_.from);
  journey_ = journey{config_.from, false};
  self_->send(config_.parts, caf::subscribe_atom_v, caf::actor_cast<caf::actor>(me()));
  for (auto& spec : config_.front(me())) start_part(std::move(spec));
  begin_life();
  self_->delayed_send(me(), look_interval, messages::timeout_atom_v, look_timer);
  return {
      [this](const command& c) { return on_command(c); },
      [this](messages::status_atom) { return on_status(); },
      [this](messages::ready_atom) { go(); },
      [this](messages::timeout_atom, std::uint64_t timer) {
        if (timer == look_timer) {
          look_after();
        } else if (timer == timer_) {
          go();
        }
      },
      [this](messages::done_atom, std::uint32_t unit, std::uint64_t life, record::position at) {
        on_done(unit, life, at);
      },
      [this](messages::flush_atom, record::position at) { on_told(at); },
      [this](const messages::child_event& e) { on_child(e); },
  };
}

replay_conductor_state::~replay_conductor_state() {
  if (config_.line) config_.line->brake().when_free(nullptr);
}

// -- the units' lives ----------------------------------------------------------------------------

void replay_conductor_state::begin_life() {
  phase_ = phase::starting;
  script_ = std::make_unique<replay_script>(*config_.source, config_.base, config_.until);
  end_cause_.clear();
  played_ = 0;
  auto specs = config_.units(me(), ++life_);
  made_.assign(specs.size(), config_.base);
  unit_ids_.clear();
  for (auto& spec : specs) {
    unit_ids_.push_back(spec.id);
    start_part(std::move(spec));
  }
}

void replay_conductor_state::start_part(messages::child_spec spec) {
  ++awaited_;
  self_->request(config_.parts, caf::infinite, messages::start_child_atom_v, std::move(spec))
      .then([this](const caf::actor&) { on_started(); },
            [this](const caf::error& e) { fail(messages::error_text(e)); });
}

void replay_conductor_state::on_started() {
  --awaited_;
  if (phase_ != phase::starting || awaited_ != 0 || !hub_ready_) return;
  phase_ = phase::idle;
  tell_clock(true);
  settle();
  go();
}

void replay_conductor_state::rewind() {
  phase_ = phase::stopping;
  for (const auto& id : unit_ids_) {
    ++awaited_;
    self_->request(config_.parts, caf::infinite, messages::stop_child_atom_v, id)
        .then([this](caf::ok_atom) { on_stopped(); },
              [this](const caf::error& e) { fail(messages::error_text(e)); });
  }
}

void replay_conductor_state::on_stopped() {
  if (--awaited_ != 0 || phase_ != phase::stopping) return;
  config_.journal->rewind();
  hub_ready_ = false;
  replay_news news;
  news.what = replay_news::what::rewind;
  tell_hub(std::move(news));
  begin_life();
}

void replay_conductor_state::on_child(const messages::child_event& e) {
  const bool ends =
      e.what == messages::child_event::what::down || e.what == messages::child_event::what::parked;
  if (ends && messages::is_crash(e.reason)) fail(e.id + ": " + messages::error_text(e.reason));
}

// -- pieces --------------------------------------------------------------------------------------

bool replay_conductor_state::release(const piece& p) {
  record::position end;
  std::uint64_t records = 0;
  cut_ = found_ = false;
  for (;;) {
    auto next = script_->peek();
    if (!next) {
      fail(next.error().message);
      return true;
    }
    const auto& s = *next;
    if (!s || s->time >= p.before) break;
    const bool tells = s->mark != nullptr && (s->mark->kind == market::mark_kind::epoch ||
                                              s->mark->kind == market::mark_kind::config);
    if (tells && s->last > config_.rules_after && !config_.same_rules(s->mark->hashes)) {
      end_cause_ =
          "from " + market::to_rfc3339(s->time, market::india_offset) +
          " on other settings or instruments are in force: start another replay from there";
      break;
    }
    end = s->last;
    played_ = std::max(played_, s->time);
    const bool is_clock = s->is_clock;
    const bool has_ticks = s->ticks != 0;
    script_->advance();
    ++records;
    found_ = (p.one_tick && has_ticks) || (p.one_clock && is_clock);
    // With one clock mark in a piece, at its end, everything of record comes in one order.
    cut_ = records >= p.records || (is_clock && !journey_);
    if (found_ || cut_) break;
  }
  if (records == 0) return false;
  piece_end_ = end;
  phase_ = phase::making;
  config_.journal->release(end);
  return true;
}

void replay_conductor_state::on_done(std::uint32_t unit, std::uint64_t life, record::position at) {
  if (life != life_) return;
  made_[unit] = std::max(made_[unit], at);
  if (phase_ != phase::making ||
      std::ranges::any_of(made_, [&](const auto& made) { return made < piece_end_; }))
    return;
  phase_ = phase::showing;
  config_.journal->show();
}

void replay_conductor_state::on_told(record::position at) {
  if (!hub_ready_ && at == config_.base) {
    hub_ready_ = true;
    ++awaited_;
    on_started();
    return;
  }
  if (phase_ != phase::showing || at != piece_end_) return;
  phase_ = phase::idle;
  config_.trim();
  piece_told();
  settle();
  go();
}

void replay_conductor_state::piece_told() {
  if (journey_ || !step_ || !step_->begun) return;
  const bool done =
      step_->by == command::stretch::bar ? top_of(step_->timeframe) != step_->before : found_;
  set_clock(std::min(std::max(played_, clock_at_), config_.to));
  if (done) finish_step();
}

void replay_conductor_state::go() {
  if (phase_ != phase::idle) return;
  if (journey_) {
    travel();
    return;
  }
  if (play_ != play::playing && !step_) return;
  if (!config_.line->brake().is_free()) {
    // The virtual clock waits, too.
    set_clock(virtual_now());
    braked_ = true;
    config_.line->brake().when_free([me = self_->address()] {
      if (const auto who = caf::actor_cast<replay_conductor_actor>(me))
        caf::anon_send(who, messages::ready_atom_v);
    });
    return;
  }
  if (std::exchange(braked_, false)) set_clock(clock_at_);
  if (step_) {
    step();
  } else {
    play_on();
  }
}

void replay_conductor_state::travel() {
  if (played_ >= journey_->to) {
    rewind();
    return;
  }
  piece p;
  p.before = journey_->to;
  p.records = silent_records;
  if (release(p)) {
    tell_clock(false);
    return;
  }
  const auto next = script_->peek();
  if (next && !*next && !script_->at_end()) {
    script_->when_ready([me = me()] { caf::anon_send(me, messages::ready_atom_v); });
    return;
  }
  arrive();
}

void replay_conductor_state::step() {
  piece p;
  p.records = told_records;
  const bool event_bar =
      step_->by == command::stretch::bar && market::is_event(config_.timeframes[step_->timeframe]);
  p.one_tick = step_->by == command::stretch::tick || event_bar;
  p.one_clock = !p.one_tick || event_bar;
  if (!std::exchange(step_->begun, true)) {
    set_clock(virtual_now());
    play_ = play::paused;
    if (step_->by == command::stretch::bar) step_->before = top_of(step_->timeframe);
  }
  if (release(p)) return;
  const auto next = script_->peek();
  if (next && !*next && !script_->at_end()) {
    script_->when_ready([me = me()] { caf::anon_send(me, messages::ready_atom_v); });
  } else {
    end();
  }
}

void replay_conductor_state::play_on() {
  piece p;
  p.records = told_records;
  const bool paced = config_.speed != 0;
  const auto now = virtual_now();
  if (paced) p.before = now + 1;
  if (release(p)) {
    const auto behind = cut_ && now - played_ > lag_at_most / life_speed * config_.speed;
    if (!paced || behind) set_clock(std::clamp(played_, clock_at_, config_.to));
    tell_clock(false);
    return;
  }
  const auto next = script_->peek();
  if (!next || !end_cause_.empty() || script_->at_end()) {
    // What is left of the interval has nothing.
    if (paced && end_cause_.empty() && now < config_.to && config_.to - now < longest_wait) {
      tell_clock(false);
      wake_at(config_.to);
      return;
    }
    end();
    return;
  }
  if (!*next) {
    script_->when_ready([me = me()] { caf::anon_send(me, messages::ready_atom_v); });
    return;
  }
  const auto at = (*next)->time;
  if (at - now > longest_wait) set_clock(at);
  tell_clock(false);
  wake_at(at);
}

void replay_conductor_state::arrive() {
  const auto j = *std::exchange(journey_, std::nullopt);
  set_clock(j.to);
  replay_news news;
  news.what = replay_news::what::arrive;
  news.moved = j.moved;
  tell_hub(std::move(news));
  tell_clock(true);
  go();
}

void replay_conductor_state::end() {
  play_ = play::ended;
  if (end_cause_.empty()) {
    set_clock(config_.to);
  } else {
    set_clock(std::min(std::max(played_, config_.from), config_.to));
  }
  if (step_) {
    finish_step();
  } else {
    tell_clock(true);
  }
}

void replay_conductor_state::finish_step() {
  auto s = std::exchange(step_, std::nullopt);
  tell_clock(true);
  s->answer.deliver(status_json());
}

// -- commands ------------------------------------------------------------------------------------

caf::result<std::string> replay_conductor_state::on_command(const command& c) {
  const auto refuse = [](errc code, std::string text) {
    return messages::to_caf({code, std::move(text)});
  };
  used_ = wall();
  if (step_) {
    return refuse(errc::conflict, "a step is under way; wait for its answer");
  }
  const bool at_end = play_ == play::ended && !journey_;
  switch (c.what) {
    case command::op::pause:
      if (play_ == play::playing) {
        set_clock(virtual_now());
        play_ = play::paused;
      }
      break;
    case command::op::resume:
      if (at_end) return refuse(errc::conflict, "the replay is at its end: seek back first");
      if (play_ != play::playing) {
        set_clock(clock_at_);
        play_ = play::playing;
      }
      break;
    case command::op::speed:
      set_clock(virtual_now());
      config_.speed = c.speed;
      break;
    case command::op::seek:
      if (c.to < config_.from || c.to > config_.to) {
        return refuse(errc::bad_input, "to: " + market::to_rfc3339(c.to, market::india_offset) +
                                           " is not in the replay's interval, from " +
                                           market::to_rfc3339(config_.from, market::india_offset) +
                                           " to " +
                                           market::to_rfc3339(config_.to, market::india_offset));
      }
      seek(c.to);
      break;
    case command::op::step:
      return begin_step(c);
  }
  return answer();
}

caf::result<std::string> replay_conductor_state::begin_step(const command& c) {
  if (play_ == play::ended && !journey_) {
    return messages::to_caf({errc::conflict, "the replay is at its end: seek back first"});
  }
  if (journey_) {
    return messages::to_caf(
        {errc::conflict, "the replay is on its way to another time; step when it is there"});
  }
  stepping s;
  s.by = c.by;
  if (c.by == command::stretch::bar) {
    const auto it = std::ranges::find(config_.timeframes, c.timeframe);
    if (it == config_.timeframes.end()) {
      std::string offered;
      for (const auto& tf : config_.timeframes) offered += " " + market::to_string(tf);
      return messages::to_caf(
          {errc::bad_input, "timeframe: " + market::to_string(c.timeframe) +
                                " is not built in this replay; there are:" + offered});
    }
    s.timeframe = static_cast<std::size_t>(it - config_.timeframes.begin());
  }
  s.answer = self_->make_response_promise<std::string>();
  step_ = s;
  go();
  return s.answer;
}

caf::result<std::string> replay_conductor_state::answer() {
  if (phase_ == phase::making || phase_ == phase::showing) {
    answers_.push_back(self_->make_response_promise<std::string>());
    return answers_.back();
  }
  tell_clock(true);
  go();
  return status_json();
}

/// Whoever knows of a replay finds its hub: at the beginning that is waited for.
caf::result<std::string> replay_conductor_state::on_status() {
  if (phase_ != phase::starting || life_ != 1) return status_json();
  answers_.push_back(self_->make_response_promise<std::string>());
  return answers_.back();
}

void replay_conductor_state::settle() {
  if (answers_.empty()) return;
  tell_clock(true);
  for (auto& a : std::exchange(answers_, {})) a.deliver(status_json());
}

void replay_conductor_state::seek(market::timestamp to) {
  if (play_ == play::ended) play_ = play::paused;
  journey_ = journey{to, true};
  replay_news news;
  news.what = replay_news::what::hush;
  tell_hub(std::move(news));
}

// -- the clock -----------------------------------------------------------------------------------

market::timestamp replay_conductor_state::virtual_now() const {
  if (play_ != play::playing || journey_ || config_.speed == 0 || braked_ ||
      phase_ == phase::starting)
    return clock_at_;
  const auto gone = std::chrono::nanoseconds(wall() - clock_since_).count();
  return std::min(clock_at_ + gone / life_speed * config_.speed, config_.to);
}

void replay_conductor_state::set_clock(market::timestamp t) {
  clock_at_ = t;
  clock_since_ = wall();
}

void replay_conductor_state::wake_at(market::timestamp t) {
  const auto left = std::min(t - virtual_now(), market::hour);
  const std::chrono::nanoseconds wait(left * life_speed / config_.speed);
  wake_in(std::clamp<std::chrono::nanoseconds>(wait, shortest_wait, clock_interval));
}

void replay_conductor_state::wake_in(std::chrono::nanoseconds d) {
  self_->delayed_send(me(), d, messages::timeout_atom_v, ++timer_);
}

void replay_conductor_state::tell_clock(bool changed) {
  const auto now = wall();
  if (!changed && now - told_clock_ < clock_interval) return;
  told_clock_ = now;
  replay_news news;
  news.what = replay_news::what::clock;
  news.clock = clock_json();
  news.state_changed = changed;
  tell_hub(std::move(news));
}

void replay_conductor_state::tell_hub(replay_news news) {
  if (const auto& hub = hub_.get())
    self_->send(hub,
                messages::replay_news_ptr(std::make_shared<const replay_news>(std::move(news))));
}

std::string_view replay_conductor_state::state_name() const {
  if (phase_ == phase::over) return "stopped";
  if (journey_) return journey_->moved ? "seeking" : "preparing";
  switch (play_) {
    case play::playing:
      return "playing";
    case play::paused:
      return "paused";
    case play::ended:
      break;
  }
  return "ended";
}

std::string replay_conductor_state::clock_json() const {
  std::string out;
  protocol::put(out, "{\"time\":", virtual_now() / market::microsecond);
  protocol::put_name(out, ",\"state\":", state_name());
  out += ",\"speed\":" + speed_text(config_.speed);
  if (journey_) protocol::put(out, ",\"going_to\":", journey_->to / market::microsecond);
  if (play_ == play::ended && !end_cause_.empty()) {
    out += ",\"cause\":";
    protocol::append_text(out, end_cause_);
  }
  return out + "}";
}

std::string replay_conductor_state::status_json() const {
  std::string out = "{\"id\":\"" + config_.id + "\"";
  protocol::put(out, ",\"from\":", config_.from / market::microsecond);
  protocol::put(out, ",\"to\":", config_.to / market::microsecond);
  protocol::put(out, ",\"subscribers\":", static_cast<std::int64_t>(config_.line->members()));
  out += ",\"timeframes\":[";
  for (const auto& tf : config_.timeframes)
    out += (&tf == config_.timeframes.data() ? "\"" : ",\"") + market::to_string(tf) + "\"";
  return out + "],\"clock\":" + clock_json() + "}";
}

record::position replay_conductor_state::top_of(std::size_t timeframe) const {
  const auto tops = config_.journal->outputs()->stream_tops(
      record::final_bars_stream(market::to_string(config_.timeframes[timeframe])));
  return tops ? tops->appended : record::position{};
}

// -- the end -------------------------------------------------------------------------------------

void replay_conductor_state::look_after() {
  if (phase_ == phase::over) return;
  if (config_.line->members() != 0 || step_) used_ = wall();
  if (wall() - used_ >= config_.idle) {
    over("stopped", "nobody took part in it for web.replay_idle");
    return;
  }
  self_->delayed_send(me(), look_interval, messages::timeout_atom_v, look_timer);
}

void replay_conductor_state::fail(const std::string& cause) {
  over("failed", cause);
}

void replay_conductor_state::over(const std::string& state, const std::string& cause) {
  if (std::exchange(phase_, phase::over) == phase::over) return;
  if (step_) {
    auto s = std::exchange(step_, std::nullopt);
    answers_.push_back(s->answer);
  }
  for (auto& a : std::exchange(answers_, {}))
    a.deliver(messages::to_caf({errc::unavailable, "the replay is over: " + cause}));
  config_.on_over(state, cause);
}

replay_conductor_actor::behavior_type replay_conductor(
    replay_conductor_actor::stateful_pointer<replay_conductor_state> self,
    replay_conductor_config config) {
  messages::install_handlers(self, replay_conductor_state::name);
  return self->state.start(self, std::move(config));
}

}  // namespace artham::actors

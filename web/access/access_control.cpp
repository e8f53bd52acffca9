#include "web/access/access_control.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include <sodium.h>
#include <spdlog/spdlog.h>

#include "runtime/log.hpp"
#include "web/access/password.hpp"

namespace artham::web {

namespace {

constexpr std::size_t queued_store_calls = 64;
constexpr std::size_t queued_logins = 16;
constexpr std::size_t queued_events = 1024;
constexpr std::size_t known_name_at_most = 64;
constexpr std::chrono::milliseconds tick{100};
constexpr int ticks_between_uses = 100;
constexpr int most_renewals = 1;

std::string_view name_of(denial::reason r) {
  constexpr std::array<std::string_view, 8> names{"missing",   "wrong", "revoked",   "expired",
                                                  "throttled", "full",  "forbidden", "not_ready"};
  return names.at(static_cast<std::size_t>(r));
}

/// A name that a client made up, for logs.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, known_name_at_most));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return out;
}

const denial not_ready{denial::reason::not_ready,
                       "who may connect is not known yet: the store does not answer; try again"};
const denial too_many_failures{
    denial::reason::throttled,
    "too many wrong keys and passwords from this address; try again in a minute"};
const denial wrong{denial::reason::wrong,
                   "no key or ticket of this place; artham key add makes one"};

}  // namespace

std::string identity::owner() const {
  switch (is) {
    case kind::key:
      return "key:" + std::to_string(id);
    case kind::user:
      return "user:" + std::to_string(id);
    default:
      return "anybody";
  }
}

std::string identity::text() const {
  switch (is) {
    case kind::key:
      return "key " + std::to_string(id) + " " + name;
    case kind::user:
      return "user " + name;
    default:
      return "anybody";
  }
}

access_control::access_control(access_options options, std::unique_ptr<store::access> from,
                               runtime::metrics& metrics)
    : options_(std::move(options)),
      store_(std::move(from)),
      metrics_(metrics),
      failures_(options_.failures_per_minute) {}

result<std::shared_ptr<access_control>> access_control::start(access_options options,
                                                              std::unique_ptr<store::access> from,
                                                              runtime::metrics& metrics) {
  if (sodium_init() < 0) return fail(errc::io, "libsodium cannot be used here");
  std::shared_ptr<access_control> a(
      new access_control(std::move(options), std::move(from), metrics));
  std::error_code ec;
  a->closed_before_ =
      !a->options_.marker.empty() && std::filesystem::exists(a->options_.marker, ec);
  a->poll();
  {
    const std::lock_guard lock(a->mutex_);
    if (a->known_ == nullptr && a->options_.mode != access_mode::open)
      runtime::log().warn("who may connect is not known: the store does not answer yet");
  }
  a->store_thread_ = std::make_unique<runtime::worker>("access-store", queued_store_calls);
  a->password_thread_ = std::make_unique<runtime::worker>("access-login", queued_logins);
  a->clock_ = std::thread([raw = a.get()] { raw->run(); });
  return a;
}

access_control::~access_control() {
  stop();
}

void access_control::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  wake_.notify_all();
  if (clock_.joinable()) clock_.join();
  if (password_thread_) password_thread_->stop();
  if (!store_thread_) return;
  static_cast<void>(store_thread_->post([this] { write_notes(true); }));
  store_thread_->stop();
}

void access_control::run() {
  auto next_poll = std::chrono::steady_clock::now();
  int ticks = 0;
  for (;;) {
    bool polls = false;
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, std::min(tick, options_.poll), [this] { return stopping_; })) return;
      const auto now = std::chrono::steady_clock::now();
      // One at a time: a store that does not answer is not asked more and more.
      polls = now >= next_poll && !polling_;
      if (polls) {
        polling_ = true;
        next_poll = now + options_.poll;
      }
    }
    const bool notes = ++ticks % ticks_between_uses == 0;
    if (polls && !store_thread_->post([this, notes] {
          poll();
          write_notes(notes);
          const std::lock_guard lock(mutex_);
          polling_ = false;
        })) {
      const std::lock_guard lock(mutex_);
      polling_ = false;
    }
    look_at_visitors();
  }
}

void access_control::poll() {
  const auto failed = [this](const error& e) {
    const std::lock_guard lock(mutex_);
    metrics_.counter("artham_access_store_errors_total", "Looks at who may connect that failed.")
        .add();
    if (!std::exchange(store_failed_, true))
      runtime::log().warn("who may connect cannot be read, what was known last counts: {}",
                          e.message);
  };
  const auto version = store_->version();
  if (!version) return failed(version.error());
  bool changed = false;
  bool signs = false;
  {
    const std::lock_guard lock(mutex_);
    changed = known_ == nullptr || known_->list.version != *version;
    signs = !signing_.empty();
    if (std::exchange(store_failed_, false)) runtime::log().info("who may connect is read again");
  }
  if (!signs) {
    auto secret = store_->ticket_secret(random_text());
    if (!secret) return failed(secret.error());
    const std::lock_guard lock(mutex_);
    signing_ = runtime::secret(std::move(*secret));
  }
  if (!changed) return;
  auto list = store_->list();
  if (!list) return failed(list.error());
  if (auto taken = take(std::move(*list)); !taken) failed(taken.error());
}

result<void> access_control::take(store::access_list list) {
  auto k = std::make_shared<known>();
  for (const auto& key : list.keys) k->keys.emplace(key.id, key);
  for (const auto& u : list.users) k->users.emplace(u.id, u);
  for (const auto& t : list.ended) k->ended.insert(t.id);
  const bool somebody = !list.keys.empty() || !list.users.empty();
  k->list = std::move(list);
  bool marks = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& key : k->list.keys) {
      if (key.revoked == 0 || known_ == nullptr) continue;
      const auto before = known_->keys.find(key.id);
      if (before != known_->keys.end() && before->second.revoked == 0)
        runtime::log().info("key {} {} was revoked", key.id, printable(key.name));
    }
    known_ = std::move(k);
    marks = somebody && !closed_before_ && !options_.marker.empty();
    closed_before_ = somebody;
  }
  if (!marks) return {};
  std::ofstream file(options_.marker);
  if (!file.flush()) {
    return fail(errc::io, options_.marker.string() +
                              " cannot be written: without it, a restart while the store is away "
                              "would let anybody in");
  }
  return {};
}

access_control::known_ptr access_control::know() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

bool access_control::required() const {
  if (options_.mode != access_mode::automatic) return options_.mode == access_mode::keys;
  const std::lock_guard lock(mutex_);
  // Revoked ones count: the last key that goes does not open the door.
  return !options_.trusted_address || closed_before_;
}

granted<identity> access_control::find(std::string_view credential) const {
  known_ptr k;
  runtime::secret signing;
  {
    const std::lock_guard lock(mutex_);
    k = known_;
    signing = signing_;
  }
  if (k == nullptr) return tl::unexpected(not_ready);
  identity who;
  if (const auto parts = parse_key(credential)) {
    const auto it = k->keys.find(parts->id);
    const auto hash = hash_of(parts->secret);
    if (it == k->keys.end() || !is_same(hash, it->second.hash)) return tl::unexpected(wrong);
    who.is = identity::kind::key;
    who.id = it->second.id;
    who.name = it->second.name;
    who.scopes = it->second.scopes;
  } else if (const auto t = signing.empty() ? std::nullopt : parse_ticket(credential, signing)) {
    who.is = identity::kind::user;
    who.id = t->user;
    who.ticket = t->id;
    who.expires = t->expires;
    who.renewals = t->renewals;
    const auto it = k->users.find(t->user);
    if (it == k->users.end()) return tl::unexpected(wrong);
    who.name = it->second.name;
    who.scopes = it->second.scopes;
  } else {
    return tl::unexpected(wrong);
  }
  if (auto good = still(who); !good) return tl::unexpected(good.error());
  return who;
}

granted<void> access_control::still(const identity& who) const {
  const auto k = know();
  if (who.is == identity::kind::anybody) {
    if (!required()) return {};
    return tl::unexpected(
        denial{denial::reason::missing, "a key is needed here now: artham key add makes one"});
  }
  if (k == nullptr) return tl::unexpected(not_ready);
  if (who.is == identity::kind::key) {
    const auto it = k->keys.find(who.id);
    if (it != k->keys.end() && it->second.revoked == 0) return {};
    return tl::unexpected(denial{denial::reason::revoked, "the key was revoked"});
  }
  const auto it = k->users.find(who.id);
  if (it == k->users.end() || it->second.disabled != 0)
    return tl::unexpected(denial{denial::reason::revoked, "the user was removed"});
  const bool ended = k->ended.contains(who.ticket) || [&] {
    const std::lock_guard lock(mutex_);
    return ended_here_.contains(who.ticket);
  }();
  if (ended || who.expires <= options_.now()) {
    return tl::unexpected(
        denial{denial::reason::expired, ended ? "the ticket was given back; log in again"
                                              : "the ticket has expired; log in again"});
  }
  return {};
}

bool access_control::throttled(const std::string& address) {
  const std::lock_guard lock(mutex_);
  return !failures_.allows(neighbour_of(address), std::chrono::steady_clock::now());
}

denial access_control::deny(denial d, const std::string& address, const std::string& who,
                            std::string_view what) {
  metrics_
      .counter("artham_access_refused_total", "Who was not let in, by reason.",
               {{"reason", std::string(name_of(d.why))}})
      .add();
  if (d.why != denial::reason::wrong && d.why != denial::reason::revoked &&
      d.why != denial::reason::expired) {
    return d;
  }
  // A guess; what was good once is none.
  bool last = false;
  if (d.why == denial::reason::wrong) {
    const std::lock_guard lock(mutex_);
    last = failures_.failed(neighbour_of(address), std::chrono::steady_clock::now());
  }
  note(who, what, address, std::string(name_of(d.why)));
  if (last) note(who, what, address, "throttled for a minute");
  return d;
}

granted<identity> access_control::check(std::string_view credential, const std::string& address) {
  // Whoever has a good key comes in whatever others behind the same address do: keys cannot be
  // guessed, passwords can.
  auto who = find(credential);
  if (!who && throttled(address))
    return tl::unexpected(deny(too_many_failures, address, {}, "access"));
  if (!who) {
    const auto parts = parse_key(credential);
    return tl::unexpected(deny(who.error(), address,
                               parts ? "key " + std::to_string(parts->id) : std::string(),
                               "access"));
  }
  if (who->is == identity::kind::key) {
    const std::lock_guard lock(mutex_);
    used_.insert_or_assign(who->id, options_.now());
  }
  return who;
}

void access_control::note_refused(const identity& who, const std::string& address,
                                  std::string_view what) {
  metrics_
      .counter("artham_access_refused_total", "Who was not let in, by reason.",
               {{"reason", "scope"}})
      .add();
  note(who.text(), "access", address, "no scope for " + std::string(what));
}

denial access_control::nothing_shown() {
  return deny(
      {denial::reason::missing,
       "a key or a ticket is needed: Authorization: Bearer <key>; artham key add makes one"},
      {}, {}, "access");
}

void access_control::log_in(const std::string& user, runtime::secret password,
                            const std::string& address, std::function<void(granted<login>)> done) {
  if (throttled(address)) {
    return done(tl::unexpected(deny(too_many_failures, address, {}, "login")));
  }
  const auto k = know();
  if (k == nullptr) return done(tl::unexpected(deny(not_ready, address, {}, "login")));
  std::optional<store::user> found;
  for (const auto& [id, u] : k->users)
    if (u.disabled == 0 && u.name == user) found = u;
  auto shared = std::make_shared<std::function<void(granted<login>)>>(std::move(done));
  const bool taken =
      password_thread_->post([this, shared, found, user, address, password = std::move(password)] {
        // Failures that came before this one in the queue count.
        if (throttled(address)) {
          return (*shared)(tl::unexpected(deny(too_many_failures, address, {}, "login")));
        }
        // Nobody learns from the time it takes which names there are.
        static const auto nobody = hash_password(runtime::secret(random_text())).value_or("");
        const bool right = is_password(found ? found->password_hash : nobody, password);
        if (!found || !right) {
          return (*shared)(
              tl::unexpected(deny({denial::reason::wrong, "no user of that name has that password"},
                                  address, "user " + printable(user), "login")));
        }
        note("user " + found->name, "login", address, "ok");
        (*shared)(ticket_for(*found, 0));
      });
  if (!taken) {
    (*shared)(tl::unexpected(
        deny({denial::reason::not_ready, "too many log in now; try again"}, address, {}, "login")));
  }
}

login access_control::ticket_for(const store::user& u, int renewals) {
  ticket t;
  t.user = u.id;
  t.expires = options_.now() + options_.ticket_life.count();
  t.renewals = renewals;
  t.id = random_text();
  const std::lock_guard lock(mutex_);
  return {sign_ticket(t, signing_),
          {identity::kind::user, u.id, u.name, u.scopes, t.id, t.expires, renewals}};
}

granted<login> access_control::renew(const identity& who, const std::string& address) {
  if (who.is != identity::kind::user || who.renewals >= most_renewals) {
    return tl::unexpected(
        deny({denial::reason::expired, who.is == identity::kind::user
                                           ? "the ticket was renewed already; log in again"
                                           : "only tickets are renewed"},
             address, who.text(), "renewal"));
  }
  const auto k = know();
  const auto it = k->users.find(who.id);
  if (it == k->users.end()) return tl::unexpected(wrong);
  end_ticket(who.ticket, who.expires);
  note(who.text(), "renewal", address, "ok");
  return ticket_for(it->second, who.renewals + 1);
}

void access_control::log_out(const identity& who, const std::string& address) {
  if (who.is != identity::kind::user) return;
  end_ticket(who.ticket, who.expires);
  note(who.text(), "logout", address, "ok");
}

/// At once here; at the other gateways as soon as the store has it.
void access_control::end_ticket(const std::string& id, std::int64_t expires) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = options_.now();
    std::erase_if(ended_here_, [now](const auto& t) { return t.second <= now; });
    ended_here_.emplace(id, expires);
  }
  const bool taken = store_thread_->post([this, id, expires] {
    if (auto done = store_->end_ticket({id, expires}, options_.now()); !done)
      runtime::log().warn(
          "a ticket that was given back is good at other gateways until it expires: {}",
          done.error().message);
  });
  if (!taken)
    runtime::log().warn(
        "a ticket that was given back is good at other gateways until it expires: the store does "
        "not keep up");
}

void access_control::note(std::string who, std::string_view what, const std::string& address,
                          std::string outcome) {
  runtime::log().info("access: {} {} from {}: {}", who.empty() ? "somebody" : who, what, address,
                      outcome);
  const std::lock_guard lock(mutex_);
  if (events_.size() >= queued_events) {
    metrics_
        .counter("artham_access_events_lost_total",
                 "Events that were logged, and not noted in the store.")
        .add();
    return;
  }
  events_.push_back(
      {options_.now(), std::move(who), std::string(what), address, std::move(outcome)});
}

void access_control::write_notes(bool uses_too) {
  std::vector<store::access_event> events;
  std::vector<store::access::use> uses;
  {
    const std::lock_guard lock(mutex_);
    events.assign(std::make_move_iterator(events_.begin()), std::make_move_iterator(events_.end()));
    events_.clear();
    if (uses_too) {
      for (const auto& [id, at] : used_) uses.push_back({id, at});
      used_.clear();
    }
  }
  const auto keep = [&] {
    const std::lock_guard lock(mutex_);
    for (const auto& u : uses) used_.emplace(u.id, u.at);
    // In front of what came meanwhile.
    for (auto it = events.rbegin(); it != events.rend() && events_.size() < queued_events; ++it)
      events_.push_front(std::move(*it));
  };
  if (!events.empty()) {
    if (!store_->note(events, options_.events_kept)) return keep();
    events.clear();
  }
  if (!uses.empty() && !store_->used(uses)) keep();
}

granted<access_control::place> access_control::take_place(const identity& who) {
  if (who.is == identity::kind::anybody) return place{};
  const auto name = who.text();
  const std::lock_guard lock(mutex_);
  auto& open = sessions_[name];
  if (open >= options_.max_sessions_per_key) {
    return tl::unexpected(
        denial{denial::reason::full,
               "web.max_sessions_per_key = " + std::to_string(options_.max_sessions_per_key) +
                   " sessions of this key are open; close one"});
  }
  ++open;
  return place(this, [self = weak_from_this(), name](const void*) {
    const auto there = self.lock();
    if (!there) return;
    const std::lock_guard guard(there->mutex_);
    const auto it = there->sessions_.find(name);
    if (it != there->sessions_.end() && --it->second == 0) there->sessions_.erase(it);
  });
}

void access_control::visits(const std::shared_ptr<visitor>& v) {
  const std::lock_guard lock(mutex_);
  visitors_.push_back(v);
}

void access_control::look_at_visitors() {
  std::vector<std::shared_ptr<visitor>> all;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(visitors_, [](const auto& v) { return v.expired(); });
    for (const auto& v : visitors_)
      if (auto there = v.lock()) all.push_back(std::move(there));
  }
  for (const auto& v : all) v->look();
}

}  // namespace artham::web

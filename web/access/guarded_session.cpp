#include "web/access/guarded_session.hpp"

#include <utility>

#include "messages/protocol/command.hpp"
#include "web/access/credential.hpp"
#include "web/access/rules.hpp"

namespace artham::web {

namespace {

using protocol::code;
using reason = denial::reason;

code code_of(reason r) {
  switch (r) {
    case reason::throttled:
    case reason::full:
      return code::too_many_attempts;
    case reason::not_ready:
      return code::unavailable;
    case reason::forbidden:
      return code::forbidden;
    default:
      return code::unauthorized;
  }
}

protocol::close close_of(reason r) {
  switch (r) {
    case reason::revoked:
    case reason::forbidden:
      return protocol::close::revoked;
    case reason::throttled:
    case reason::full:
      return protocol::close::too_many;
    case reason::not_ready:
      return protocol::close::try_again;
    default:
      return protocol::close::unauthorized;
  }
}

}  // namespace

granted<identity> identify(access_control& access, std::string_view credential,
                           const std::string& path, const std::string& address) {
  auto who = access.check(credential, address);
  if (!who) return who;
  const auto needed = needed_scope("GET", path);
  if (who->may(needed)) return who;
  access.note_refused(*who, address, path);
  return tl::unexpected(
      denial{denial::reason::forbidden, "this needs the scope '" +
                                            store::scopes_text(static_cast<std::uint8_t>(needed)) +
                                            "', which the key does not have"});
}

guarded_session::guarded_session(messages::gateway& inner, std::shared_ptr<access_control> access,
                                 std::shared_ptr<messages::client> client, messages::opening how)
    : inner_(inner),
      access_(std::move(access)),
      how_(std::move(how)),
      address_(how_.address),
      path_(how_.path),
      deadline_(std::chrono::steady_clock::now() + access_->options().auth_timeout),
      client_(std::move(client)) {}

void guarded_session::begin(opened done) {
  const auto self = std::shared_ptr<messages::session>(shared_from_this());
  if (const auto name = credential_in_query(path_, how_.query)) {
    done(self);
    return end(protocol::close::unauthorized,
               "a key in the address is seen in logs: send it with auth");
  }
  const auto credential = credential_of(path_, how_.authorization, how_.query);
  if (!access_->required()) {
    identity anybody;
    anybody.scopes = store::all_scopes;
    // Whoever shows a key may stay when one is needed later.
    auto who = looks_like_credential(credential.reveal())
                   ? identify(*access_, credential.reveal(), path_, address_)
                   : granted<identity>(anybody);
    if (!who || !take_place(std::move(*who))) static_cast<void>(take_place(std::move(anybody)));
    return open_inner(std::move(done));
  }
  if (credential.empty()) {
    done(self);
    // Kite's protocol has no way to say it later.
    if (is_kite(path_)) end(protocol::close::unauthorized, access_->nothing_shown().message);
    return;
  }
  auto who = identify(*access_, credential.reveal(), path_, address_);
  const auto taken = who ? take_place(std::move(*who)) : tl::unexpected(who.error());
  if (taken) return open_inner(std::move(done));
  done(self);
  end(close_of(taken.error().why), taken.error().message);
}

/// From now on this is whose session it is.
granted<void> guarded_session::take_place(identity who) {
  auto place = access_->take_place(who);
  if (!place) return tl::unexpected(place.error());
  const std::lock_guard lock(mutex_);
  who_ = std::move(who);
  // The place of whose it was is free when the lock is.
  place_.swap(*place);
  return {};
}

void guarded_session::open_inner(opened done) {
  std::shared_ptr<messages::client> client;
  {
    const std::lock_guard lock(mutex_);
    if (stage_ != stage::ended) {
      stage_ = stage::opening;
      client = client_;
      how_.owner = who_.owner();
    }
  }
  if (!client) return done(std::shared_ptr<messages::session>(shared_from_this()));
  inner_.open(std::move(client), std::move(how_),
              [self = shared_from_this(),
               done = std::move(done)](result<std::shared_ptr<messages::session>> s) {
                if (!s) return done(tl::unexpected(s.error()));
                bool ended = false;
                {
                  const std::lock_guard lock(self->mutex_);
                  ended = self->stage_ == stage::ended;
                  if (!ended) {
                    self->stage_ = stage::open;
                    self->session_ = *s;
                  }
                }
                if (ended) (*s)->on_closed();
                done(std::shared_ptr<messages::session>(self));
              });
}

std::shared_ptr<messages::session> guarded_session::inner_session() {
  const std::lock_guard lock(mutex_);
  return session_;
}

void guarded_session::on_command(std::string text) {
  const auto inner = inner_session();
  if (!is_kite(path_)) {
    if (const auto auth = protocol::parse_auth(text)) {
      if (!*auth) return reply(protocol::error_reply(auth->error()));
      return authenticate(**auth);
    }
  }
  if (inner) return inner->on_command(std::move(text));
  answer_before(text);
}

void guarded_session::on_binary_command(std::string bytes) {
  if (const auto inner = inner_session()) return inner->on_binary_command(std::move(bytes));
  answer_before(bytes);
}

void guarded_session::on_drained() {
  if (const auto inner = inner_session()) inner->on_drained();
}

void guarded_session::on_closed() {
  std::shared_ptr<messages::session> inner;
  std::shared_ptr<messages::client> client;
  access_control::place place;
  {
    const std::lock_guard lock(mutex_);
    stage_ = stage::ended;
    inner.swap(session_);
    client.swap(client_);
    place.swap(place_);
  }
  if (inner) inner->on_closed();
}

void guarded_session::answer_before(const std::string& text) {
  const auto c = protocol::parse_command(text);
  if (!c) return reply(protocol::error_reply(c.error()));
  if (c->what == protocol::command::op::ping)
    return reply("{\"id\":" + c->id + ",\"ok\":true,\"op\":\"pong\"}");
  reply(protocol::error_reply(
      {c->id, code::unauthorized, "first {\"op\":\"auth\",\"key\":\"...\"}, or \"ticket\""}));
}

void guarded_session::authenticate(const protocol::auth_command& c) {
  auto who = identify(*access_, c.credential, path_, address_);
  if (!who) return refuse(c.id, who.error());
  bool is_open = false;
  bool same = false;
  {
    const std::lock_guard lock(mutex_);
    if (stage_ == stage::ended) return;
    is_open = stage_ == stage::open;
    same = is_open && who_.text() == who->text();
    if (same) who_ = *who;
  }
  auto answer = "{\"id\":" + c.id + ",\"ok\":true,\"op\":\"auth\",\"scopes\":\"" +
                store::scopes_text(who->scopes) + "\"}";
  if (!same) {
    if (const auto taken = take_place(std::move(*who)); !taken) return refuse(c.id, taken.error());
  }
  if (is_open) return reply(std::move(answer));
  open_inner([self = shared_from_this(),
              answer = std::move(answer)](const result<std::shared_ptr<messages::session>>& s) {
    if (s) return self->reply(answer);
    self->end(protocol::close::try_again, s.error().message);
  });
}

void guarded_session::refuse(const std::string& id, const denial& d) {
  reply(protocol::error_reply({id, code_of(d.why), d.message}));
  if (d.why == reason::throttled || d.why == reason::full) end(close_of(d.why), d.message);
}

void guarded_session::reply(std::string text) {
  std::shared_ptr<messages::client> client;
  bool is_open = false;
  {
    const std::lock_guard lock(mutex_);
    client = client_;
    is_open = stage_ == stage::open;
  }
  if (!client) return;
  const bool sent = client->send(std::make_shared<const std::string>(std::move(text)));
  if (!sent && !is_open) return end(protocol::close::too_slow, "answers are not read");
  client->next_command();
}

void guarded_session::end(protocol::close code, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (stage_ == stage::ended) return;
  stage_ = stage::ended;
  if (client_) client_->close(static_cast<std::uint16_t>(code), reason);
}

void guarded_session::look() {
  identity who;
  {
    const std::lock_guard lock(mutex_);
    if (stage_ == stage::waiting && std::chrono::steady_clock::now() < deadline_) return;
    if (stage_ == stage::opening || stage_ == stage::ended) return;
    if (stage_ == stage::open) who = who_;
  }
  if (who.scopes == 0)
    return end(protocol::close::unauthorized, "no auth came within web.auth_timeout");
  if (const auto good = access_->still(who); !good)
    end(close_of(good.error().why), good.error().message);
}

}  // namespace artham::web

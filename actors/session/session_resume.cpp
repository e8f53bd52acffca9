#include <utility>

#include <caf/send.hpp>

#include "actors/session/key_parts.hpp"
#include "actors/session/session.hpp"
#include "actors/session/text_batch.hpp"

namespace artham::actors {

using messages::batch;
using protocol::code;

namespace {

/// Without the messages of some keys.
messages::batch_ptr without(const batch& b, const std::set<std::uint64_t>& keys) {
  auto rest = std::make_shared<batch>();
  std::string bytes;
  for (const auto& i : b.items) {
    if (keys.contains(i.key)) continue;
    rest->items.push_back({i.key, static_cast<std::uint32_t>(bytes.size()), i.size, i.kind});
    bytes.append(*b.bytes, i.offset, i.size);
  }
  rest->bytes = std::make_shared<const std::string>(std::move(bytes));
  return rest;
}

}  // namespace

void session_state::resume(std::shared_ptr<messages::subscribe_request> request,
                           const protocol::command& c) {
  const auto no = [&](code why, const std::string& message) { refuse({c.id, why, message}); };
  if (!config_.catch_up) {
    no(code::bad_request, "nothing can be gone on with here; subscribe without \"from\"");
    return;
  }
  auto from = config_.catch_up->tokens().decode(*c.from);
  if (!from) {
    no(code::bad_request, from.error().message);
    return;
  }
  // A client that wants the newest values only has no use for those that it missed.
  const bool values = !c.policy || *c.policy == protocol::delivery::all;
  std::vector<catch_up::wanted> keys;
  for (const auto& w : request->keys) {
    if (is_system(w.key)) continue;
    keys.push_back({w.key, make_style(request->format, request->times, w.text), values});
  }
  auto reader = config_.catch_up->begin(std::move(keys), std::move(*from));
  if (!reader) {
    no(code::unavailable, "too many clients are catching up; try again");
    return;
  }
  resumption r;
  r.number = ++resumptions_;
  r.from = *c.from;
  r.reader = std::move(reader);
  r.request = std::move(request);
  r.request->resumption = r.number;
  r.added = std::exchange(asked_, {});
  resuming_ = std::move(r);
  answered();
  read_missed();
}

void session_state::read_missed() {
  const auto number = resuming_->number;
  const bool posted = config_.catch_up->read(
      resuming_->reader, resuming_->until,
      [number, me = messages::session_actor{self_}](result<catch_up::step> step) {
        auto m = std::make_shared<messages::missed>();
        m->number = number;
        if (step) {
          m->found = std::move(step->found);
          m->at_end = step->at_end;
        } else {
          m->error = step.error().message;
        }
        caf::anon_send(me, messages::missed_ptr(std::move(m)));
      });
  if (!posted) fail_resuming("the gateway is stopping");
}

void session_state::on_missed(const messages::missed& m) {
  if (closed_ || !resuming_ || resuming_->number != m.number) return;
  if (!m.error.empty()) {
    fail_resuming(m.error);
    return;
  }
  resuming_->piece = m.found;
  resuming_->at_end = m.at_end;
  if (!resuming_->piece && !m.at_end) {
    read_missed();
    return;
  }
  go_on_resuming();
}

/// Sends what was read, and has what follows read when the socket has taken it.
void session_state::go_on_resuming() {
  auto& r = *resuming_;
  if (r.piece && !r.left.empty()) {
    r.piece = without(*r.piece, r.left);
    if (r.piece->items.empty()) r.piece.reset();
  }
  if (r.piece) {
    if (full_) return;
    if (!config_.client->send_frames(
            {r.piece->bytes, 0, r.piece->bytes->size(), r.piece->items.size()})) {
      fill();
      return;
    }
    pushed_ += r.piece->items.size();
    r.piece.reset();
  }
  if (!r.at_end) {
    read_missed();
    return;
  }
  if (r.at == stage::reading) {
    r.at = stage::joining;
    const auto& hub = hub_.get();
    if (!hub) {
      fail_resuming("the hub is being restarted; try again");
      return;
    }
    for (auto& w : r.request->keys) w.expired = r.reader->expired(w.key);
    self_->send(hub, messages::subscribe_request_ptr(r.request));
    return;
  }
  if (r.at == stage::joining) return;
  resumed_total_->add();
  resuming_.reset();
  flush();
  carry_out_waiting();
}

void session_state::fail_resuming(const std::string& why) {
  if (resuming_->at == stage::finishing) {
    close(protocol::close::cannot_catch_up, why);
    return;
  }
  const auto no =
      text_batch(protocol::error_reply({resuming_->request->id, code::unavailable, why}),
                 batch::origin::refusal);
  no->resumption = resuming_->number;
  on_batch(no);
}

bool session_state::has_to_wait(protocol::command::op what) const {
  using op = protocol::command::op;
  if (!resuming_) return false;
  return what == op::sub || (what == op::unsub && resuming_->at != stage::reading);
}

void session_state::carry_out_waiting() {
  if (closed_ || resuming_ || !waiting_) return;
  const auto c = *std::exchange(waiting_, std::nullopt);
  carry_out(c);
}

void session_state::leave_out(std::uint64_t key) {
  if (!resuming_) return;
  std::erase_if(resuming_->request->keys, [key](const auto& w) { return w.key == key; });
  resuming_->left.insert(key);
}

}  // namespace artham::actors

#include "supervisors/cluster/exchange.hpp"

#include <algorithm>
#include <utility>

namespace artham::supervisors {
namespace {

bool has_role(const messages::member& m, std::string_view role) {
  return std::find(m.roles.begin(), m.roles.end(), role) != m.roles.end();
}
bool takes_demand(const messages::member& m) {
  return has_role(m, "ingest");
}
bool takes_watch(const messages::member& m) {
  return has_role(m, "bars") || has_role(m, "features");
}

}  // namespace

exchange::exchange(node_self::pointer self, const membership& members, cluster_times times,
                   std::shared_ptr<detail::control_state> state)
    : self_(self), members_(members), times_(times), state_(std::move(state)) {
  on_own();
}

template <class Message, class Item>
void exchange::tell(const kind<Message, Item>& k, const messages::node_control_actor& to) {
  if (k.own.number == 0) return;
  self_->send(to, Message{members_.me().node, members_.me().life, k.own.number, k.own.items});
}

template <class Message, class Item>
void exchange::tell_all(kind<Message, Item>& k, time_point now,
                        bool (*wanted_by)(const messages::member&)) {
  if (k.told == k.own.number || now - k.told_at < times_.conflate) return;
  for (const auto& [node, p] : members_.peers()) {
    if (p.present() && wanted_by(p.who)) tell(k, p.handle);
  }
  k.told = k.own.number;
  k.told_at = now;
}

template <class Message, class Item>
void exchange::see(kind<Message, Item>& k, const messages::member_event& event) {
  switch (event.what) {
    case messages::member_change::joined:
    case messages::member_change::back:
      k.gathered.present(event.who.node, event.who.life);
      break;
    case messages::member_change::gone:
    case messages::member_change::forgotten:
      k.gathered.away(event.who.node, self_->clock().now());
      break;
  }
}

void exchange::on_member(const messages::member_event& event, const peer& p) {
  see(demand_, event);
  see(watch_, event);
  if (p.present()) {
    if (takes_demand(p.who)) tell(demand_, p.handle);
    if (takes_watch(p.who)) tell(watch_, p.handle);
  }
  if (state_) state_->members.tell(event);
}

bool exchange::is_of_old_life(const std::string& node, const std::string& life) const {
  const auto p = members_.peers().find(node);
  return p != members_.peers().end() && p->second.present() && p->second.who.life != life;
}

template <class Message, class Item>
void exchange::gather(kind<Message, Item>& k, Message m) {
  if (is_of_old_life(m.node, m.life)) return;
  k.gathered.put(m.node, m.life, m.number, std::move(m.wanted), self_->clock().now());
  const auto p = members_.peers().find(m.node);
  if (p != members_.peers().end() && p->second.present()) k.gathered.present(m.node, m.life);
  k.changed = true;
}

void exchange::on_demand(messages::demand d) {
  gather(demand_, std::move(d));
}
void exchange::on_watch(messages::watch w) {
  gather(watch_, std::move(w));
}

template <class Message, class Item>
void exchange::take_own(kind<Message, Item>& k, detail::own_wishes<Item> own) {
  if (own.number == k.own.number) return;
  k.own = std::move(own);
  k.gathered.put(members_.me().node, members_.me().life, k.own.number, k.own.items,
                 self_->clock().now());
  k.gathered.present(members_.me().node, members_.me().life);
  k.changed = true;
}

void exchange::on_own() {
  if (!state_) return;
  take_own(demand_, state_->get(&detail::control_state::own_demand));
  take_own(watch_, state_->get(&detail::control_state::own_watch));
}

void exchange::tick(time_point now) {
  tell_all(demand_, now, takes_demand);
  tell_all(watch_, now, takes_watch);
  if (!state_) return;
  if (demand_.gathered.expire(times_.forget_wishes, now) || std::exchange(demand_.changed, false)) {
    state_->demand.tell(demand_.gathered.all());
  }
  if (watch_.gathered.expire(times_.forget_wishes, now) || std::exchange(watch_.changed, false)) {
    state_->watch.tell(watch_.gathered.all());
  }
}

}  // namespace artham::supervisors

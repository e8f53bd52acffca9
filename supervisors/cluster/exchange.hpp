#pragma once

#include <memory>
#include <string>
#include <vector>

#include "messages/cluster.hpp"
#include "supervisors/cluster/control_state.hpp"
#include "supervisors/cluster/membership.hpp"
#include "supervisors/cluster/wishes.hpp"

namespace artham::supervisors {

/// What gateways wish for: tells this node's wishes to those that can fulfil them, and gathers what
/// others wish from this node.
class exchange {
 public:
  exchange(node_self::pointer self, const membership& members, cluster_times times,
           std::shared_ptr<detail::control_state> state);

  void on_member(const messages::member_event& event, const peer& p);
  void on_demand(messages::demand d);
  void on_watch(messages::watch w);
  /// This node's own wishes have changed.
  void on_own();
  void tick(time_point now);

 private:
  /// One kind of wish.
  template <class Message, class Item>
  struct kind {
    wishes<Item> gathered;
    detail::own_wishes<Item> own;
    std::uint64_t told = 0;  ///< the number of the own wishes that the others know
    time_point told_at;
    bool changed = false;  ///< the union may have
  };

  template <class Message, class Item>
  void gather(kind<Message, Item>& k, Message m);
  template <class Message, class Item>
  void tell_all(kind<Message, Item>& k, time_point now, bool (*wanted_by)(const messages::member&));
  template <class Message, class Item>
  void tell(const kind<Message, Item>& k, const messages::node_control_actor& to);
  template <class Message, class Item>
  void see(kind<Message, Item>& k, const messages::member_event& event);
  template <class Message, class Item>
  void take_own(kind<Message, Item>& k, detail::own_wishes<Item> own);
  [[nodiscard]] bool is_of_old_life(const std::string& node, const std::string& life) const;

  node_self::pointer self_;
  const membership& members_;
  cluster_times times_;
  std::shared_ptr<detail::control_state> state_;
  kind<messages::demand, std::uint32_t> demand_;
  kind<messages::watch, messages::watched> watch_;
};

}  // namespace artham::supervisors

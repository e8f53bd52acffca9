#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/type_id.hpp>

// CAF 0.17 takes four arguments, 0.18 and later three: the difference stays here. Texts have at
// most ten characters.
#define ARTHAM_ADD_ATOM(name, text) CAF_ADD_ATOM(artham, artham::messages, name, text)

namespace artham::messages {
struct child_event;
struct cluster_statuses;
struct cluster_trees;
struct demand;
struct member;
struct member_event;
struct member_list;
struct tree_node;
struct watch;
struct welcome;
}  // namespace artham::messages

CAF_BEGIN_TYPE_ID_BLOCK(artham, caf::first_custom_type_id)
ARTHAM_ADD_ATOM(watch_atom, "watch")
ARTHAM_ADD_ATOM(credit_atom, "credit")
ARTHAM_ADD_ATOM(ready_atom, "ready")
ARTHAM_ADD_ATOM(room_atom, "room")
ARTHAM_ADD_ATOM(done_atom, "done")
ARTHAM_ADD_ATOM(checkpoint_atom, "checkpoint")
ARTHAM_ADD_ATOM(command_atom, "command")
ARTHAM_ADD_ATOM(drained_atom, "drained")
ARTHAM_ADD_ATOM(closed_atom, "closed")
ARTHAM_ADD_ATOM(flush_atom, "flush")
ARTHAM_ADD_ATOM(tick_atom, "tick")
ARTHAM_ADD_ATOM(timeout_atom, "timeout")
ARTHAM_ADD_ATOM(open_atom, "open")
ARTHAM_ADD_ATOM(tree_atom, "tree")
ARTHAM_ADD_ATOM(start_child_atom, "startchild")
ARTHAM_ADD_ATOM(stop_child_atom, "stopchild")
ARTHAM_ADD_ATOM(restart_atom, "restart")
ARTHAM_ADD_ATOM(hello_atom, "hello")
ARTHAM_ADD_ATOM(bye_atom, "bye")
ARTHAM_ADD_ATOM(status_atom, "status")
ARTHAM_ADD_ATOM(drain_atom, "drain")
ARTHAM_ADD_ATOM(members_atom, "members")
ARTHAM_ADD_ATOM(everyone_atom, "everyone")
ARTHAM_ADD_ATOM(wishes_atom, "wishes")
ARTHAM_ADD_ATOM(probed_atom, "probed")
CAF_ADD_TYPE_ID(artham, (artham::messages::child_event))
CAF_ADD_TYPE_ID(artham, (artham::messages::cluster_statuses))
CAF_ADD_TYPE_ID(artham, (artham::messages::cluster_trees))
CAF_ADD_TYPE_ID(artham, (artham::messages::demand))
CAF_ADD_TYPE_ID(artham, (artham::messages::member))
CAF_ADD_TYPE_ID(artham, (artham::messages::member_event))
CAF_ADD_TYPE_ID(artham, (artham::messages::member_list))
CAF_ADD_TYPE_ID(artham, (artham::messages::tree_node))
CAF_ADD_TYPE_ID(artham, (artham::messages::watch))
CAF_ADD_TYPE_ID(artham, (artham::messages::welcome))
CAF_END_TYPE_ID_BLOCK(artham)

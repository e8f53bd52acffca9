#include <cstdint>
#include <string>

#include "messages/caf_compat.hpp"
#include "messages/cluster.hpp"
#include "messages/error_categories.hpp"
#include "messages/supervision.hpp"
#include "messages/system.hpp"
#include "messages/type_ids.hpp"

namespace artham::messages {
namespace {

std::string render(std::uint8_t code, caf::atom_value category, const caf::message& context) {
  return error_text({code, category, context});
}

}  // namespace

void register_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::artham>();
  config.add_error_category(error_category, render);
  config.add_error_category(crash_category, render);
}

}  // namespace artham::messages

#include "web/access/guarded_gateway.hpp"

#include <utility>

#include "web/access/guarded_session.hpp"

namespace artham::web {

void guarded_gateway::open(std::shared_ptr<messages::client> c, messages::opening how,
                           std::function<void(result<std::shared_ptr<messages::session>>)> done) {
  const auto session =
      std::make_shared<guarded_session>(inner_, access_, std::move(c), std::move(how));
  access_->visits(session);
  session->begin(std::move(done));
}

}  // namespace artham::web

#pragma once

#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "web/api/replay_request.hpp"
#include "web/server/http.hpp"

namespace artham::web {

/// Why not, as a problem document says it.
struct replay_refusal {
  unsigned status = 500;
  std::string kind;
  std::string title;
  std::string detail;
};

/// Who makes replays. Calls do not block; each is answered once, from any thread, with a JSON
/// document: of a replay, of a list, of what is left of one that was stopped.
class replay_source {
 public:
  using answer = std::function<void(tl::expected<std::string, replay_refusal>)>;
  virtual ~replay_source() = default;
  virtual void start(replay_wish wish, answer done) = 0;
  virtual void list(answer done) = 0;
  virtual void show(const std::string& id, answer done) = 0;
  virtual void tell(const std::string& id, const replay_order& order, answer done) = 0;
};

/// The routes of replays: `/v1/replays` and `/v1/replays/{id}`.
class replay_routes {
 public:
  /// `source` may be null: replays are not offered then. Outlives it.
  explicit replay_routes(replay_source* source) : source_(source) {}
  /// False: not a path of these.
  bool handle(const http_request& q, const responder& respond) const;
  [[nodiscard]] static std::vector<std::string> paths();

 private:
  void all(const http_request& q, const responder& respond) const;
  void one(const http_request& q, const responder& respond, const std::string& id) const;

  replay_source* source_;
};

}  // namespace artham::web

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "market/time.hpp"
#include "runtime/clock.hpp"
#include "runtime/metrics.hpp"
#include "runtime/secret.hpp"
#include "store/alerts.hpp"
#include "web/hook/webhook_client.hpp"

namespace artham::web {

struct webhook_options {
  webhook_client_options client;
  runtime::secret secret;                  ///< what is signed with
  std::size_t in_flight = 16;              ///< at a time
  std::size_t of_one = 4;                  ///< of those, to one receiver: host and port
  std::uint32_t attempts = 20;             ///< then an alert is given up ...
  market::duration give_up = market::day;  ///< ... or when it is that old
  market::duration backoff_min = 2 * market::second;
  market::duration backoff_max = 30 * market::minute;
  std::chrono::milliseconds poll{250};  ///< looks that often what is due
  std::function<std::int64_t()> now = runtime::utc_now;
};

/// `v1=` and the HMAC-SHA256 of `TIMESTAMP.BODY`, hexadecimal.
[[nodiscard]] std::string webhook_signature(const runtime::secret& secret,
                                            const std::string& timestamp, const std::string& body);

/// POSTs alerts until they are answered with 2xx, given up, or somebody else's to send. The queue
/// is the store's: what is claimed here and not settled is due again later, here or elsewhere, so
/// that an alert may come twice, with the same id, and is not lost.
class webhook_sender {
 public:
  /// `from` is this object's alone.
  [[nodiscard]] static result<std::unique_ptr<webhook_sender>> start(
      webhook_options options, std::unique_ptr<store::alert_book> from, runtime::metrics& metrics);
  ~webhook_sender();
  webhook_sender(const webhook_sender&) = delete;
  webhook_sender& operator=(const webhook_sender&) = delete;

  /// There may be something to send. From any thread.
  void look();
  /// Breaks off what is under way; it is sent by whoever looks next.
  void stop();

 private:
  struct ended {
    store::alert_row alert;
    std::string receiver;
    result<unsigned> answer;
  };

  webhook_sender(webhook_options options, std::unique_ptr<store::alert_book> from,
                 std::unique_ptr<webhook_client> client, runtime::metrics& metrics);
  void run();
  void settle(std::vector<ended> answers);
  [[nodiscard]] store::hook_outcome outcome_of(const ended& e);
  void claim();
  /// False: its receiver has as many as it may.
  bool send(const store::alert_row& a);
  void say(const result<void>& outcome);

  webhook_options options_;
  std::unique_ptr<store::alert_book> book_;  ///< the thread's
  std::unique_ptr<webhook_client> client_;
  std::map<std::uint64_t, store::alert_row> sent_;     ///< the thread's: under way
  std::map<std::string, std::size_t> of_receiver_;     ///< the thread's: how many
  std::map<std::string, std::set<std::string>> urls_;  ///< the thread's: seen, by receiver
  std::vector<store::hook_outcome> unsettled_;         ///< the thread's: the store did not answer
  bool store_failed_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ended> ended_;
  bool look_ = false;
  bool stopping_ = false;
  runtime::counter& delivered_;
  runtime::counter& failed_;
  runtime::counter& given_up_;
  runtime::gauge& in_flight_;
  runtime::gauge& pending_;
  std::thread thread_;
};

}  // namespace artham::web

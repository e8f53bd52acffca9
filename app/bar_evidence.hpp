#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "app/journal_rules.hpp"
#include "bridge/bridge.hpp"
#include "feed/feed.hpp"
#include "web/api/bar_evidence.hpp"

namespace artham::app {

/// Proves stored bars by the journal: replays the instrument's trading day up to the bar's cause,
/// under the rules that made the bar, through the journal's index by instrument. Thread-safe; calls
/// block.
class evidence_reader {
 public:
  /// Both outlive it.
  evidence_reader(bridge::bridge& journal, const feed::decoder& decoder)
      : journal_(journal), decoder_(decoder) {}

  /// As web::evidence_source says.
  [[nodiscard]] result<web::bar_evidence> read(market::timeframe tf,
                                               const record::bar_record& stored);
  /// Proofs under way end soon, and later ones at once, with errc::unavailable.
  void stop() { stopping_ = true; }

 private:
  using rules_ptr = std::shared_ptr<const bar_rules>;
  [[nodiscard]] result<rules_ptr> rules_that_made(market::timeframe tf, record::position cause);
  [[nodiscard]] result<rules_ptr> rules_under(const market::config_hashes& hashes);
  [[nodiscard]] result<record::position> first_record() const;
  [[nodiscard]] result<market::tick_key> key_at(record::position at, std::uint32_t token) const;
  [[nodiscard]] result<market::proof_subject> subject_of(const market::bar_plan& plan,
                                                         market::timeframe tf,
                                                         const market::bar& bar) const;

  bridge::bridge& journal_;
  const feed::decoder& decoder_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  market::config_hashes newest_hashes_;  ///< guarded by mutex_, as the next
  rules_ptr newest_;
};

}  // namespace artham::app

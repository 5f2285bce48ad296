#ifndef OMDB_TESTS_EXPLORE_SAFEGUARDS_H_
#define OMDB_TESTS_EXPLORE_SAFEGUARDS_H_

#include <string>
#include <utility>
#include <vector>

namespace omdb::explore {

// What the operator relies on. One that is switched off shows what it is for: stories fail without
// it.
enum class Safeguard {
  kFence,                 // the old leader refuses writes while the replicas are compared
  kEquality,              // a leader moves only when all its followers have every row
  kOffsetsAfterDemotion,  // what was written past the fence is seen before the leader moves
  kTerm,                  // tablets are asked for role and term, whatever the nameserver has
  kLedgerFirst,           // what must be remembered is stored before the action
  kLease,                 // an operator that leads no more changes nothing
  kFormerLeaders,         // one that still accepts writes is seen (H1, H2)
  kOps,                   // an op under way is seen, and waited for (H3, H5)
  kRecoverAgain,          // what RecoverTable failed to bring back is asked for again (H4)
  kRenewSessions,         // a tablet that the nameserver missed registers anew (H6)
};
inline const std::vector<std::pair<Safeguard, std::string>>& AllSafeguards() {
  static const auto* const kAll = new std::vector<std::pair<Safeguard, std::string>>{
      {Safeguard::kFence, "fence"},
      {Safeguard::kEquality, "equality"},
      {Safeguard::kOffsetsAfterDemotion, "offsets-after-demotion"},
      {Safeguard::kTerm, "term"},
      {Safeguard::kLedgerFirst, "ledger-first"},
      {Safeguard::kLease, "lease"},
      {Safeguard::kFormerLeaders, "former-leaders"},
      {Safeguard::kOps, "ops"},
      {Safeguard::kRecoverAgain, "recover-again"},
      {Safeguard::kRenewSessions, "renew-sessions"},
  };
  return *kAll;
}

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_SAFEGUARDS_H_

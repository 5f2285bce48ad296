#ifndef OMDB_CONTROLLERS_ROLLOUT_H_
#define OMDB_CONTROLLERS_ROLLOUT_H_

#include <string>
#include <vector>

#include "controllers/plan.h"

// What the components' rollouts have in common.
namespace omdb {

// What the component's template, and each of its pods, has as spec_hash once it is the wanted one.
std::string WantedHash(const Snapshot& seen, Component component);

// Pods are made from another template than the one wanted.
bool OutdatedTemplate(const Snapshot& seen, Component component);

// The component's pods that were made from another template than the one wanted, by name.
std::vector<const Pod*> OutdatedPods(const Plan& plan, Component component);

// Stores the template of the wanted version: pods that are made from now on are made from it.
void ApplyTemplate(Plan& plan, Component component);

// The component's turn has come: notes the beginning of the rollout in the ledger when it is the
// first, and applies the template of the wanted version. True when the stored template is the
// wanted one.
bool TakeTurn(Plan& plan, Component component);

// "tablet 2/3"
std::string Place(const Plan& plan, Component component);

// The pods of the component that are new run, are ready and report the wanted version. When not,
// says so in `plan` and returns false. A pod that is in trouble and of an older template than the
// wanted one is replaced.
bool NewPodsServe(Plan& plan, Component component);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_ROLLOUT_H_

#ifndef OMDB_OPERATOR_KUBE_RESOURCE_VERSION_H_
#define OMDB_OPERATOR_KUBE_RESOURCE_VERSION_H_

#include "absl/strings/string_view.h"

namespace omdb::kube {

// Whether `a` is a later version than `b` of the same store. Kubernetes called the value opaque for
// long; since 1.35 it promises decimal numbers of any size, which is what etcd's revisions were all
// along. What is no number cannot be ordered and counts as later, so that the last word wins, as it
// would without any comparison.
bool IsLater(absl::string_view a, absl::string_view b);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_RESOURCE_VERSION_H_

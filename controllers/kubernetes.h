#ifndef OMDB_CONTROLLERS_KUBERNETES_H_
#define OMDB_CONTROLLERS_KUBERNETES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

// The Kubernetes API as the controllers see it. Objects are JSON documents as the API server gives
// them.
namespace omdb {

using Json = nlohmann::json;
// An object as it was read, which nobody changes.
using SharedJson = std::shared_ptr<const Json>;

// A kind of object, as in the URL of the API.
struct ResourceType {
  std::string group;  // "" for the core group
  std::string version;
  std::string kind;
  std::string plural;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  auto operator<=>(const ResourceType&) const = default;
};

namespace types {
const ResourceType& OpenMLDBCluster();
const ResourceType& Pod();
const ResourceType& Service();
const ResourceType& ConfigMap();
const ResourceType& PersistentVolumeClaim();
const ResourceType& StatefulSet();
const ResourceType& Deployment();
const ResourceType& PodDisruptionBudget();
const ResourceType& Lease();
const ResourceType& Event();  // events.k8s.io/v1
}  // namespace types

struct ObjectKey {
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
};

// Reads come from a watch cache and may be stale, but are never older than this process' own
// writes; writes go to the API server and are safe to repeat. Errors: NotFound; Aborted (409:
// changed meanwhile, or a precondition did not hold); InvalidArgument (422, with the server's
// message); PermissionDenied; Unauthenticated; ResourceExhausted (429, after Retry-After was obeyed
// once); Unavailable; Cancelled (the process is stopping). Thread-safe.
class Kubernetes {
 public:
  virtual ~Kubernetes() = default;

  // From the cache.
  virtual absl::StatusOr<Json> Get(const ResourceType& type, const ObjectKey& key) = 0;
  // From the cache: the objects of a namespace whose labels contain `labels`, by name.
  virtual absl::StatusOr<std::vector<SharedJson>> List(
      const ResourceType& type, const std::string& ns,
      const std::map<std::string, std::string>& labels) = 0;
  // From the API server itself, for what must not be stale (the ledger, a Lease).
  virtual absl::StatusOr<Json> GetFresh(const ResourceType& type, const ObjectKey& key) = 0;

  // Server-side apply with the operator's field manager, forced; returns the object as stored.
  // `object` names its apiVersion, kind, namespace and name. A metadata.resourceVersion in it is a
  // precondition.
  virtual absl::StatusOr<Json> Apply(const ResourceType& type, const Json& object) = 0;
  // The same on the status subresource.
  virtual absl::StatusOr<Json> ApplyStatus(const ResourceType& type, const Json& object) = 0;
  // With a UID precondition unless `uid` is empty. Foreground and background are the server's
  // default. NotFound is ok.
  virtual absl::Status Delete(const ResourceType& type, const ObjectKey& key,
                              const std::string& uid) = 0;
  // Only when there is none of that name, else AlreadyExists; and never repeated, so Unavailable
  // may mean that it was done. What a create sets, a later Apply does not remove by leaving it out:
  // objects that are applied afterwards are better made by Apply.
  virtual absl::StatusOr<Json> Create(const ResourceType& type, const Json& object) = 0;
};

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_KUBERNETES_H_

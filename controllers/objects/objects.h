#ifndef OMDB_CONTROLLERS_OBJECTS_OBJECTS_H_
#define OMDB_CONTROLLERS_OBJECTS_OBJECTS_H_

#include <string>
#include <vector>

#include "controllers/cluster.h"
#include "controllers/kubernetes.h"

// The Kubernetes objects of a cluster as they should be. Pure functions.
namespace omdb {

// On pod templates (and so on pods): SpecHash and version of the spec they were made from.
inline constexpr char kSpecHashAnnotation[] = "openmldb.ai/spec-hash";
inline constexpr char kVersionAnnotation[] = "openmldb.ai/version";
// On every other object: a hash of the object itself, so that it is written only when it differs.
inline constexpr char kObjectHashAnnotation[] = "openmldb.ai/object-hash";

struct DesiredObject {
  ResourceType type;
  Json object;
};

// "<cluster>-tablet"
std::string WorkloadName(const Cluster& cluster, Component component);

// The port that the component's servers listen on.
int PortOf(Component component);

// Labels that select every object of the cluster, or of one of its components.
std::map<std::string, std::string> ClusterLabels(const Cluster& cluster);
std::map<std::string, std::string> ComponentLabels(const Cluster& cluster, Component component);

// Hash of the parts of the spec from which the component's pod template is made, for that version
// of OpenMLDB. The same for the same spec in every version of the operator.
std::string SpecHash(const Cluster& cluster, Component component, const std::string& version);

// The StatefulSet or Deployment.
DesiredObject DesiredWorkload(const Cluster& cluster, Component component,
                              const std::string& version);

// Services and PodDisruptionBudget of the component, each with its object hash. `handling` is true
// while one of the component's pods is being replaced: then the budget allows no disruption.
std::vector<DesiredObject> SupportingObjects(const Cluster& cluster, Component component,
                                             bool handling);

// The pod that prints the version of spec.version's image and ends, with its object hash. It is
// scheduled and pulls its image as nameservers do, which are the first to be replaced.
DesiredObject PreflightPodObject(const Cluster& cluster);
inline constexpr char kPreflight[] = "preflight";  // its component label and container

// host:port list of the ensemble, whether managed or not.
std::string ZooKeeperServers(const Cluster& cluster);

// The ConfigMap that holds the ledger: as text, or compressed where it is long, since a ConfigMap
// holds 1 MiB.
std::string LedgerName(const Cluster& cluster);
DesiredObject LedgerObject(const Cluster& cluster, const std::string& content);
// What was put into it; an empty object for one without, and nothing for one that is broken.
std::string LedgerContent(const Json& object);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_OBJECTS_OBJECTS_H_

#include "controllers/kubernetes.h"

namespace omdb::types {

const ResourceType& OpenMLDBCluster() {
  static const ResourceType type{"openmldb.ai", "v1alpha1", "OpenMLDBCluster", "openmldbclusters"};
  return type;
}

const ResourceType& Pod() {
  static const ResourceType type{"", "v1", "Pod", "pods"};
  return type;
}

const ResourceType& Service() {
  static const ResourceType type{"", "v1", "Service", "services"};
  return type;
}

const ResourceType& ConfigMap() {
  static const ResourceType type{"", "v1", "ConfigMap", "configmaps"};
  return type;
}

const ResourceType& PersistentVolumeClaim() {
  static const ResourceType type{"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"};
  return type;
}

const ResourceType& StatefulSet() {
  static const ResourceType type{"apps", "v1", "StatefulSet", "statefulsets"};
  return type;
}

const ResourceType& Deployment() {
  static const ResourceType type{"apps", "v1", "Deployment", "deployments"};
  return type;
}

const ResourceType& PodDisruptionBudget() {
  static const ResourceType type{"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"};
  return type;
}

const ResourceType& Lease() {
  static const ResourceType type{"coordination.k8s.io", "v1", "Lease", "leases"};
  return type;
}

const ResourceType& Event() {
  static const ResourceType type{"events.k8s.io", "v1", "Event", "events"};
  return type;
}

}  // namespace omdb::types

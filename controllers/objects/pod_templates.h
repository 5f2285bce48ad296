#ifndef OMDB_CONTROLLERS_OBJECTS_POD_TEMPLATES_H_
#define OMDB_CONTROLLERS_OBJECTS_POD_TEMPLATES_H_

#include <string>

#include "controllers/cluster.h"
#include "controllers/kubernetes.h"

namespace omdb {

// The volume with all that a server keeps: data, recycle bin, name and logs on one file system
// (F5.6).
inline constexpr char kDataVolume[] = "data";

// The pod template of a component: how OpenMLDB's published images are started (facts of the
// images, F1).
Json PodTemplate(const Cluster& cluster, Component component, const std::string& version);

// The spec of the pod that only prints the version of the image of spec.version.
Json PreflightPodSpec(const Cluster& cluster);

// "4pdosc/openmldb:0.9.2"; an image that names its tag or digest is taken as it is.
std::string ImageOf(const ClusterSpec& spec, const std::string& version);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_OBJECTS_POD_TEMPLATES_H_

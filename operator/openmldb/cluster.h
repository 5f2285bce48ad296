#ifndef OMDB_OPERATOR_OPENMLDB_CLUSTER_H_
#define OMDB_OPERATOR_OPENMLDB_CLUSTER_H_

#include <memory>

#include "controllers/openmldb.h"
#include "operator/openmldb/options.h"

namespace omdb {

// Clusters spoken to over gRPC, HTTP and ZooKeeper. One ZooKeeper session and one connection per
// server, opened at the first call and kept as long as the OpenMldb is.
std::unique_ptr<OpenMldbFactory> MakeOpenMldbFactory(const OpenMldbOptions& options);

}  // namespace omdb

#endif  // OMDB_OPERATOR_OPENMLDB_CLUSTER_H_

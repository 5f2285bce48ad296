#ifndef OMDB_TESTS_CONTRACT_FLAGS_H_
#define OMDB_TESTS_CONTRACT_FLAGS_H_

#include <string>

#include "absl/flags/declare.h"

ABSL_DECLARE_FLAG(std::string, zookeeper);
ABSL_DECLARE_FLAG(std::string, root);
ABSL_DECLARE_FLAG(std::string, credential);
ABSL_DECLARE_FLAG(bool, end_sessions);
ABSL_DECLARE_FLAG(std::string, restart_tablet);

#endif  // OMDB_TESTS_CONTRACT_FLAGS_H_

#ifndef OMDB_OPERATOR_FLAGS_H_
#define OMDB_OPERATOR_FLAGS_H_

#include "absl/status/statusor.h"
#include "operator/config.h"

namespace omdb {

// The configuration that a command line asks for. Flags may be written with dashes. A flag that is
// unknown or of the wrong type ends the process, with a message; InvalidArgument names what else is
// wrong. Not thread-safe: flags are global.
absl::StatusOr<Config> ConfigOf(int argc, char** argv);

}  // namespace omdb

#endif  // OMDB_OPERATOR_FLAGS_H_

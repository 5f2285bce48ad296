#ifndef OMDB_TESTS_SIMULATOR_SERVER_APISERVER_H_
#define OMDB_TESTS_SIMULATOR_SERVER_APISERVER_H_

#include <string>

#include "tests/simulator/server/flags.h"

namespace omdb::simulator {

// Runs the API server (F3.8): /health, /version, GET /dbs and POST /refresh. Ends with 1 when no
// nameserver leads at its start, as the real one does (F8.3).
int RunApiServer(const Identity& identity, const std::string& version);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_APISERVER_H_

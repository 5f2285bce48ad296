#ifndef OMDB_TESTS_SIMULATOR_SERVER_BAIDU_FRONT_H_
#define OMDB_TESTS_SIMULATOR_SERVER_BAIDU_FRONT_H_

#include "tests/simulator/server/service.h"

namespace omdb::simulator {

// Answers baidu_std, the protocol of OpenMLDB's SDK, on `fd` until the peer closes it; takes `fd`.
// Blocks: a thread for each connection. Calls of one connection run side by side, replies come as
// they are ready.
void ServeBaidu(Service& service, int fd);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_BAIDU_FRONT_H_

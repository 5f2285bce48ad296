#ifndef OMDB_TESTS_SIMULATOR_SERVER_TASKMANAGER_H_
#define OMDB_TESTS_SIMULATOR_SERVER_TASKMANAGER_H_

#include <string>

namespace omdb::simulator {

// Runs the task manager with the properties in --taskmanager_properties (F3.7, F8.2): JSON over
// HTTP, one active at a time by the ephemeral node /taskmanager/leader, a standby does not listen.
// Jobs are kept in --job.log.path; those unfinished at a start are lost, as local ones are. For
// tests, POST /standin/jobs {"seconds": N} submits a job that takes so long.
int RunTaskManager(const std::string& version);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_TASKMANAGER_H_

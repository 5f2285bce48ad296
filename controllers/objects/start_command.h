#ifndef OMDB_CONTROLLERS_OBJECTS_START_COMMAND_H_
#define OMDB_CONTROLLERS_OBJECTS_START_COMMAND_H_

#include <string>
#include <vector>

#include "controllers/cluster.h"

// How the servers of OpenMLDB are started in its published images.
namespace omdb {

// Where the component's volume is mounted: data, recycle bin, name and logs (F1.3, F5.6).
inline constexpr char kDataDirectory[] = "/data";

struct StartCommand {
  // A shell script that finds the server in the image, gives it the pod's name and runs it. Needs
  // POD_NAME and POD_IP in the environment.
  std::vector<std::string> command;
  // Flags, or lines for taskmanager.properties. In them Kubernetes replaces $(POD_IP).
  std::vector<std::string> args;
};

// For nameserver, tablet, task manager and API server.
StartCommand StartCommandOf(const Cluster& cluster, Component component);

// A command that writes the version of the image's servers to the container's termination message,
// and fails where they are not found or do not run.
std::vector<std::string> VersionCommand();

// A command that succeeds when the server listens, or has been up for so long that it must be
// standing by: a stand-by task manager never listens, a stand-by nameserver of a fresh cluster
// neither (F1.4).
std::vector<std::string> ListensOrStandsBy(Component component);

}  // namespace omdb

#endif  // OMDB_CONTROLLERS_OBJECTS_START_COMMAND_H_

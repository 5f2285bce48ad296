#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/nameserver.h"
#include "tests/simulator/model/tablet.h"
#include "tests/simulator/server/apiserver.h"
#include "tests/simulator/server/event_loop.h"
#include "tests/simulator/server/file_disk.h"
#include "tests/simulator/server/flags.h"
#include "tests/simulator/server/grpc_network.h"
#include "tests/simulator/server/port.h"
#include "tests/simulator/server/taskmanager.h"
#include "tests/simulator/server/zookeeper_coordination.h"

// `openmldb`: the stand-in's servers as processes, with OpenMLDB's own flags.
namespace omdb::simulator {
namespace {

// Which OpenMLDB the image stands for, as the published images say it too.
std::string Version() {
  const char* version = std::getenv("OPENMLDB_VERSION");
  // The servers add the commit they were built from (F1.5).
  return absl::StrCat(version == nullptr ? "0.0.0" : version, "-0000000");
}

void Log(const std::string& text) { std::cerr << text << std::endl; }

// No way out of a server closes its ZooKeeper session: ephemeral nodes stay until the session times
// out (F1.6).
[[noreturn]] void Exit(int code, const std::string& why) {
  Log(why);
  _exit(code);
}

void ExitOnSignals() {
  const auto quit = [](int) { _exit(0); };
  std::signal(SIGINT, quit);
  // Otherwise the default: death, but not of process 1 of a container.
  if (FLAGS_graceful_quit_on_sigterm) std::signal(SIGTERM, quit);
  std::signal(SIGPIPE, SIG_IGN);
}

int RunTablet(const Identity& identity) {
  EventLoop loop;
  auto network = NewGrpcNetwork(loop);
  auto zookeeper =
      NewZooKeeperCoordination(loop, FLAGS_zk_cluster, absl::Milliseconds(FLAGS_zk_session_timeout),
                               {FLAGS_zk_auth_schema, FLAGS_zk_cert});
  FileDisk disk(FLAGS_db_root_path, FLAGS_recycle_bin_root_path);
  TabletServer tablet(ReadOptions(identity), loop, *network, *zookeeper, disk);
  Service service(loop, tablet.dispatcher());
  Port port(&service, ServerPages(Version(), &service));
  // It listens before it registers (F1.4).
  if (absl::Status status = port.Listen(identity.address()); !status.ok())
    Exit(1, std::string(status.message()));
  loop.Schedule(absl::ZeroDuration(), [&] {
    absl::Status started = tablet.Start();
    if (!started.ok())
      Exit(1, absl::StrCat("fail to start tablet ", identity.endpoint, ": ", started.message()));
    Log(absl::StrCat("tablet ", identity.endpoint, " of version ", Version(), " registered"));
  });
  loop.Run();
  return 0;
}

// Listens as soon as the nameserver would (F1.4).
void ListenWhenReady(EventLoop& loop, NameServer& nameserver, Port& port,
                     const std::string& address) {
  if (!nameserver.listening()) {
    loop.Schedule(absl::Milliseconds(100), [&loop, &nameserver, &port, address] {
      ListenWhenReady(loop, nameserver, port, address);
    });
    return;
  }
  if (absl::Status status = port.Listen(address); !status.ok())
    Exit(1, std::string(status.message()));
  Log("listening");
}

int RunNameServer(const Identity& identity) {
  EventLoop loop;
  auto network = NewGrpcNetwork(loop);
  auto zookeeper =
      NewZooKeeperCoordination(loop, FLAGS_zk_cluster, absl::Milliseconds(FLAGS_zk_session_timeout),
                               {FLAGS_zk_auth_schema, FLAGS_zk_cert});
  NameServer nameserver(ReadOptions(identity), loop, *network, *zookeeper);
  nameserver.OnExit([](const std::string& why) { Exit(1, why); });
  Service service(loop, nameserver.dispatcher());
  Port port(&service, ServerPages(Version(), &service));
  loop.Schedule(absl::ZeroDuration(), [&] {
    absl::Status started = nameserver.Start();
    if (!started.ok())
      Exit(1,
           absl::StrCat("fail to start nameserver ", identity.endpoint, ": ", started.message()));
    Log(absl::StrCat("nameserver ", identity.endpoint, " of version ", Version(), " started"));
    ListenWhenReady(loop, nameserver, port, identity.address());
  });
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace omdb::simulator

int main(int argc, char** argv) {
  using namespace omdb::simulator;  // NOLINT(google-build-using-namespace)
  gflags::SetVersionString(Version());
  gflags::SetUsageMessage("OpenMLDB's servers as the operator's tests need them");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  ExitOnSignals();
  if (FLAGS_role == "taskmanager") return RunTaskManager(Version());
  if (FLAGS_role != "tablet" && FLAGS_role != "nameserver" && FLAGS_role != "apiserver") {
    // As the real one: an unknown role prints a line and ends with 0 (F1.1).
    std::cout << "Start failed! role is " << FLAGS_role << "\n";
    return 0;
  }
  const auto identity = ReadIdentity();
  if (!identity.ok()) {
    std::cerr << identity.status().message() << "\n";
    return 1;
  }
  if (FLAGS_role == "tablet") return RunTablet(*identity);
  if (FLAGS_role == "nameserver") return RunNameServer(*identity);
  return RunApiServer(*identity, Version());
}

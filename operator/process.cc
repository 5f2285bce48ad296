#include "operator/process.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "controllers/reconciler.h"
#include "operator/health_server.h"
#include "operator/kube/client.h"
#include "operator/kube/cpprest_transport.h"
#include "operator/kube/events.h"
#include "operator/kube/kubeconfig.h"
#include "operator/kube/lease.h"
#include "operator/kube/thread.h"
#include "operator/monotonic_clock.h"
#include "operator/openmldb/cluster.h"
#include "operator/work_queue.h"
#include "spdlog/spdlog.h"

namespace omdb {
namespace {

constexpr char kUserAgent[] = "openmldb-operator";
constexpr char kManagedBy[] = "app.kubernetes.io/managed-by";
constexpr char kInstance[] = "app.kubernetes.io/instance";

class WallClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  void Sleep(absl::Duration duration) override { absl::SleepFor(duration); }
};

// Events go to Kubernetes and to the log.
class LoggedEvents : public EventSink {
 public:
  explicit LoggedEvents(kube::EventRecorder& recorder) : recorder_(recorder) {}

  void Emit(const Cluster& cluster, const Note& note) override {
    spdlog::log(note.warning ? spdlog::level::warn : spdlog::level::info, "{}/{} {}: {}",
                cluster.key.ns, cluster.key.name, note.reason, note.message);
    const Json regarding = {
        {"apiVersion", types::OpenMLDBCluster().ApiVersion()},
        {"kind", types::OpenMLDBCluster().kind},
        {"metadata",
         {{"name", cluster.key.name}, {"namespace", cluster.key.ns}, {"uid", cluster.uid}}}};
    recorder_.Record(regarding, {note.warning, note.reason, "Reconcile", note.message});
  }

 private:
  kube::EventRecorder& recorder_;
};

std::string QueueKey(const ObjectKey& key) { return absl::StrCat(key.ns, "/", key.name); }

ObjectKey ObjectKeyOf(const std::string& queue_key) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(queue_key, absl::MaxSplits('/', 1));
  return {parts.first, parts.second};
}

// The cluster that a changed object belongs to.
ObjectKey ClusterOf(const kube::Change& change) {
  if (change.type == types::OpenMLDBCluster()) return change.key;
  const Json& object = change.after ? *change.after : *change.before;
  return {change.key.ns,
          object.at("metadata").value("labels", Json::object()).value(kInstance, "")};
}

// What the identities of all processes of this pod begin with, one after the other: a container is
// not started again before the process that was in it has ended. Empty where the pod is not told.
std::string PodIdentity() {
  const char* name = std::getenv("POD_NAME");
  const char* uid = std::getenv("POD_UID");
  return name == nullptr || uid == nullptr ? "" : absl::StrFormat("%s_%s_", name, uid);
}

std::string Identity() {
  std::string begin = PodIdentity();
  if (begin.empty()) {
    char host[256] = "unknown";
    gethostname(host, sizeof(host) - 1);
    begin = absl::StrFormat("%s_", host);
  }
  return absl::StrFormat("%s%08x", begin, std::random_device()());
}

// Writes by this process are looked at in its own time.
bool OnlyStatusOfCluster(const kube::Change& change) {
  return change.type == types::OpenMLDBCluster() && change.before && change.after &&
         change.before->at("metadata").value("uid", "") ==
             change.after->at("metadata").value("uid", "") &&
         change.before->at("metadata").value("generation", 0) ==
             change.after->at("metadata").value("generation", 0) &&
         change.before->at("metadata").contains("deletionTimestamp") ==
             change.after->at("metadata").contains("deletionTimestamp");
}

class Workers {
 public:
  Workers(WorkQueue& queue, Reconciler& reconciler, int count)
      : queue_(queue), reconciler_(reconciler), count_(count) {}

  void Start() {
    for (int i = 0; i < count_; ++i) {
      threads_.push_back(kube::StartThread(absl::StrCat("worker-", i), [this] { Work(); }));
    }
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void Work() {
    while (const auto key = queue_.Get()) {
      const absl::StatusOr<absl::Duration> again = reconciler_.Reconcile(ObjectKeyOf(*key));
      if (!again.ok()) {
        spdlog::warn("{}: {}", *key, again.status().ToString());
        queue_.AddRateLimited(*key);
      } else {
        queue_.Forget(*key);
        if (*again < absl::InfiniteDuration()) queue_.AddAfter(*key, *again);
      }
      queue_.Done(*key);
    }
  }

  WorkQueue& queue_;
  Reconciler& reconciler_;
  const int count_;
  std::vector<std::thread> threads_;
};

class AlwaysLeads : public Leadership {
 public:
  absl::Status Leads() const override { return absl::OkStatus(); }
  absl::Status Confirm() override { return absl::OkStatus(); }
};

// Whatever a reconcile waits for has an end long before: one that takes longer is a bug, which a
// new process may be spared.
absl::Status NotStuck(const std::optional<WorkQueueState::Running>& running) {
  constexpr absl::Duration kStuck = absl::Minutes(10);
  if (!running || running->time < kStuck) return absl::OkStatus();
  const absl::Status status = absl::DeadlineExceededError(
      absl::StrCat("the reconcile of ", running->key, " has not ended for ",
                   absl::FormatDuration(absl::Trunc(running->time, absl::Seconds(1)))));
  spdlog::error("{}", std::string(status.message()));
  return status;
}

std::string LeaseNamespace(const Config& config, const kube::Connection& connection) {
  return config.lease_namespace.empty() ? connection.ns : config.lease_namespace;
}

}  // namespace

absl::Status RunOperator(const Config& config) {
  // Waited for below; blocked in every thread started from here on.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);  // this process stopped leading
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  auto connection = kube::FindConnection(config.kubeconfig, "", kube::ProcessEnvironment());
  if (!connection.ok()) return connection.status();
  auto transport = kube::NewCpprestTransport(*connection, kUserAgent);
  if (!transport.ok()) return transport.status();
  std::shared_ptr<kube::HttpTransport> http = *std::move(transport);
  spdlog::info("Kubernetes API at {} (from {})", connection->server, connection->origin);

  MonotonicClock monotonic;
  WallClock clock;
  WorkQueue queue(&monotonic,
                  {.first_retry = absl::Milliseconds(200), .longest_retry = absl::Seconds(30)});

  kube::ClientOptions options;
  options.watcher.on_trouble = [](const kube::WatchScope& scope, const std::string& trouble) {
    spdlog::warn("watch of {}: {}", scope.type.plural, trouble);
  };
  kube::Client client(http, options);
  client.OnChange([&queue](const kube::Change& change) {
    if (OnlyStatusOfCluster(change)) return;
    const ObjectKey key = ClusterOf(change);
    if (!key.name.empty()) queue.Add(QueueKey(key));
  });
  client.Watch(types::OpenMLDBCluster(), config.watch_namespace);
  const std::map<std::string, std::string> ours = {{kManagedBy, "openmldb-operator"}};
  for (const ResourceType* type : {&types::Pod(), &types::StatefulSet(), &types::Deployment(),
                                   &types::Service(), &types::PodDisruptionBudget()}) {
    client.Watch(*type, config.watch_namespace, ours);
  }

  auto health = HealthServer::Start(
      config.health_probe_bind_address, [&queue] { return NotStuck(queue.LongestRunning()); },
      [&client] {
        return client.Synced() ? absl::OkStatus()
                               : absl::UnavailableError("the first lists are not complete");
      });
  if (!health.ok()) return health.status();

  // The first lists may take as long as the API server is away.
  for (absl::Status synced = client.WaitForSync(absl::Seconds(10)); !synced.ok();
       synced = client.WaitForSync(absl::Seconds(10))) {
    spdlog::warn("waiting for the first lists: {}", synced.ToString());
    timespec none{};
    if (sigtimedwait(&signals, nullptr, &none) > 0) return absl::OkStatus();
  }

  const std::string identity = Identity();
  kube::EventRecorder recorder(&client, &clock,
                               {.instance = identity, .on_trouble = [](const absl::Status& status) {
                                  spdlog::warn("an event was not written: {}", status.ToString());
                                }});
  LoggedEvents events(recorder);

  kube::Client election_client(http, kube::LeaderElectionClientOptions());
  std::atomic<bool> lost = false;
  std::function<void()> start_workers;
  kube::LeaderElector elector(
      &election_client, &clock, &monotonic,
      {.lease = {LeaseNamespace(config, *connection), config.lease_name},
       .identity = identity,
       .predecessors = PodIdentity(),
       .on_started_leading =
           [&] {
             spdlog::info("leading as {}", identity);
             start_workers();
           },
       .on_stopped_leading =
           [&] {
             lost = true;
             kill(getpid(), SIGUSR1);
           },
       .on_new_leader = [](const std::string& holder) { spdlog::info("leader: {}", holder); },
       .on_trouble =
           [](const absl::Status& status) {
             spdlog::warn("leader election: {}", status.ToString());
           }});
  AlwaysLeads always;
  Leadership& leadership = config.leader_elect ? static_cast<Leadership&>(elector) : always;
  const std::unique_ptr<OpenMldbFactory> openmldb =
      MakeOpenMldbFactory({.credential = config.openmldb_credential,
                           .may_change = [&leadership] { return leadership.Leads(); }});
  Reconciler reconciler(client, *openmldb, clock, events, leadership);
  Workers workers(queue, reconciler, config.workers);
  start_workers = [&workers] { workers.Start(); };
  if (config.leader_elect) {
    elector.Start();
  } else {
    start_workers();
  }

  int signal = 0;
  sigwait(&signals, &signal);
  if (lost) {
    // Another may act by now: nothing is finished here.
    spdlog::error("this process does not lead any more, ending");
    spdlog::shutdown();
    std::_Exit(1);
  }
  spdlog::info("ending after {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  queue.ShutDown();
  workers.Join();
  if (config.leader_elect) elector.Stop();
  return absl::OkStatus();
}

}  // namespace omdb

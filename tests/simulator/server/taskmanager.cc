#include "tests/simulator/server/taskmanager.h"

#include <gflags/gflags.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "tests/simulator/server/event_loop.h"
#include "tests/simulator/server/port.h"
#include "tests/simulator/server/zookeeper_coordination.h"

DEFINE_string(taskmanager_properties, "conf/taskmanager.properties",
              "the task manager's configuration");

namespace omdb::simulator {
namespace {

using Json = nlohmann::json;
using Properties = std::map<std::string, std::string>;

constexpr absl::Duration kElectionInterval = absl::Seconds(2);  // F8.2
constexpr char kService[] = "/openmldb.taskmanager.TaskManagerServer/";

// The later of two lines with the same key wins.
Properties ReadProperties(const std::string& path) {
  Properties properties;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::pair<std::string, std::string> pair = absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (line.find('=') != std::string::npos) properties[pair.first] = pair.second;
  }
  return properties;
}

// The jobs and what becomes of them. Thread-safe.
class Jobs {
 public:
  explicit Jobs(const std::filesystem::path& directory) : path_(directory / "jobs.json") {
    std::error_code error;
    std::filesystem::create_directories(path_.parent_path(), error);
    if (std::ifstream file(path_); file) jobs_ = Json::parse(file, nullptr, false);
    if (!jobs_.is_array()) jobs_ = Json::array();
    for (Json& job : jobs_) {
      if (job["state"] == "RUNNING") job["state"] = "LOST";
    }
    Save();
  }

  Json Submit(double seconds) {
    std::lock_guard lock(mutex_);
    const int64_t now = absl::ToUnixMillis(absl::Now());
    jobs_.push_back({{"id", jobs_.empty() ? 1 : jobs_.back()["id"].get<int>() + 1},
                     {"job_type", "ImportOnlineData"},
                     {"state", "RUNNING"},
                     {"start_time", now},
                     {"ends", now + static_cast<int64_t>(seconds * 1000)}});
    Save();
    return Shown(jobs_.back());
  }

  // Null for an unknown one.
  Json Get(int id) {
    std::lock_guard lock(mutex_);
    Finish();
    const Json* job = Find(id);
    return job == nullptr ? Json() : Shown(*job);
  }

  Json Stop(int id) {
    std::lock_guard lock(mutex_);
    Finish();
    Json* job = Find(id);
    if (job == nullptr) return Json();
    if ((*job)["state"] == "RUNNING") {
      (*job)["state"] = "KILLED";
      (*job)["end_time"] = absl::ToUnixMillis(absl::Now());
      Save();
    }
    return Shown(*job);
  }

  bool Delete(int id) {
    std::lock_guard lock(mutex_);
    Json* job = Find(id);
    if (job == nullptr) return false;
    jobs_.erase(jobs_.begin() + (job - &jobs_[0]));
    Save();
    return true;
  }

  Json List(bool unfinished) {
    std::lock_guard lock(mutex_);
    Finish();
    Json found = Json::array();
    for (const Json& job : jobs_) {
      if (!unfinished || job["state"] == "RUNNING") found.push_back(Shown(job));
    }
    return found;
  }

 private:
  static Json Shown(Json job) {
    job.erase("ends");
    return job;
  }
  Json* Find(int id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto found =
        std::find_if(jobs_.begin(), jobs_.end(), [id](const Json& job) { return job["id"] == id; });
    return found == jobs_.end() ? nullptr : &*found;
  }
  void Finish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const int64_t now = absl::ToUnixMillis(absl::Now());
    for (Json& job : jobs_) {
      if (job["state"] == "RUNNING" && job["ends"].get<int64_t>() <= now) {
        job["state"] = "FINISHED";
        job["end_time"] = job["ends"];
      }
    }
    Save();
  }
  void Save() { std::ofstream(path_) << jobs_.dump(); }

  const std::filesystem::path path_;
  std::mutex mutex_;
  Json jobs_ ABSL_GUARDED_BY(mutex_);
};

HttpResponse Respond(const Json& body) { return {200, body.dump()}; }

Json Ok(Json more = Json::object()) {
  more["code"] = 0;
  more["msg"] = "ok";
  return more;
}

HttpResponse CallMethod(const std::string& method, const Json& arguments,
                        const std::string& version, Jobs& jobs) {
  if (method == "GetVersion") {
    return Respond({{"taskmanager_version", version}, {"batch_version", version}});
  }
  if (method == "ShowJobs") {
    return Respond(Ok({{"jobs", jobs.List(arguments.value("unfinished", false))}}));
  }
  if (method != "ShowJob" && method != "StopJob" && method != "DeleteJob" &&
      method != "GetJobLog") {
    return {404, "unknown method\n"};
  }
  if (!arguments.contains("id") || !arguments["id"].is_number_integer()) {
    return {400, "id is required\n"};
  }
  const int id = arguments["id"].get<int>();
  const Json job = method == "StopJob" ? jobs.Stop(id) : jobs.Get(id);
  if (job.is_null() || (method == "DeleteJob" && !jobs.Delete(id))) {
    return Respond({{"code", -1}, {"msg", absl::StrCat("job ", id, " does not exist")}});
  }
  if (method == "DeleteJob") return Respond(Ok());
  if (method == "GetJobLog") return Respond(Ok({{"log", job.dump()}}));
  return Respond(Ok({{"job", job}}));
}

HttpHandler Methods(const std::string& version, Jobs& jobs) {
  return [version, &jobs](const HttpRequest& request) -> HttpResponse {
    if (request.method != "POST") return {404, "not found\n"};
    const Json body = Json::parse(request.body, nullptr, false);
    const Json arguments = body.is_object() ? body : Json::object();
    if (request.path == "/standin/jobs") {
      return Respond(jobs.Submit(arguments.value("seconds", 1.0)));
    }
    absl::string_view method = request.path;
    if (!absl::ConsumePrefix(&method, kService)) return {404, "not found\n"};
    return CallMethod(std::string(method), arguments, version, jobs);
  };
}

// One attempt to lead. A node with the same address is taken for its own from before, and is
// removed (F8.2).
bool Elect(Coordination& zookeeper, const std::string& node, const std::string& address) {
  if (zookeeper.Create(node, address, NodeMode::kEphemeral).ok()) return true;
  const auto holder = zookeeper.Get(node);
  if (!holder.ok() || *holder != address) return false;
  zookeeper.Delete(node).IgnoreError();
  return zookeeper.Create(node, address, NodeMode::kEphemeral).ok();
}

// Stands for election again when the session is gone. The port stays open meanwhile (F8.2).
void KeepLeading(EventLoop& loop, Coordination& zookeeper, const std::string& node,
                 const std::string& address, bool leads) {
  if (!zookeeper.Connected()) {
    leads = false;
    zookeeper.Connect().IgnoreError();
  }
  leads = leads || Elect(zookeeper, node, address);
  loop.Schedule(kElectionInterval, [&loop, &zookeeper, node, address, leads] {
    KeepLeading(loop, zookeeper, node, address, leads);
  });
}

}  // namespace

int RunTaskManager(const std::string& version) {
  const Properties properties = ReadProperties(FLAGS_taskmanager_properties);
  const auto property = [&properties](const std::string& key, const std::string& standard) {
    auto found = properties.find(key);
    return found == properties.end() ? standard : found->second;
  };
  const std::string address =
      absl::StrCat(property("server.host", "0.0.0.0"), ":", property("server.port", "9902"));
  int session_timeout = 0;
  if (!absl::SimpleAtoi(property("zookeeper.session_timeout", "5000"), &session_timeout)) {
    std::cerr << "zookeeper.session_timeout is not a number\n";
    return 0;  // as the real one: failures of initialization exit 0 (F8.2)
  }
  const std::string node =
      absl::StrCat(property("zookeeper.root_path", "/openmldb"), "/taskmanager/leader");
  EventLoop loop;
  auto zookeeper = NewZooKeeperCoordination(loop, property("zookeeper.cluster", ""),
                                            absl::Milliseconds(session_timeout));
  if (absl::Status status = zookeeper->Connect(); !status.ok()) {
    std::cerr << status.message() << "\n";
    _exit(0);
  }
  // Before its port opens (F1.4).
  while (!Elect(*zookeeper, node, address)) {
    absl::SleepFor(absl::Milliseconds(200));
    if (!zookeeper->Connected()) zookeeper->Connect().IgnoreError();
  }
  Jobs jobs(property("job.log.path", "./logs/"));
  Port port(nullptr, Methods(version, jobs));
  if (absl::Status status = port.Listen(address); !status.ok()) {
    std::cerr << status.message() << "\n";
    _exit(1);
  }
  std::cerr << "task manager " << address << " of version " << version << " is active\n";
  loop.Schedule(kElectionInterval, [&] { KeepLeading(loop, *zookeeper, node, address, true); });
  loop.Run();
  return 0;
}

}  // namespace omdb::simulator

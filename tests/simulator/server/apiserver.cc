#include "tests/simulator/server/apiserver.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "name_server.pb.h"
#include "tests/simulator/server/event_loop.h"
#include "tests/simulator/server/grpc_network.h"
#include "tests/simulator/server/on_executor.h"
#include "tests/simulator/server/port.h"
#include "tests/simulator/server/zookeeper_coordination.h"

namespace omdb::simulator {
namespace {

using Json = nlohmann::json;

namespace ns = ::openmldb::nameserver;

constexpr absl::Duration kCallTimeout = absl::Seconds(3);
constexpr absl::Duration kPatience = absl::Seconds(20);
// While the nameservers' leadership moves.
constexpr int kAttempts = 10;
constexpr absl::Duration kRetryInterval = absl::Milliseconds(300);
constexpr int kNotLeader = 300;

// The cluster as the API server's own SDK sees it: the leading nameserver, found in ZooKeeper, is
// asked each time. On the loop's thread.
class Cluster {
 public:
  template <typename Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;

  Cluster(EventLoop& loop, Network& network, Coordination& zookeeper, std::string root)
      : loop_(loop),
        network_(network),
        zookeeper_(zookeeper),
        root_(std::move(root)),
        scope_(loop) {}

  // A method of the nameserver.
  template <typename Response, typename Request>
  void Ask(const std::string& method, const Request& request, Done<Response> done) {
    scope_.Spawn(Asking<Response, Request>(this, method, request, std::move(done)));
  }

 private:
  absl::StatusOr<std::string> LeadingNameserver() {
    if (!zookeeper_.Connected()) {
      if (absl::Status status = zookeeper_.Connect(); !status.ok()) return status;
    }
    const auto locks = zookeeper_.Children(root_ + "/leader");
    if (!locks.ok()) return locks.status();
    if (locks->empty()) return absl::UnavailableError("no nameserver leads");
    auto name = zookeeper_.Get(absl::StrCat(root_, "/leader/", locks->front()));
    if (!name.ok()) return name;
    auto address = zookeeper_.Get(absl::StrCat(root_, "/map/names/", *name));
    return address.ok() ? address : name;
  }

  template <typename Response, typename Request>
  static Task<void> Asking(Cluster* self, std::string method, Request request,
                           Done<Response> done) {
    absl::StatusOr<Response> answer = absl::UnavailableError("not asked");
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (attempt > 0) co_await Delay(self->loop_, kRetryInterval);
      const auto leader = self->LeadingNameserver();
      if (!leader.ok()) {
        answer = leader.status();
        continue;
      }
      answer = co_await CallPeer<Response>(self->network_, *leader,
                                           "openmldb.nameserver.NameServer/" + method, request,
                                           kCallTimeout);
      if (answer.ok() && answer->code() != kNotLeader) break;
    }
    if (answer.ok() && answer->code() != 0) {
      answer = absl::InternalError(absl::StrCat(method, ": ", answer->code(), " ", answer->msg()));
    }
    done(std::move(answer));
  }

  EventLoop& loop_;
  Network& network_;
  Coordination& zookeeper_;
  const std::string root_;
  Scope scope_;
};

// Asks from a connection's thread.
template <typename Response, typename Request>
absl::StatusOr<Response> Ask(EventLoop& loop, Cluster& cluster, const std::string& method,
                             const Request& request) {
  auto answer =
      OnExecutor<absl::StatusOr<Response>>(loop, kPatience, [&cluster, method, request](auto done) {
        cluster.Ask<Response, Request>(method, request, done);
      });
  return answer.ok() ? *std::move(answer) : answer.status();
}

HttpResponse Ok(Json body) {
  body["code"] = 0;
  body["msg"] = "ok";
  return {200, body.dump()};
}

// A failure is an answer, too (F3.8).
HttpResponse Failed(const absl::Status& status) {
  return {200, Json{{"code", -1}, {"msg", std::string(status.message())}}.dump()};
}

HttpResponse Databases(const ns::ShowDatabaseResponse& found) {
  return Ok({{"dbs", std::vector<std::string>(found.db().begin(), found.db().end())}});
}

HttpResponse Tables(const ns::ShowTableResponse& found) {
  Json tables = Json::array();
  for (const ns::TableInfo& table : found.table_info()) {
    tables.push_back({{"name", table.name()},
                      {"database", table.db()},
                      {"table_id", table.tid()},
                      {"table_partition_size", table.partition_num()}});
  }
  return Ok({{"tables", std::move(tables)}});
}

HttpResponse Show(EventLoop& loop, Cluster& cluster, const std::vector<std::string>& path) {
  const auto databases =
      Ask<ns::ShowDatabaseResponse>(loop, cluster, "ShowDatabase", ns::GeneralRequest());
  if (!databases.ok()) return Failed(databases.status());
  if (path.size() == 1) return Databases(*databases);
  const auto& known = databases->db();
  if (std::find(known.begin(), known.end(), path[1]) == known.end()) {
    return Failed(absl::NotFoundError("DB not found"));
  }
  ns::ShowTableRequest request;
  request.set_db(path[1]);
  const auto tables = Ask<ns::ShowTableResponse>(loop, cluster, "ShowTable", request);
  return tables.ok() ? Tables(*tables) : Failed(tables.status());
}

HttpHandler Pages(const std::string& version, EventLoop& loop, Cluster& cluster) {
  return [standard = ServerPages(version, nullptr), &loop,
          &cluster](const HttpRequest& request) -> HttpResponse {
    // Nothing is cached here, so there is nothing to refresh.
    if (request.method == "POST" && request.path == "/refresh") return Ok(Json::object());
    const std::vector<std::string> path = absl::StrSplit(request.path, '/', absl::SkipEmpty());
    const bool known = path.size() == 1 || (path.size() == 3 && path[2] == "tables");
    if (request.method != "GET" || !known || path[0] != "dbs") return standard(request);
    return Show(loop, cluster, path);
  };
}

}  // namespace

int RunApiServer(const Identity& identity, const std::string& version) {
  EventLoop loop;
  auto network = NewGrpcNetwork(loop);
  auto zookeeper =
      NewZooKeeperCoordination(loop, FLAGS_zk_cluster, absl::Milliseconds(FLAGS_zk_session_timeout),
                               {FLAGS_zk_auth_schema, FLAGS_zk_cert});
  Cluster cluster(loop, *network, *zookeeper, FLAGS_zk_root_path);
  Port port(nullptr, Pages(version, loop, cluster));
  // It needs a leading nameserver before it listens (F1.4).
  loop.Schedule(absl::ZeroDuration(), [&] {
    cluster.Ask<ns::ShowDatabaseResponse>(
        "ShowDatabase", ns::GeneralRequest(),
        [&](const absl::StatusOr<ns::ShowDatabaseResponse>& answer) {
          absl::Status status = answer.ok() ? port.Listen(identity.address()) : answer.status();
          if (status.ok()) return;
          std::cerr << "Fail to init: " << status.message() << "\n";
          _exit(1);
        });
  });
  loop.Run();
  return 0;
}

}  // namespace omdb::simulator

#include "controllers/objects/start_command.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "controllers/objects/objects.h"

namespace omdb {
namespace {

using Settings = std::map<std::string, std::string>;

// The full image has its files in /work/openmldb, the online one in /openmldb.
constexpr char kFindHome[] = R"sh(set -eu
home=
for directory in /work/openmldb /openmldb; do
  [ -z "$home" ] && [ -e "$directory/$program" ] && home=$directory
done
if [ -z "$home" ]; then
  echo "no $program in /work/openmldb or /openmldb of this image" >&2
  exit 1
fi
)sh";

constexpr char kMakeLogs[] = R"sh(mkdir -p "$data/logs"
)sh";

// As gflags does: "openmldb version 0.9.2-<commit>" (F1.7).
constexpr char kPrintVersion[] = R"sh(cd "$home"
exec "./$program" --version >/dev/termination-log 2>&1
)sh";

// The name is the server's identity (F1.3); a line's end would be part of it.
constexpr char kServer[] = R"sh(mkdir -p "$data/id"
printf %s "$POD_NAME" >"$data/id/name.txt"
cd "$home"
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$home/udf"
set -- "./$program" "$@"
)sh";

// What stands later in the file wins over the image's own lines.
constexpr char kTaskManager[] = R"sh(cd "$home/taskmanager/bin"
mkdir -p ../conf
{ echo; printf '%s\n' "$@"; } >>../conf/taskmanager.properties
set -- sh ./taskmanager.sh
)sh";

// A server that starts while ZooKeeper still knows its former session ends at once (F1.6), and so
// does one whose surroundings are not there yet (F1.4). It is started again here, every second,
// where Kubernetes would wait longer each time. The shell stays and hands SIGTERM on.
constexpr char kRun[] = R"sh(server=
stopping=
trap 'stopping=1; [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || :' TERM
begun=$(date +%s)
while [ -z "$stopping" ]; do
  started=$(date +%s)
  echo "$started" >"$data/started"
  "$@" &
  server=$!
  [ -z "$stopping" ] || kill -TERM "$server" 2>/dev/null || :
  code=0
  wait "$server" || code=$?
  while kill -0 "$server" 2>/dev/null; do
    code=0
    wait "$server" || code=$?
  done
  server=
  now=$(date +%s)
  if [ $((now - started)) -ge 5 ] || [ $((now - begun)) -ge 30 ]; then exit "$code"; fi
  [ -n "$stopping" ] || echo "$1 ended with $code right after its start, starting it again" >&2
  sleep 1
done
exit "$code"
)sh";

constexpr char kStandsBy[] = R"sh(grep -qs ':%04X [0-9A-F]*:0000 0A' /proc/net/tcp /proc/net/tcp6 ||
  [ $(($(date +%%s) - $(cat %s/started))) -ge 30 ]
)sh";

// The values of OpenMLDB's release configuration (F1.2), whose files name an endpoint and paths
// that do not fit a pod.
Settings StandardFlags(const Cluster& cluster, Component component) {
  Settings flags = {{"log_level", "info"}, {"enable_status_service", "true"}};
  if (component == Component::kApiServer) return flags;
  flags["zk_session_timeout"] = "10000";
  flags["enable_distsql"] = "true";
  if (component == Component::kNameserver) {
    flags["auto_failover"] = "true";
    flags["tablet_heartbeat_timeout"] = "60000";
    // A nameserver ends when fewer tablets are known (F1.4).
    flags["system_table_replica_num"] = absl::StrCat(std::min(2, cluster.spec.tablet.replicas));
    return flags;
  }
  flags.insert({{"thread_pool_size", "24"},
                {"binlog_notify_on_put", "true"},
                {"binlog_single_file_max_size", "1024"},
                {"binlog_sync_to_disk_interval", "5000"},
                {"make_snapshot_time", "23"},
                {"gc_interval", "120"},
                {"disk_gc_interval", "1440"},
                {"stream_bandwidth_limit", "20971520"}});
  return flags;
}

// What the operator relies on: nobody else sets it.
Settings OwnFlags(const Cluster& cluster, Component component) {
  const std::string data = kDataDirectory;
  Settings flags = {{"role", ToString(component)},
                    {"zk_cluster", ZooKeeperServers(cluster)},
                    {"zk_root_path", cluster.spec.zookeeper_root_path},
                    {"openmldb_log_dir", data + "/logs"},
                    {"graceful_quit_on_sigterm", "true"}};
  if (component == Component::kApiServer) {
    flags["endpoint"] = absl::StrCat("$(POD_IP):", PortOf(component));
    return flags;
  }
  flags["use_name"] = "true";
  flags["port"] = absl::StrCat(PortOf(component));
  flags["data_dir"] = data + "/id";
  if (component == Component::kNameserver) return flags;
  // A dropped replica is renamed into the recycle bin, so both are on one volume (F5.6).
  flags["db_root_path"] = data + "/db";
  flags["recycle_bin_root_path"] = data + "/recycle";
  flags["hdd_root_path"] = data + "/db_hdd";
  flags["recycle_bin_hdd_root_path"] = data + "/recycle_hdd";
  flags["ssd_root_path"] = data + "/db_ssd";
  flags["recycle_bin_ssd_root_path"] = data + "/recycle_ssd";
  return flags;
}

Settings StandardProperties() {
  const std::string data = kDataDirectory;
  return {{"job.log.path", data + "/logs/"},
          {"offline.data.prefix", absl::StrCat("file://", data, "/offline/")},
          {"track.unfinished.jobs", "true"}};
}

Settings OwnProperties(const Cluster& cluster) {
  // The leader writes its address into ZooKeeper; two of 0.0.0.0 would be taken for one (F8.2).
  return {{"server.host", "$(POD_IP)"},
          {"server.port", absl::StrCat(PortOf(Component::kTaskManager))},
          {"zookeeper.cluster", ZooKeeperServers(cluster)},
          {"zookeeper.root_path", cluster.spec.zookeeper_root_path}};
}

// The operator's defaults, what the user set, and what only the operator sets, with the later
// winning.
std::vector<std::string> Lines(Settings settings, const Settings& from_user, const Settings& own,
                               const std::string& dashes) {
  for (const auto& [name, value] : from_user) {
    // Kubernetes would replace $(NAME) in arguments.
    settings[name] = absl::StrReplaceAll(value, {{"$(", "$$("}});
  }
  for (const auto& [name, value] : own) settings[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : settings) {
    lines.push_back(absl::StrCat(dashes, name, "=", value));
  }
  return lines;
}

// `program` is the server's path in the home directory, `prepare` readies it and makes its command
// line of the arguments.
std::vector<std::string> Shell(const std::string& program, const std::string& prepare) {
  return {"sh", "-c",
          absl::StrCat("data=", kDataDirectory, "\nprogram=", program, "\n", kFindHome, kMakeLogs,
                       prepare, kRun),
          "start"};
}

}  // namespace

StartCommand StartCommandOf(const Cluster& cluster, Component component) {
  const Settings& from_user = cluster.spec.Of(component).flags;
  if (component == Component::kTaskManager) {
    return {Shell("taskmanager/bin/taskmanager.sh", kTaskManager),
            Lines(StandardProperties(), from_user, OwnProperties(cluster), "")};
  }
  return {Shell("bin/openmldb", kServer),
          Lines(StandardFlags(cluster, component), from_user, OwnFlags(cluster, component), "--")};
}

std::vector<std::string> VersionCommand() {
  return {"sh", "-c", absl::StrCat("program=bin/openmldb\n", kFindHome, kPrintVersion)};
}

std::vector<std::string> ListensOrStandsBy(Component component) {
  return {"sh", "-c", absl::StrFormat(kStandsBy, PortOf(component), kDataDirectory)};
}

}  // namespace omdb

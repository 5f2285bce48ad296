// Writes to tables of its own as fast as it is told to, until SIGTERM. Then prints what became of
// the rows, as one line of JSON: {"partitions", "acknowledged", "refused", "pauses": [ms], "lost"}.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "operator/openmldb/cluster.h"
#include "tests/contract/writer.h"

ABSL_FLAG(std::string, zookeeper, "", "The cluster's ZooKeeper: host:port,host:port");
ABSL_FLAG(std::string, root, "/openmldb", "The cluster's --zk_root_path");
ABSL_FLAG(std::string, credential, "sdefault", "The authorization of each call");
ABSL_FLAG(uint32_t, partitions, 24, "of three replicas, in tables of eight");
ABSL_FLAG(double, rate, 500, "rows a second over all partitions");

namespace {

using omdb::OpenMldb;
using omdb::PartitionId;
using omdb::Table;
using omdb::contract::Raw;
using omdb::contract::Writer;

constexpr char kDatabase[] = "fast";
constexpr uint32_t kPartitionsOfATable = 8;
constexpr uint32_t kReplicas = 3;

// Those that are there already stay.
void CreateTables(Raw& raw, uint32_t partitions) {
  raw.CreateDatabase(kDatabase);
  for (uint32_t made = 0; made < partitions; made += kPartitionsOfATable) {
    raw.CreateTable(kDatabase, absl::StrCat("t", made / kPartitionsOfATable),
                    std::min(kPartitionsOfATable, partitions - made), kReplicas);
  }
}

std::vector<PartitionId> Partitions(OpenMldb& openmldb) {
  std::vector<PartitionId> partitions;
  for (const Table& table : openmldb.ShowTable().value_or(std::vector<Table>())) {
    if (table.db != kDatabase) continue;
    for (const omdb::Partition& partition : table.partitions) partitions.push_back(partition.id);
  }
  return partitions;
}

// Acknowledged rows that the leader does not have.
size_t Lost(Raw& raw, OpenMldb& openmldb, const Writer& writer) {
  const auto partition = openmldb.GetPartition(writer.partition());
  const auto acknowledged = writer.acknowledged();
  if (!partition.ok() || partition->Leader() == nullptr) return acknowledged.size();
  const auto found = raw.Keys(partition->Leader()->endpoint, writer.partition());
  if (!found.ok()) return acknowledged.size();
  size_t lost = 0;
  for (const std::string& key : acknowledged) lost += 1 - found->count(key);
  return lost;
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("fast_writer --zookeeper=host:port --partitions=24");
  absl::ParseCommandLine(argc, argv);
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &end, nullptr);

  omdb::OpenMldbOptions options;
  options.credential = absl::GetFlag(FLAGS_credential);
  const auto openmldb = omdb::MakeOpenMldbFactory(options)->Connect(absl::GetFlag(FLAGS_zookeeper),
                                                                    absl::GetFlag(FLAGS_root));
  Raw raw(*openmldb, options.credential);
  CreateTables(raw, absl::GetFlag(FLAGS_partitions));
  const std::vector<PartitionId> partitions = Partitions(*openmldb);
  if (partitions.size() != absl::GetFlag(FLAGS_partitions)) {
    std::cerr << "the cluster has " << partitions.size() << " of the writer's partitions\n";
    return 1;
  }
  std::vector<std::unique_ptr<Writer>> writers;
  const absl::Duration interval =
      absl::Seconds(static_cast<double>(partitions.size()) / absl::GetFlag(FLAGS_rate));
  for (const PartitionId& partition : partitions)
    writers.push_back(std::make_unique<Writer>(raw, *openmldb, partition, interval));
  std::cout << "writing\n" << std::flush;

  int signal = 0;
  sigwait(&end, &signal);
  size_t acknowledged = 0;
  uint64_t refused = 0;
  size_t lost = 0;
  std::vector<double> pauses;
  for (const auto& writer : writers) writer->End();
  for (const auto& writer : writers) {
    writer->Stop();
    acknowledged += writer->acknowledged_count();
    refused += writer->refused_count();
    lost += Lost(raw, *openmldb, *writer);
    for (absl::Duration pause : writer->refusals())
      pauses.push_back(absl::ToDoubleMilliseconds(pause));
  }
  std::cout << nlohmann::json({{"partitions", partitions.size()},
                               {"acknowledged", acknowledged},
                               {"refused", refused},
                               {"pauses", pauses},
                               {"lost", lost}})
                   .dump()
            << "\n";
  return 0;
}

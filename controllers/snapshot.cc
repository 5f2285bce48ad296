#include "controllers/snapshot.h"

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"

namespace omdb {

std::string AddressOf(const Pod& pod) { return absl::StrCat(pod.ip, ":", PortOf(pod.component)); }

const Tablet* Database::FindTablet(const std::string& endpoint) const {
  for (const Tablet& tablet : tablets) {
    if (tablet.endpoint == endpoint) return &tablet;
  }
  return nullptr;
}

const Table* Database::TableOf(const PartitionId& id) const {
  for (const Table& table : tables) {
    if (table.tid == id.tid && table.name == id.table && table.db == id.db) return &table;
  }
  return nullptr;
}

const Partition* Database::FindPartition(const PartitionId& id) const {
  const Table* table = TableOf(id);
  if (table == nullptr) return nullptr;
  for (const Partition& partition : table->partitions) {
    if (partition.id.pid == id.pid) return &partition;
  }
  return nullptr;
}

const ReplicaStatus* Database::Status(const std::string& tablet, const PartitionId& id) const {
  auto found = loaded.find(tablet);
  if (found == loaded.end()) return nullptr;
  auto status = found->second.find({id.tid, id.pid});
  return status == found->second.end() ? nullptr : &status->second;
}

std::vector<const Pod*> Snapshot::PodsOf(Component component) const {
  std::vector<const Pod*> found;
  for (const Pod& pod : pods) {
    if (pod.component == component) found.push_back(&pod);
  }
  return found;
}

const Pod* Snapshot::FindPod(const std::string& name) const {
  for (const Pod& pod : pods) {
    if (pod.name == name) return &pod;
  }
  return nullptr;
}

}  // namespace omdb

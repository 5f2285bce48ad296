#include <algorithm>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "name_server.pb.h"
#include "tests/bench/by_hand.h"
#include "tests/simulator/world/caller.h"

namespace omdb::bench {
namespace {

constexpr uint32_t kLanes = 8;
constexpr absl::Duration kLookAtOps = absl::Milliseconds(250);

class ByTheNameserver : public ByHand {
 public:
  explicit ByTheNameserver(int partitions)
      : ByHand("OfflineEndpoint, RecoverEndpoint", partitions) {}

 protected:
  void Drain(const std::string& tablet) override {
    (void)openmldb().SetAutoFailover(false);
    led_ = LedBy(tablet);
    measured().leaders_moved += static_cast<int>(led_.size());
    (void)openmldb().OfflineEndpoint(tablet, kLanes);
    WaitForOps();
  }

  void Return(const std::string& tablet) override {
    ::openmldb::nameserver::RecoverEndpointRequest request;
    request.set_endpoint(tablet);
    request.set_concurrency(kLanes);
    simulator::Caller caller(story().world(), "person");
    const auto answer = caller.Call<::openmldb::nameserver::GeneralResponse>(
        *openmldb().AddressOf(openmldb().Nameservers()->front()),
        "openmldb.nameserver.NameServer/RecoverEndpoint", request);
    if (!answer.ok() || answer->code() != 0)
      throw std::runtime_error("RecoverEndpoint of " + tablet + " was refused");
    WaitForOps();
    for (const PartitionId& id : led_) {
      const auto partition = openmldb().GetPartition(id);
      if (!partition.ok() || partition->Leader() == nullptr || partition->LedBy(tablet)) continue;
      (void)openmldb().ChangeLeader(id, tablet);
      ++measured().leaders_moved;
      former_.emplace_back(id, partition->Leader()->endpoint);
    }
    WaitForOps();
    for (const auto& [id, leader] : former_) (void)openmldb().RecoverTable(id, leader);
    former_.clear();
    WaitForOps();
    RecoverWhatFailed();
    (void)openmldb().SetAutoFailover(true);
  }

  void BeforeStop(const std::string& pod) override {
    const auto address = openmldb().AddressOf(pod);
    const auto nameservers = openmldb().Nameservers();
    const bool nameserver =
        nameservers.ok() && std::count(nameservers->begin(), nameservers->end(), pod) > 0;
    if (address.ok()) (void)openmldb().DisconnectZk(*address, nameserver);
  }

 private:
  // It may fail for no reason (H4).
  void RecoverWhatFailed() {
    WaitUntil("the recovery of every replica", kLookAtOps, [&] {
      bool all = true;
      for (const Table& table : openmldb().ShowTable().value_or(std::vector<Table>())) {
        for (const Partition& partition : table.partitions) {
          for (const ReplicaMeta& meta : partition.replicas) {
            if (meta.is_alive) continue;
            all = false;
            (void)openmldb().RecoverTable(partition.id, meta.endpoint);
          }
        }
      }
      WaitForOps();
      return all;
    });
  }

  void WaitForOps() {
    WaitUntil("the end of all ops", kLookAtOps, [this] { return NoOpUnderWay(); });
  }

  std::vector<PartitionId> led_;
  std::vector<std::pair<PartitionId, std::string>> former_;
};

}  // namespace

Measured ByNameserver(int partitions) { return ByTheNameserver(partitions).Upgrade(); }

}  // namespace omdb::bench

#include "tests/bench/by_hand.h"

#include <algorithm>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "controllers/objects/objects.h"
#include "controllers/observe.h"

namespace omdb::bench {
namespace {

constexpr absl::Duration kLimit = absl::Hours(3);
constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr char kComponentLabel[] = "app.kubernetes.io/component";

}  // namespace

ByHand::ByHand(std::string way, int partitions) : story_(1, ShapeOf(partitions)) {
  measured_.way = std::move(way);
  measured_.partitions = partitions;
}

Measured ByHand::Upgrade() {
  try {
    if (!story_.Begin(kFrom)) throw std::runtime_error("the cluster was not created");
    const absl::Time began = story_.world().executor.Now();
    Part("nameservers", [this] { UpgradeComponent(Component::kNameserver); });
    UpgradeTablets();
    Part("task managers", [this] { UpgradeComponent(Component::kTaskManager); });
    Part("API servers", [this] { UpgradeComponent(Component::kApiServer); });
    measured_.total = story_.world().executor.Now() - began;
  } catch (const std::runtime_error& error) {
    measured_.failure = error.what();
  }
  measured_.Conclude(story_);
  return std::move(measured_);
}

void ByHand::WaitUntil(const std::string& what, absl::Duration every,
                       const std::function<bool()>& condition) {
  const absl::Time give_up = story_.world().executor.Now() + kLimit;
  while (!condition()) {
    if (story_.world().executor.Now() > give_up) throw std::runtime_error(what + " did not happen");
    Sleep(every);
  }
}

bool ByHand::NoOpUnderWay() {
  const auto ops = openmldb().ShowOpStatus();
  return ops.ok() &&
         std::none_of(ops->begin(), ops->end(), [](const Op& op) { return op.UnderWay(); });
}

void ByHand::Part(const std::string& name, const std::function<void()>& act) {
  const absl::Time began = story_.world().executor.Now();
  act();
  measured_.Add(name, story_.world().executor.Now() - began);
}

std::vector<PartitionId> ByHand::LedBy(const std::string& tablet) {
  std::vector<PartitionId> led;
  for (const Table& table : openmldb().ShowTable().value_or(std::vector<Table>())) {
    for (const Partition& partition : table.partitions) {
      if (partition.LedBy(tablet)) led.push_back(partition.id);
    }
  }
  return led;
}

void ByHand::UpgradeTablets() {
  SetTemplate(Component::kTablet);
  for (int i = 0; i < story_.shape().tablets; ++i) {
    const std::string tablet = story_.tablet_name(i);
    Part("Drain", [&] { Drain(tablet); });
    Part("Restart", [&] { Replace(tablet); });
    Part("Return", [&] { Return(tablet); });
  }
}

void ByHand::UpgradeComponent(Component component) {
  SetTemplate(component);
  std::vector<std::string> pods;
  for (const Json* pod : story_.kubernetes().All(types::Pod())) {
    if (pod->at("metadata").at("labels").at(kComponentLabel) == ToString(component))
      pods.push_back(pod->at("metadata").at("name"));
  }
  const std::string leader = openmldb().Nameservers().value().front();
  std::stable_partition(pods.begin(), pods.end(),
                        [&leader](const std::string& pod) { return pod != leader; });
  for (const std::string& pod : pods) Replace(pod);
}

void ByHand::SetTemplate(Component component) {
  for (const ResourceType* type : {&types::StatefulSet(), &types::Deployment()}) {
    for (const Json* found : story_.kubernetes().All(*type)) {
      if (found->at("metadata").at("labels").at(kComponentLabel) != ToString(component)) continue;
      Json workload = *found;
      workload["spec"]["template"]["metadata"]["annotations"][kVersionAnnotation] = kTo;
      story_.kubernetes().Put(*type, std::move(workload));
    }
  }
}

void ByHand::Replace(const std::string& pod) {
  BeforeStop(pod);
  (void)story_.kubernetes().Delete(types::Pod(), {story_.key().ns, pod}, "");
  WaitUntil(pod + " of the new version", kLook, [&] { return RunsNewVersion(pod); });
}

Json* ByHand::FindPod(const std::string& name) {
  return story_.kubernetes().Find(types::Pod(), {story_.key().ns, name});
}

bool ByHand::RunsNewVersion(const std::string& pod) {
  const Json* found = FindPod(pod);
  if (found == nullptr || !ReadPod(*found).ready || ReadPod(*found).version != kTo) return false;
  const auto tablets = openmldb().ShowTablet();
  if (!tablets.ok()) return false;  // no nameserver leads
  return std::all_of(tablets->begin(), tablets->end(), [&pod](const Tablet& tablet) {
    return tablet.endpoint != pod || tablet.healthy;
  });
}

}  // namespace omdb::bench

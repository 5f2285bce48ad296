#include "operator/kube/lease_decision.h"

#include "absl/strings/match.h"

namespace omdb::kube {
namespace {

constexpr char kMicroTime[] = "%Y-%m-%dT%H:%M:%E6SZ";

absl::Time ParseMicroTime(const Json& spec, const char* field) {
  absl::Time time = absl::UnixEpoch();
  const std::string text = spec.value(field, "");
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return absl::UnixEpoch();
  return time;
}

std::string FormatMicroTime(absl::Time time) {
  return absl::FormatTime(kMicroTime, time, absl::UTCTimeZone());
}

}  // namespace

LeaseRecord ParseLease(const Json& object) {
  const Json spec = object.value("spec", Json::object());
  return {
      .holder = spec.value("holderIdentity", ""),
      .duration = absl::Seconds(spec.value("leaseDurationSeconds", 15)),
      .acquired = ParseMicroTime(spec, "acquireTime"),
      .renewed = ParseMicroTime(spec, "renewTime"),
      .transitions = spec.value("leaseTransitions", int64_t{0}),
      .resource_version = object.value("metadata", Json::object()).value("resourceVersion", ""),
  };
}

Json LeaseObject(const ObjectKey& key, const LeaseRecord& record) {
  Json spec{{"leaseDurationSeconds", absl::ToInt64Seconds(record.duration)},
            {"leaseTransitions", record.transitions}};
  if (record.renewed != absl::UnixEpoch()) {
    spec["acquireTime"] = FormatMicroTime(record.acquired);
    spec["renewTime"] = FormatMicroTime(record.renewed);
  }
  // An empty holder is left out: the API server does not accept one.
  if (!record.holder.empty()) spec["holderIdentity"] = record.holder;
  Json metadata{{"namespace", key.ns}, {"name", key.name}};
  if (!record.resource_version.empty()) metadata["resourceVersion"] = record.resource_version;
  return {{"apiVersion", types::Lease().ApiVersion()},
          {"kind", types::Lease().kind},
          {"metadata", metadata},
          {"spec", spec}};
}

LeaseDecision DecideLease(const ObservedLease& observed, const Candidate& candidate,
                          absl::Duration elapsed, absl::Time now) {
  using What = LeaseDecision::What;
  LeaseRecord mine{.holder = candidate.identity,
                   .duration = candidate.duration,
                   .acquired = now,
                   .renewed = now};
  // Nobody's at first: the API server would count the holder among the fields of the create, and no
  // later apply could take it out again to give the Lease back.
  if (!observed.record) return {What::kCreate, LeaseRecord{.duration = candidate.duration}};

  const LeaseRecord& record = *observed.record;
  mine.resource_version = record.resource_version;
  if (record.holder == candidate.identity) {
    mine.acquired = record.acquired;
    mine.transitions = record.transitions;
    return {What::kRenew, mine};
  }
  const bool given_back = record.holder.empty();
  const bool ended =
      !candidate.predecessors.empty() && absl::StartsWith(record.holder, candidate.predecessors);
  if (!given_back && !ended && elapsed < observed.changed_at + record.duration)
    return {What::kWait, record};
  const bool never_held = given_back && record.renewed == absl::UnixEpoch();
  mine.transitions = never_held ? record.transitions : record.transitions + 1;
  return {What::kAcquire, mine};
}

LeaseRecord ReleasedLease(const LeaseRecord& held, absl::Time now) {
  LeaseRecord released = held;
  released.holder.clear();
  released.duration = absl::Seconds(1);
  released.acquired = now;
  released.renewed = now;
  return released;
}

}  // namespace omdb::kube

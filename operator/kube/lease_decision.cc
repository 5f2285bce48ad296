#include "operator/kube/lease_decision.h"

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
  Json spec{
      {"leaseDurationSeconds", absl::ToInt64Seconds(record.duration)},
      {"acquireTime", FormatMicroTime(record.acquired)},
      {"renewTime", FormatMicroTime(record.renewed)},
      {"leaseTransitions", record.transitions},
  };
  // An empty holder is left out: the API server does not accept one.
  if (!record.holder.empty()) spec["holderIdentity"] = record.holder;
  Json metadata{{"namespace", key.ns}, {"name", key.name}};
  if (!record.resource_version.empty()) metadata["resourceVersion"] = record.resource_version;
  return {{"apiVersion", types::Lease().ApiVersion()},
          {"kind", types::Lease().kind},
          {"metadata", metadata},
          {"spec", spec}};
}

LeaseDecision DecideLease(const ObservedLease& observed, const std::string& identity,
                          absl::Duration elapsed, absl::Time now, absl::Duration duration) {
  using What = LeaseDecision::What;
  LeaseRecord mine{.holder = identity, .duration = duration, .acquired = now, .renewed = now};
  if (!observed.record) return {What::kCreate, mine};

  const LeaseRecord& record = *observed.record;
  mine.resource_version = record.resource_version;
  if (record.holder == identity) {
    mine.acquired = record.acquired;
    mine.transitions = record.transitions;
    return {What::kRenew, mine};
  }
  const bool given_back = record.holder.empty();
  if (!given_back && elapsed < observed.changed_at + record.duration) return {What::kWait, record};
  mine.transitions = record.transitions + 1;
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

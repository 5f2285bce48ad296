// The operator's own pod templates under another name, and over them those of an operator that
// renders every one of them differently, as a later version may. All else of it is the operator
// itself, so what two versions do to a running cluster can be seen.
#define PodTemplate FormerPodTemplate            // NOLINT(cppcoreguidelines-macro-usage)
#include "controllers/objects/pod_templates.cc"  // NOLINT(bugprone-suspicious-include)
#undef PodTemplate

namespace omdb {

Json PodTemplate(const Cluster& cluster, Component component, const std::string& version) {
  Json pod = FormerPodTemplate(cluster, component, version);
  pod["metadata"]["annotations"]["example.com/rendered-by"] = "next";
  pod["spec"]["containers"][0]["env"].push_back({{"name", "RENDERED_BY"}, {"value", "next"}});
  return pod;
}

}  // namespace omdb

#ifndef OMDB_TESTS_UNIT_KUBE_FAKE_TRANSPORT_H_
#define OMDB_TESTS_UNIT_KUBE_FAKE_TRANSPORT_H_

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controllers/kubernetes.h"
#include "operator/kube/transport.h"

namespace omdb::kube {

// A server that answers as its script says, in order, and stops everything when the script is over.
// For one thread.
class FakeTransport : public HttpTransport {
 public:
  struct Answer {
    absl::StatusOr<HttpResponse> response;
    std::vector<std::string> lines;  // of a stream, before it ends with `response`
    std::function<void()> before;    // runs when the request comes
  };

  // A JSON answer.
  void Add(int code, const Json& body, std::optional<absl::Duration> retry_after = std::nullopt) {
    answers_.push_back({HttpResponse{code, body.dump(), retry_after}});
  }
  void AddError(absl::Status status) { answers_.push_back({std::move(status)}); }
  // Lines and then the end, in good order unless `end` is an error.
  void AddStream(const std::vector<Json>& events, const absl::Status& end = absl::OkStatus()) {
    Answer answer{end.ok() ? absl::StatusOr<HttpResponse>(HttpResponse{200}) : end};
    for (const Json& event : events) answer.lines.push_back(event.dump());
    answers_.push_back(std::move(answer));
  }
  void Add(Answer answer) { answers_.push_back(std::move(answer)); }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request, StopSignal& stop) override {
    requests.push_back(request);
    if (answers_.empty()) {
      stop.Stop();
      return absl::CancelledError("the script is over");
    }
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    if (answer.before) answer.before();
    return answer.response;
  }

  absl::StatusOr<HttpResponse> Stream(
      const HttpRequest& request, StopSignal& stop,
      const std::function<bool(absl::string_view line)>& on_line) override {
    requests.push_back(request);
    if (answers_.empty()) {
      stop.Stop();
      return absl::CancelledError("the script is over");
    }
    Answer answer = std::move(answers_.front());
    answers_.pop_front();
    if (answer.before) answer.before();
    for (const std::string& line : answer.lines) {
      if (!on_line(line)) return HttpResponse{200};
    }
    return answer.response;
  }

  std::string Host() const override { return "api.test:6443"; }

  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    for (const HttpRequest& request : requests) paths.push_back(request.path);
    return paths;
  }

  std::vector<HttpRequest> requests;

 private:
  std::deque<Answer> answers_;
};

inline Json StatusObject(int code, const std::string& reason, const std::string& message) {
  return {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},
          {"code", code},     {"reason", reason},   {"message", message}};
}

inline Json PodObject(const std::string& name, int version, const std::string& uid = "") {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"namespace", "db"},
            {"name", name},
            {"uid", uid.empty() ? "uid-" + name : uid},
            {"resourceVersion", std::to_string(version)}}}};
}

inline Json PodList(const std::vector<Json>& pods, int version, const std::string& next = "") {
  Json items = Json::array();
  for (Json pod : pods) {
    pod.erase("kind");  // as the API server leaves it out
    pod.erase("apiVersion");
    items.push_back(std::move(pod));
  }
  Json metadata{{"resourceVersion", std::to_string(version)}};
  if (!next.empty()) metadata["continue"] = next;
  return {{"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", metadata}, {"items", items}};
}

inline Json WatchEvent(const std::string& type, const Json& object) {
  return {{"type", type}, {"object", object}};
}

inline Json BookmarkEvent(int version) {
  return WatchEvent(
      "BOOKMARK", {{"kind", "Pod"}, {"metadata", {{"resourceVersion", std::to_string(version)}}}});
}

}  // namespace omdb::kube

#endif  // OMDB_TESTS_UNIT_KUBE_FAKE_TRANSPORT_H_

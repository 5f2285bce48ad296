#include "operator/kube/watcher.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "operator/kube/api_error.h"
#include "operator/kube/thread.h"

namespace omdb::kube {
namespace {

// A watch that the server ends sooner than this, without a word, is not in good order.
constexpr absl::Duration kTooSoon = absl::Seconds(1);

std::string Text(const Json& object, const char* field) {
  const auto it = object.find(field);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::string ResourceVersion(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return "";
  return Text(*metadata, "resourceVersion");
}

bool IsText(const Json& value) { return value.is_string(); }

// Deep enough that whoever reads its metadata on this thread throws nothing.
bool IsWellFormed(const Json& object) {
  if (ResourceVersion(object).empty()) return false;
  const Json& metadata = object.at("metadata");
  for (const char* field : {"namespace", "name", "uid"}) {
    if (const auto at = metadata.find(field); at != metadata.end() && !IsText(*at)) return false;
  }
  const auto labels = metadata.find("labels");
  return labels == metadata.end() ||
         (labels->is_object() && std::all_of(labels->begin(), labels->end(), IsText));
}

bool IsList(const Json& answer) {
  if (ResourceVersion(answer).empty()) return false;
  const auto items = answer.find("items");
  if (items == answer.end()) return true;  // Go writes null for an empty list
  return items->is_array() && std::all_of(items->begin(), items->end(), IsWellFormed);
}

std::optional<EventType> ParseEventType(absl::string_view text) {
  if (text == "ADDED") return EventType::kAdded;
  if (text == "MODIFIED") return EventType::kModified;
  if (text == "DELETED") return EventType::kDeleted;
  return std::nullopt;
}

absl::Duration UpToTwice(absl::Duration duration) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return duration * std::uniform_real_distribution<double>(1.0, 2.0)(random);
}

}  // namespace

bool WatchScope::Contains(const Json& object) const {
  const Json metadata = object.value("metadata", Json::object());
  if (!ns.empty() && metadata.value("namespace", "") != ns) return false;
  const Json its_labels = metadata.value("labels", Json::object());
  for (const auto& [key, value] : labels) {
    if (its_labels.value(key, "") != value || !its_labels.contains(key)) return false;
  }
  return true;
}

Watcher::Watcher(Rest* rest, WatchScope scope, WatcherOptions options, WatchSink* sink)
    : rest_(rest), scope_(std::move(scope)), options_(std::move(options)), sink_(sink) {}

Watcher::~Watcher() {
  if (thread_.joinable()) thread_.join();
}

void Watcher::Start() {
  thread_ = StartThread(absl::StrCat("w-", scope_.type.plural), [this] { Run(); });
}

void Watcher::Run() {
  while (!rest_->stop().stopped()) {
    if (state_.phase == WatchPhase::kWatching) {
      RequestEvents();
    } else {
      RequestPage();
    }
  }
}

WatchStep Watcher::Take(const WatchInput& input, const std::string& trouble) {
  WatchStep step = NextStep(state_, input);
  state_ = step.next;
  if (step.effect == WatchStep::Effect::kDropPages) pages_.clear();
  if (!trouble.empty() && options_.on_trouble && !rest_->stop().stopped()) {
    options_.on_trouble(scope_, absl::StrCat(trouble, "; now ", ToString(state_)));
  }
  return step;
}

void Watcher::Wait(const WatchStep& step) {
  if (rest_->stop().stopped() || !step.back_off) return;  // a wait comes with a back-off
  absl::Duration pause =
      Backoff(step.next.failures - 1, options_.first_pause, options_.longest_pause);
  if (step.wait) pause = std::min(std::max(*step.wait, pause), options_.longest_pause);
  if (options_.sleeper) {
    options_.sleeper(pause);
  } else {
    rest_->stop().SleepFor(pause);
  }
}

void Watcher::RequestPage() {
  Query query;
  if (state_.paged) query.emplace_back("limit", absl::StrCat(options_.page_size));
  if (!scope_.labels.empty()) query.emplace_back("labelSelector", LabelSelector(scope_.labels));
  if (state_.phase == WatchPhase::kEmpty) {
    pages_.clear();
    sink_->ListBegins();
  } else {
    query.emplace_back("continue", state_.continue_token);
  }
  const std::string attempt = absl::StrCat("list ", scope_.type.plural);
  auto answer =
      rest_->Do({attempt, "GET", WithQuery(CollectionPath(scope_.type, scope_.ns), query)});
  if (answer.ok() && !IsList(*answer)) {
    answer = absl::UnavailableError(absl::StrCat(attempt, ": the answer is no list"));
  }
  if (!answer.ok()) {
    const int code = HttpCode(answer.status());
    const WatchInput input = code == 0
                                 ? WatchInput(watch::Broken{})
                                 : watch::Refused{code, std::string(answer.status().message()),
                                                  RetryAfter(answer.status())};
    Wait(Take(input, answer.status().ToString()));
    return;
  }
  for (Json& item : (*answer)["items"]) {
    item["apiVersion"] = scope_.type.ApiVersion();
    item["kind"] = scope_.type.kind;
    pages_.push_back(std::move(item));
  }
  const Json& metadata = (*answer)["metadata"];
  const WatchStep step =
      Take(watch::Page{Text(metadata, "continue"), Text(metadata, "resourceVersion")}, "");
  if (step.effect == WatchStep::Effect::kDeliverList) sink_->List(std::exchange(pages_, {}));
}

WatchInput Watcher::ReadLine(absl::string_view line, EventType* type, Json* object) const {
  Json event = ParseAnswer(line);
  if (!event.is_object() || !event.contains("object") || !event["object"].is_object()) {
    return watch::Garbage{};
  }
  *object = std::move(event["object"]);
  const std::string name = Text(event, "type");
  if (name == "ERROR") {
    const auto code = object->find("code");
    return watch::Refused{code != object->end() && code->is_number_integer() ? code->get<int>() : 0,
                          Text(*object, "message"), std::nullopt};
  }
  if (!IsWellFormed(*object)) return watch::Garbage{};
  const std::string version = ResourceVersion(*object);
  if (name == "BOOKMARK") return watch::Bookmark{version};
  const auto parsed = ParseEventType(name);
  if (!parsed) return watch::Garbage{};
  *type = *parsed;
  return watch::Event{version};
}

void Watcher::RequestEvents() {
  const absl::Duration lifetime =
      state_.bookmarks ? UpToTwice(options_.server_timeout) : options_.longest_silence * 2 / 3;
  Query query{{"watch", "true"},
              {"resourceVersion", state_.resource_version},
              {"timeoutSeconds", absl::StrCat(absl::ToInt64Seconds(lifetime))}};
  if (state_.bookmarks) query.emplace_back("allowWatchBookmarks", "true");
  if (!scope_.labels.empty()) query.emplace_back("labelSelector", LabelSelector(scope_.labels));

  HttpRequest request{"GET", WithQuery(CollectionPath(scope_.type, scope_.ns), query)};
  request.timeout = options_.longest_silence;
  const std::string attempt = absl::StrCat("watch ", scope_.type.plural);
  const absl::Time start = absl::Now();
  bool brought_something = false;
  std::optional<WatchStep> last;  // of a line that ended the stream
  const auto response = rest_->Stream(request, [&](absl::string_view line) {
    EventType type{};
    Json object;
    const WatchInput input = ReadLine(line, &type, &object);
    std::string trouble;
    if (const auto* refused = std::get_if<watch::Refused>(&input)) {
      trouble = ApiError(attempt, refused->code, Body(object)).ToString();
    } else if (std::holds_alternative<watch::Garbage>(input)) {
      trouble = absl::StrCat(attempt, ": a line that is no event: ", line.substr(0, 100));
    }
    WatchStep step = Take(input, trouble);
    if (step.effect == WatchStep::Effect::kDeliverEvent) sink_->Event(type, std::move(object));
    brought_something = true;
    if (step.stream_goes_on) return true;
    last = std::move(step);
    return false;
  });
  if (last) {
    Wait(*last);
  } else if (!response.ok()) {
    Wait(Take(watch::Broken{}, absl::StrCat(attempt, ": ", response.status().ToString())));
  } else if (response->code != 200) {
    const absl::Status error = ApiError(attempt, response->code, response->body);
    Wait(Take(watch::Refused{response->code, std::string(error.message()), response->retry_after},
              error.ToString()));
  } else {
    const bool too_soon = !brought_something && absl::Now() - start < kTooSoon;
    Wait(Take(watch::Ended{too_soon}, too_soon ? absl::StrCat(attempt, ": ended at once") : ""));
  }
}

}  // namespace omdb::kube

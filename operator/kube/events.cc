#include "operator/kube/events.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "operator/kube/thread.h"

namespace omdb::kube {
namespace {

// Limits of the API.
constexpr size_t kMaxNote = 1024;
constexpr size_t kMaxReason = 128;
constexpr size_t kMaxName = 253;

std::string MicroTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// Not within a character of UTF-8, which the API server would refuse.
std::string Cut(const std::string& text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

Json NewEvent(const Json& regarding, const EventNote& note, const EventRecorderOptions& options,
              const std::string& key, absl::Time now) {
  const Json metadata = regarding.value("metadata", Json::object());
  const std::string name = metadata.value("name", "");
  const std::string ns = metadata.value("namespace", "default");
  // Unique among the events of the object, and the same when the write is repeated.
  const std::string suffix =
      absl::StrFormat(".%08x%012x", static_cast<uint32_t>(std::hash<std::string>{}(key)),
                      static_cast<uint64_t>(absl::ToUnixMicros(now)) & 0xFFFFFFFFFFFF);
  return {
      {"apiVersion", types::Event().ApiVersion()},
      {"kind", types::Event().kind},
      {"metadata", {{"namespace", ns}, {"name", Cut(name, kMaxName - suffix.size()) + suffix}}},
      {"eventTime", MicroTime(now)},
      {"regarding",
       {{"apiVersion", regarding.value("apiVersion", "")},
        {"kind", regarding.value("kind", "")},
        {"namespace", ns},
        {"name", name},
        {"uid", metadata.value("uid", "")},
        {"resourceVersion", metadata.value("resourceVersion", "")}}},
      {"type", note.warning ? "Warning" : "Normal"},
      {"reason", Cut(note.reason, kMaxReason)},
      {"action", Cut(note.action.empty() ? note.reason : note.action, kMaxReason)},
      {"note", Cut(note.note, kMaxNote)},
      {"reportingController", options.controller},
      {"reportingInstance", Cut(options.instance, kMaxReason)},
  };
}

}  // namespace

EventRecorder::EventRecorder(Kubernetes* kubernetes, Clock* clock, EventRecorderOptions options)
    : kubernetes_(kubernetes), clock_(clock), options_(std::move(options)) {
  thread_ = StartThread("events", [this] { Run(); });
}

EventRecorder::~EventRecorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void EventRecorder::Record(const Json& regarding, const EventNote& note) {
  const absl::Time now = clock_->Now();
  const std::string key =
      absl::StrCat(regarding.value("metadata", Json::object()).value("uid", ""), "\n", note.warning,
                   "\n", note.reason, "\n", note.action, "\n", note.note);
  std::lock_guard lock(mutex_);
  Expire(now);
  if (!series_.contains(key)) MakeRoom();
  Series& series = series_[key];
  if (series.count == 0) series.event = NewEvent(regarding, note, options_, key, now);
  ++series.count;
  series.last = now;
  if (series.queued) return;
  if (queue_.size() >= options_.queue_limit) {
    ++dropped_;
    series_[queue_.front()].queued = false;
    queue_.pop_front();
  }
  series.queued = true;
  queue_.push_back(key);
  changed_.notify_all();
}

void EventRecorder::Flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && !writing_; });
}

int64_t EventRecorder::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

void EventRecorder::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Series& series = series_[queue_.front()];
    queue_.pop_front();
    series.queued = false;
    Json event = series.event;
    if (series.count > 1) {
      event["series"] = {{"count", series.count}, {"lastObservedTime", MicroTime(series.last)}};
    }
    writing_ = true;
    lock.unlock();
    // Applied and not created, so that a repeated write makes no second event and a series counts
    // on where its event was.
    const auto stored = kubernetes_->Apply(types::Event(), event);
    if (!stored.ok() && options_.on_trouble) options_.on_trouble(stored.status());
    lock.lock();
    writing_ = false;
    changed_.notify_all();
  }
}

void EventRecorder::Expire(absl::Time now) {
  std::erase_if(series_, [&](const auto& entry) {
    return !entry.second.queued && now - entry.second.last > options_.series_window;
  });
}

void EventRecorder::MakeRoom() {
  if (series_.size() < options_.series_limit) return;
  auto oldest = series_.end();
  for (auto it = series_.begin(); it != series_.end(); ++it) {
    if (it->second.queued) continue;
    if (oldest == series_.end() || it->second.last < oldest->second.last) oldest = it;
  }
  if (oldest != series_.end()) series_.erase(oldest);
}

}  // namespace omdb::kube

#include "operator/kube/connection.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace omdb::kube {
namespace {

constexpr absl::Duration kTokenIsFresh = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return absl::ErrnoToStatus(errno == 0 ? EIO : errno, absl::StrCat("cannot open ", path));
  std::ostringstream content;
  content << file.rdbuf();
  // An empty file leaves the failbit of `content`, which is no error.
  if (file.bad()) return absl::DataLossError(absl::StrCat("cannot read ", path));
  return content.str();
}

TokenSource::TokenSource(std::string token, std::string file, MonotonicClock* clock)
    : file_(std::move(file)), clock_(clock), token_(std::move(token)) {}

absl::StatusOr<std::string> TokenSource::Get() {
  std::lock_guard lock(mutex_);
  if (file_.empty() || clock_->Elapsed() - read_at_ < kTokenIsFresh) return token_;
  const auto content = ReadFile(file_);
  if (content.ok() && !content->empty()) {
    token_ = std::string(absl::StripAsciiWhitespace(*content));
    read_at_ = clock_->Elapsed();
  } else if (token_.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the token of the service account cannot be read: ",
                     content.ok() ? absl::StrCat(file_, " is empty") : content.status().message()));
  }
  return token_;
}

void TokenSource::Refused() {
  std::lock_guard lock(mutex_);
  read_at_ = -absl::InfiniteDuration();
}

}  // namespace omdb::kube

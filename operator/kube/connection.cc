#include "operator/kube/connection.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace omdb::kube {
namespace {

constexpr absl::Duration kTokenIsFresh = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  errno = EIO;  // unless opening says better
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  std::string content;
  std::array<char, 4096> chunk;
  while (file) {
    file.read(chunk.data(), chunk.size());
    content.append(chunk.data(), static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return absl::DataLossError(absl::StrCat("cannot read ", path));
  return content;
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

#include "operator/kube/resource_version.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace omdb::kube {
namespace {

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

absl::string_view WithoutZeros(absl::string_view number) {
  const size_t first = number.find_first_not_of('0');
  return first == absl::string_view::npos ? "" : number.substr(first);
}

}  // namespace

bool IsLater(absl::string_view a, absl::string_view b) {
  if (!IsNumber(a) || !IsNumber(b)) return a != b;
  a = WithoutZeros(a);
  b = WithoutZeros(b);
  return a.size() != b.size() ? a.size() > b.size() : a > b;
}

}  // namespace omdb::kube

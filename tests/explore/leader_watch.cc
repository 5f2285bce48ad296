#include "tests/explore/leader_watch.h"

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace omdb::explore {
namespace {

// Where an old leader is demoted only after the change it takes rows for longer (M2).
constexpr absl::Duration kInterval = absl::Milliseconds(50);

}  // namespace

void LeaderWatch::Look() {
  if (!two_leaders_.empty()) return;
  absl::flat_hash_map<std::pair<uint32_t, uint32_t>, absl::string_view> leaders;
  for (int i = 0; i < story_.shape().tablets; ++i) {
    auto* tablet = story_.tablet(i);
    if (tablet == nullptr || !tablet->running() || tablet->paused()) continue;
    for (const auto& id : tablet->server().TakesRowsOf()) {
      const auto [other, first] = leaders.try_emplace(id, tablet->name());
      if (first) continue;
      two_leaders_ = absl::StrCat("two tablets take rows of partition ", id.first, "/", id.second,
                                  ": ", other->second, " and ", tablet->name());
      since_ = story_.world().executor.Now();
      return story_.Tell(two_leaders_);
    }
  }
  story_.world().executor.Schedule(kInterval, [this, alive = alive_] {
    if (*alive) Look();
  });
}

}  // namespace omdb::explore

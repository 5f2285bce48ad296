#ifndef OMDB_TESTS_EXPLORE_LEADER_WATCH_H_
#define OMDB_TESTS_EXPLORE_LEADER_WATCH_H_

#include <memory>
#include <string>

#include "tests/explore/story.h"

namespace omdb::explore {

// Looks all the time whether two tablets take rows of the same partition (F10.3): what one of them
// takes is lost.
class LeaderWatch {
 public:
  // From now on; the story outlives this.
  explicit LeaderWatch(Story& story) : story_(story) { Look(); }
  ~LeaderWatch() { *alive_ = false; }
  LeaderWatch(const LeaderWatch&) = delete;
  LeaderWatch& operator=(const LeaderWatch&) = delete;

  // The first time that two do; empty when there was none.
  const std::string& two_leaders() const { return two_leaders_; }
  absl::Time since() const { return since_; }

 private:
  void Look();

  Story& story_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string two_leaders_;
  absl::Time since_ = absl::InfiniteFuture();
};

}  // namespace omdb::explore

#endif  // OMDB_TESTS_EXPLORE_LEADER_WATCH_H_

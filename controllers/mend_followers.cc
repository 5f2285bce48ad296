#include "controllers/mend_replicas.h"
#include "controllers/mend_steps.h"

namespace omdb {
namespace {

constexpr int kRejoinsAtATime = 8;

class Followers {
 public:
  explicit Followers(ReplicasToMend& all) : all_(all), plan_(all.plan), database_(all.database) {}

  void Mend(const Partition& partition) {
    for (const ReplicaMeta& meta : partition.replicas) {
      if (meta.endpoint == partition.Leader()->endpoint || !Serves(database_, meta.endpoint))
        continue;
      if (all_.InHand(meta, partition)) continue;
      MendFollower(partition, meta);
    }
  }

 private:
  void MendFollower(const Partition& partition, const ReplicaMeta& meta) {
    const ReplicaStatus* status = all_.Status(meta, partition);
    if (meta.is_alive) {
      const bool lost = status == nullptr || status->mode == TableMode::kLeader ||
                        NotFollowed(partition, meta.endpoint);
      auto& followed = plan_.ledger().followed_in_term;
      const std::string key = FollowerKey(partition.id, meta.endpoint);
      if (!lost) {
        followed.erase(key);
        return;
      }
      if (status == nullptr) plan_.RememberTerm(partition, meta.endpoint);
      plan_.Do(action::MarkNotAlive{partition.id, meta.endpoint});
      return;
    }
    if (status != nullptr && status->Loading()) return;
    // It still accepts writes (H1, H2), which nobody would have (M1).
    if (status != nullptr && status->mode == TableMode::kLeader) {
      plan_.Do(action::Demote{partition.id, meta.endpoint});
    } else if (rejoins_++ < kRejoinsAtATime) {
      plan_.Do(action::Rejoin{partition.id, meta.endpoint});
    }
  }

  // By the closer look: its leader does not replicate to it, or to where its tablet was before
  // (F5.11). A restarted one knows no term until its leader has reached it (H1, M12).
  bool NotFollowed(const Partition& partition, const std::string& follower) const {
    if (!database_.closely) return false;
    const auto list = database_.closely->followers.find(ToString(partition.id));
    return list != database_.closely->followers.end() &&
           (list->second.count(follower) == 0 || all_.TermOf(partition, follower) == 0);
  }

  ReplicasToMend& all_;
  Plan& plan_;
  const Database& database_;
  int rejoins_ = 0;
};

}  // namespace

void MendFollowers(ReplicasToMend& replicas) {
  Followers followers(replicas);
  for (const Partition* partition : replicas.led) followers.Mend(*partition);
}

}  // namespace omdb

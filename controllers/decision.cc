#include "controllers/decision.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace omdb {
namespace {

// "db.t/3 (tid 7)", or "8 partitions of db.t".
std::string Named(const std::vector<PartitionId>& of_a_table) {
  const PartitionId& first = of_a_table.front();
  return of_a_table.size() == 1
             ? ToString(first)
             : absl::StrCat(of_a_table.size(), " partitions of ", first.db, ".", first.table);
}

struct Printer {
  std::string operator()(const action::Apply& a) const {
    return absl::StrCat("apply ", a.type.kind, " ",
                        a.object.at("metadata").at("name").get<std::string>());
  }
  std::string operator()(const action::CreatePod& a) const {
    return absl::StrCat("create pod ", a.object.at("metadata").at("name").get<std::string>());
  }
  std::string operator()(const action::DeletePod& a) const {
    return absl::StrCat("delete pod ", a.name);
  }
  std::string operator()(const action::SetAutoFailover& a) const {
    return absl::StrCat("set auto_failover ", a.on ? "true" : "false");
  }
  std::string operator()(const action::HandOver& a) const {
    return absl::StrCat("hand over ",
                        absl::StrJoin(a.leaders, " and ",
                                      [](std::string* out, const LeaderToMove& leader) {
                                        absl::StrAppend(out, ToString(leader.partition), " to ",
                                                        leader.to);
                                      }),
                        " from ", a.from);
  }
  std::string operator()(const action::AddReplica& a) const {
    return absl::StrCat("add replica of ", ToString(a.partition), " on ", a.endpoint);
  }
  std::string operator()(const action::DropLeftover& a) const {
    return absl::StrCat("drop what is left of ", ToString(a.partition), " on ", a.tablet);
  }
  std::string operator()(const action::DeleteReplica& a) const {
    return absl::StrCat("delete replica of ", ToString(a.partition), " on ", a.endpoint);
  }
  std::string operator()(const action::Detach& a) const {
    const bool one = a.partitions.size() == 1;
    return absl::StrCat("detach ", a.tablet, one ? " from " + a.leaders[0] : "", " for ",
                        Named(a.partitions));
  }
  std::string operator()(const action::Load& a) const {
    return absl::StrCat("load ", a.requests.size(), " partitions on ", a.tablet);
  }
  std::string operator()(const action::Attach& a) const {
    return absl::StrCat("attach ", a.follower, " for ", a.partitions.size(), " partitions");
  }
  std::string operator()(const action::MarkAlive& a) const {
    return absl::StrCat("mark ", a.tablet, " alive for ", Named(a.partitions));
  }
  std::string operator()(const action::MarkLeaderAlive& a) const {
    return absl::StrCat("mark ", a.endpoint, " alive for ", ToString(a.partition),
                        " as its leader");
  }
  std::string operator()(const action::Recover& a) const {
    return absl::StrCat("recover ", ToString(a.partition), " on ", a.endpoint);
  }
  std::string operator()(const action::EndZooKeeperSession& a) const {
    return absl::StrCat("end the ZooKeeper session of ", a.address);
  }
  std::string operator()(const action::RenewZooKeeperSession& a) const {
    return absl::StrCat("renew the ZooKeeper session of ", a.address);
  }
  std::string operator()(const action::LeadAgain& a) const {
    return absl::StrCat("make ", a.tablet, " lead ", ToString(a.partition), " again");
  }
  std::string operator()(const action::Rejoin& a) const {
    return absl::StrCat("let ", a.tablet, " rejoin ", ToString(a.partition));
  }
  std::string operator()(const action::MarkNotAlive& a) const {
    return absl::StrCat("mark ", a.endpoint, " not alive for ", ToString(a.partition));
  }
  std::string operator()(const action::Demote& a) const {
    return absl::StrCat("demote ", a.tablet, " for ", ToString(a.partition));
  }
  std::string operator()(const action::RecoverSnapshot& a) const {
    return absl::StrCat("let ", a.tablet, " make snapshots of ", ToString(a.partition), " again");
  }
  std::string operator()(const action::EndOp& a) const { return absl::StrCat("end op ", a.op.id); }
  std::string operator()(const action::Offline& a) const {
    return absl::StrCat("take tablet ", a.tablet, " offline");
  }
  std::string operator()(const action::Unfence& a) const {
    return absl::StrCat("lift the fence of ", a.tablet);
  }
};

}  // namespace

std::string ToString(const Action& action) { return std::visit(Printer(), action); }

bool CanBeUndone(const Action& action) {
  return !std::holds_alternative<action::HandOver>(action) &&
         !std::holds_alternative<action::MarkLeaderAlive>(action) &&
         !std::holds_alternative<action::DeletePod>(action) &&
         !std::holds_alternative<action::DeleteReplica>(action) &&
         !std::holds_alternative<action::DropLeftover>(action) &&
         !std::holds_alternative<action::Recover>(action) &&
         !std::holds_alternative<action::Rejoin>(action) &&
         !std::holds_alternative<action::LeadAgain>(action) &&
         !std::holds_alternative<action::Offline>(action);
}

}  // namespace omdb

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(NameserverRollout, BeginsWithTheTemplateAndRemembersWhereItStarted) {
  WholeCluster cluster;
  cluster.WithTable("t", 2, 2).Asked("0.9.2");
  const Decision decision = Decide(cluster.seen, {});
  EXPECT_THAT(Actions(decision), ElementsAre("apply StatefulSet c-nameserver"));
  ASSERT_TRUE(decision.ledger.rollout.has_value());
  EXPECT_EQ(decision.ledger.rollout->from_version, "0.9.1");
  EXPECT_EQ(decision.ledger.rollout->to_version, "0.9.2");
  EXPECT_EQ(decision.ledger.rollout->offsets.size(), 2u);
}

TEST_F(Upgrading, ReplacesTheStandbyNameserverFirst) {
  EXPECT_THAT(Actions(Next()),
              ElementsAre(HasSubstr("end the ZooKeeper session"), "delete pod c-nameserver-1"));
}

TEST_F(Upgrading, ReplacesTheLeadingNameserverLast) {
  cluster.Replace("c-nameserver-1");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision),
              ElementsAre(HasSubstr("end the ZooKeeper session"), "delete pod c-nameserver-0"));
  EXPECT_EQ(decision.notes.front().reason, "NameserverHandOver");
}

TEST_F(Upgrading, WaitsForANameserverThatIsNotInTheElection) {
  cluster.Replace("c-nameserver-1");
  cluster.seen.database->nameservers = {"c-nameserver-0"};
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_THAT(decision.progress, HasSubstr("election"));
}

TEST_F(Upgrading, DrainsNothingWhileANewNameserverReportsAnotherVersion) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").reported_version = "0.9.1";
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "VersionMismatch");
}

TEST_F(Upgrading, TakesAVersionWithItsCommitForThatVersion) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").reported_version = "0.9.2-5ca1ab1e";
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-nameserver-0"));
  cluster.MutablePod("c-nameserver-1").reported_version = "0.9.20";
  EXPECT_EQ(Next().reason, "VersionMismatch");
}

TEST_F(Upgrading, ReplacesABrokenPodOfAVersionThatIsNoLongerAskedFor) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").trouble = "ImagePullBackOff: no such image";
  cluster.Asked("0.9.3").TemplateUpgraded(Component::kNameserver);
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-nameserver-1"));
}

TEST_F(Upgrading, ReplacesAPodThatNeverRanWhenTheSpecIsCorrected) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").ready = false;
  cluster.MutablePod("c-nameserver-1").ip.clear();
  EXPECT_THAT(Actions(Next()), testing::IsEmpty()) << "it may be scheduled yet";
  cluster.Asked("0.9.3").TemplateUpgraded(Component::kNameserver);
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-nameserver-1"));
}

// Of a memory limit that is enough for a standby, say.
TEST_F(Upgrading, CorrectsNameserversOfWhichNoneAnswers) {
  for (const char* pod : {"c-nameserver-0", "c-nameserver-1"}) {
    cluster.Replace(pod);
    cluster.MutablePod(pod).ready = false;
  }
  cluster.seen.database.reset();
  cluster.MutablePod("c-nameserver-0").trouble = "CrashLoopBackOff: it does not stay";
  cluster.MutablePod("c-nameserver-1").deleting = true;
  EXPECT_THAT(Actions(Next()), testing::IsEmpty()) << "nothing is corrected yet";
  cluster.seen.cluster.spec.nameserver.flags["a"] = "b";
  EXPECT_THAT(Actions(Next()),
              ElementsAre("apply StatefulSet c-nameserver", "delete pod c-nameserver-0"));
  cluster.TemplateUpgraded(Component::kNameserver);
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-nameserver-0"));
  cluster.MutablePod("c-nameserver-0").trouble.clear();
  EXPECT_THAT(Actions(Next()), testing::IsEmpty()) << "it may come yet";
}

TEST(NameserverRollout, RemembersOffsetsOfLeadersThatAnswer) {
  WholeCluster cluster;
  cluster.WithTable("t", 3, 2).Asked("0.9.2");
  cluster.Meta("t", 0, "c-tablet-0").is_alive = false;
  cluster.seen.database->loaded.erase("c-tablet-1");
  const Ledger ledger = Decide(cluster.seen, {}).ledger;
  ASSERT_TRUE(ledger.rollout.has_value());
  EXPECT_EQ(ledger.rollout->offsets.size(), 1u);
  EXPECT_EQ(ledger.rollout->offsets.at(ToString(cluster.Id("t", 2))), 100u);
}

TEST_F(Upgrading, GoesOnToAnotherVersionFromWhereItBegan) {
  const auto offsets = ledger.rollout->offsets;
  for (const bool again : {false, true}) {
    cluster.Asked("0.9.3");
    const Decision decision = Next();
    EXPECT_THAT(Actions(decision), ElementsAre("apply StatefulSet c-nameserver"));
    EXPECT_EQ(decision.notes.empty(), again) << "that is told once";
    EXPECT_EQ(ledger.rollout->from_version, "0.9.1");
    EXPECT_EQ(ledger.rollout->to_version, "0.9.3");
    EXPECT_EQ(ledger.rollout->offsets, offsets);
  }
}

TEST_F(Upgrading, ReplacesNoNameserverWhileOneStops) {
  cluster.MutablePod("c-nameserver-1").deleting = true;
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(Upgrading, ReplacesNoNameserverWhileOneIsMissing) {
  std::erase_if(cluster.seen.pods, [](const Pod& pod) { return pod.name == "c-nameserver-1"; });
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(Upgrading, ReplacesNoNameserverUntilTheNewOneIsReady) {
  cluster.Replace("c-nameserver-1");
  cluster.MutablePod("c-nameserver-1").ready = false;
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.MutablePod("c-nameserver-1").ready = true;
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-nameserver-0"));
}

// It opens its port only when it leads (F1.4).
TEST_F(Upgrading, ReplacesAStandbyThatWasNeverReady) {
  cluster.MutablePod("c-nameserver-1").ready = false;
  EXPECT_THAT(Actions(Next()), testing::Contains("delete pod c-nameserver-1"));
}

TEST_F(Upgrading, ReplacesNoNameserverUntilOneToldItsVersion) {
  for (const char* name : {"c-nameserver-0", "c-nameserver-1"})
    cluster.MutablePod(name).reported_version.clear();
  EXPECT_THAT(Actions(Next()), IsEmpty());
}

TEST_F(Upgrading, ReplacesAPodWhoseServerReportsAnotherVersionThanAskedForBefore) {
  cluster.MutablePod("c-nameserver-0").reported_version = "0.8.0";
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-nameserver-0"));
}

TEST_F(Upgrading, NameserversAreDoneOnceTheLeaderToldItsVersion) {
  cluster.Upgraded(Component::kNameserver);
  cluster.MutablePod("c-nameserver-0").reported_version.clear();
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.MutablePod("c-nameserver-0").reported_version = "0.9.2";
  cluster.seen.database->nameservers = {"elsewhere", "c-nameserver-0", "c-nameserver-1"};
  EXPECT_THAT(Actions(Next()), IsEmpty()) << "a leader that is none of its pods";
  cluster.seen.database->nameservers = {"c-nameserver-0", "c-nameserver-1"};
  EXPECT_THAT(Actions(Next()), ElementsAre("apply StatefulSet c-tablet"));
}

}  // namespace
}  // namespace omdb

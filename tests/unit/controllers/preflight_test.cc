#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/upgrading.h"

namespace omdb {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> Reasons(const Decision& decision) {
  std::vector<std::string> reasons;
  for (const Note& note : decision.notes) reasons.push_back(note.reason);
  return reasons;
}

// Another version is asked for, and its image was not tried yet.
class PreflightTest : public testing::Test {
 protected:
  PreflightTest() {
    cluster.WithTable("t", 3, 3).Asked("0.9.2");
    cluster.seen.preflight.reset();
  }
  Decision Next() {
    Decision decision = Decide(cluster.seen, ledger);
    ledger = decision.ledger;
    return decision;
  }
  void NothingIsTouched(const Decision& decision, const std::string& reason) {
    EXPECT_THAT(Actions(decision), IsEmpty());
    EXPECT_EQ(decision.reason, reason);
    EXPECT_THAT(decision.message, AllOf(HasSubstr("4pdosc/openmldb:0.9.2"),
                                        HasSubstr("spec.version"), HasSubstr("spec.image")));
    EXPECT_EQ(decision.phase, "Waiting");
    EXPECT_FALSE(decision.stalled);
    EXPECT_FALSE(decision.ledger.rollout.has_value());
  }

  WholeCluster cluster;
  Ledger ledger;
};

TEST_F(PreflightTest, TriesTheImageBeforeAnythingIsTouched) {
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), ElementsAre("create pod c-preflight"));
  EXPECT_EQ(decision.phase, "Upgrading");
  EXPECT_FALSE(ledger.rollout.has_value());
}

TEST_F(PreflightTest, WaitsForItsEnd) {
  cluster.StartPreflight();
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "");
  EXPECT_THAT(decision.progress, HasSubstr("preflight"));
}

TEST_F(PreflightTest, BeginsTheRolloutOnceTheImageHoldsTheVersion) {
  cluster.EndPreflight(0, "openmldb version 0.9.2-5ca1ab1e\n");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision),
              ElementsAre("delete pod c-preflight", "apply StatefulSet c-nameserver"));
  EXPECT_THAT(Reasons(decision), ElementsAre("PreflightPassed", "UpgradeStarted"));
}

TEST_F(PreflightTest, IsNotRepeatedOnceItPassed) {
  cluster.EndPreflight(0, "openmldb version 0.9.2-5ca1ab1e\n");
  Next();
  cluster.seen.preflight.reset();
  EXPECT_THAT(Actions(Next()), ElementsAre("apply StatefulSet c-nameserver"));
  cluster.TemplateUpgraded(Component::kNameserver);
  EXPECT_THAT(Actions(Next()), Contains("delete pod c-nameserver-1"));
}

TEST_F(PreflightTest, IsRememberedByTheNextOperator) {
  ledger.preflighted = "0.9.2 4pdosc/openmldb:0.9.2";
  EXPECT_EQ(*LedgerFromJson(ToJson(ledger)), ledger);
}

TEST_F(PreflightTest, IsForgottenWithTheRollout) {
  cluster.EndPreflight(0, "openmldb version 0.9.2-5ca1ab1e\n");
  Next();
  cluster.seen.preflight.reset();
  for (Component component :
       {Component::kNameserver, Component::kTablet, Component::kTaskManager, Component::kApiServer})
    cluster.Upgraded(component);
  Next();
  EXPECT_EQ(ledger, Ledger());
}

TEST_F(PreflightTest, RefusesAnImageThatCannotBePulled) {
  for (const char* waiting :
       {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}) {
    PreflightPod& pod = cluster.StartPreflight();
    pod.waiting = waiting;
    pod.says = absl::StrCat(waiting, ": not found");
    const Decision decision = Next();
    NothingIsTouched(decision, "ImagePullFailed");
    EXPECT_THAT(decision.message, AllOf(HasSubstr(pod.says), HasSubstr("spec.imagePullSecrets")));
  }
}

TEST_F(PreflightTest, RefusesAnImageOfAnotherVersion) {
  cluster.EndPreflight(0, "openmldb version 0.9.20-5ca1ab1e\n");
  const Decision decision = Next();
  NothingIsTouched(decision, "VersionMismatch");
  EXPECT_THAT(decision.message, HasSubstr("holds version 0.9.20-5ca1ab1e"));
}

TEST_F(PreflightTest, RefusesAnImageWithoutAServerAndTriesItAgainLater) {
  cluster.EndPreflight(1, "no bin/openmldb in /work/openmldb or /openmldb of this image\n");
  const Decision decision = Next();
  NothingIsTouched(decision, "PreflightFailed");
  EXPECT_THAT(decision.message, HasSubstr("no bin/openmldb in /work/openmldb"));
  cluster.seen.now += absl::Minutes(1);
  const Decision later = Next();
  EXPECT_THAT(Actions(later), ElementsAre("delete pod c-preflight"));
  EXPECT_EQ(later.reason, "PreflightFailed");
}

TEST_F(PreflightTest, RefusesAnImageWhoseContainerIsNotStarted) {
  PreflightPod& pod = cluster.StartPreflight();
  pod.waiting = "CreateContainerConfigError";
  pod.says = "CreateContainerConfigError: image will run as root";
  NothingIsTouched(Next(), "PreflightFailed");
}

TEST_F(PreflightTest, GoesOnWithAWarningWhenNoVersionIsNamed) {
  cluster.EndPreflight(0, "openmldb version unknown\n");
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), Contains("apply StatefulSet c-nameserver"));
  ASSERT_THAT(Reasons(decision), Contains("VersionUnknown"));
  EXPECT_TRUE(decision.notes.front().warning);
  EXPECT_THAT(decision.notes.front().message, HasSubstr("openmldb version unknown"));
  EXPECT_THAT(Reasons(Next()), Not(Contains("VersionUnknown"))) << "it is said once";
}

TEST_F(PreflightTest, ReportsAPodThatDoesNotEnd) {
  PreflightPod& pod = cluster.StartPreflight();
  pod.says = "Unschedulable: 0/3 nodes are available";
  cluster.seen.now += cluster.seen.cluster.spec.upgrade.pod_timeout;
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_EQ(decision.reason, "PreflightNotFinished");
  EXPECT_THAT(decision.message,
              AllOf(HasSubstr("c-preflight"), HasSubstr("Unschedulable: 0/3 nodes"),
                    HasSubstr("spec.upgrade.podTimeout"), HasSubstr("spec.nameserver.pod")));
}

TEST_F(PreflightTest, MakesAPodAnewThatItsNodeRefused) {
  PreflightPod& pod = cluster.StartPreflight();
  pod.rejected = true;
  pod.says = "OutOfcpu: node has no room";
  EXPECT_EQ(Next().reason, "PreflightRejected");
  cluster.seen.now += absl::Seconds(10);
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-preflight"));
}

TEST_F(PreflightTest, RemovesThePodOfAnotherImageFirst) {
  cluster.EndPreflight(0, "openmldb version 0.9.2-5ca1ab1e\n");
  cluster.seen.cluster.spec.version = "0.9.3";
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-preflight"));
  cluster.seen.preflight->deleting = true;
  EXPECT_THAT(Actions(Next()), IsEmpty());
  cluster.seen.preflight.reset();
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, GoesBackToTheRunningVersionAtOnce) {
  cluster.EndPreflight(0, "openmldb version 0.9.1-5ca1ab1e\n");
  EXPECT_EQ(Next().reason, "VersionMismatch");
  cluster.seen.cluster.spec.version = "0.9.1";
  EXPECT_THAT(Actions(Next()), ElementsAre("delete pod c-preflight"));
  cluster.seen.preflight.reset();
  const Decision decision = Next();
  EXPECT_TRUE(decision.complete);
  EXPECT_EQ(ledger, Ledger());
}

TEST_F(PreflightTest, IsForgottenWhenTheUserThinksBetterOfIt) {
  ledger.preflighted = "0.9.2 4pdosc/openmldb:0.9.2";
  cluster.seen.cluster.spec.version = "0.9.1";
  EXPECT_TRUE(Next().complete);
  EXPECT_EQ(ledger.preflighted, "");
}

TEST_F(PreflightTest, TriesTheNextImageInTheMiddleOfARollout) {
  cluster.EndPreflight(0, "openmldb version 0.9.2-5ca1ab1e\n");
  Next();
  cluster.TemplateUpgraded(Component::kNameserver).seen.preflight.reset();
  cluster.seen.cluster.spec.version = "0.9.1";
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, LetsATabletInHandGoFirst) {
  ledger.tablet.emplace();
  ledger.tablet->name = "c-tablet-0";
  ledger.tablet->pod_uid = cluster.MutablePod("c-tablet-0").uid;
  ledger.tablet->step = TabletStep::kRestart;
  cluster.KeepSupportingObjects(true);
  cluster.MutablePod("c-tablet-0").trouble = "CrashLoopBackOff: it does not start";
  EXPECT_THAT(Actions(Next()), Not(Contains(HasSubstr("preflight"))));
}

TEST_F(PreflightTest, TriesTheImageThatIsToReplaceOneWhichKeepsATabletDown) {
  ledger.tablet.emplace();
  ledger.tablet->name = "c-tablet-0";
  ledger.tablet->pod_uid = "the former one";
  ledger.tablet->step = TabletStep::kRestart;
  cluster.MutablePod("c-tablet-0").trouble = "CrashLoopBackOff: it does not start";
  cluster.KeepSupportingObjects(true);
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, TriesAnImageWhereNobodyKnowsWhetherATabletServes) {
  ledger.tablet.emplace();
  ledger.tablet->name = "c-tablet-0";
  ledger.tablet->pod_uid = "the former one";
  ledger.tablet->step = TabletStep::kRestart;
  cluster.seen.database.reset();
  cluster.KeepSupportingObjects(true);
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, LetsATabletGoFirstThatComesBack) {
  ledger.tablet.emplace();
  ledger.tablet->name = "c-tablet-0";
  ledger.tablet->pod_uid = "the former one";
  ledger.tablet->step = TabletStep::kRestart;
  cluster.KeepSupportingObjects(true);
  EXPECT_THAT(Actions(Next()), Not(Contains(HasSubstr("preflight")))) << "its pod is well";
  cluster.MutablePod("c-tablet-0").reported_version = "0.8.5";
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight")) << "of another version";
  std::erase_if(cluster.seen.pods, [](const Pod& pod) { return pod.name == "c-tablet-0"; });
  cluster.seen.preflight.reset();
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight")) << "it may not be made";
}

TEST_F(PreflightTest, RefusesWhateverKeepsAnImageFromBeingPulled) {
  for (const std::string waiting :
       {"ErrImagePull", "RegistryUnavailable", "SignatureValidationFailed"}) {
    cluster.StartPreflight().waiting = waiting;
    NothingIsTouched(Next(), "ImagePullFailed");
  }
}

TEST_F(PreflightTest, StartsOnceMoreWhenItsPodIsDeleted) {
  cluster.StartPreflight().deleting = true;
  const Decision decision = Next();
  EXPECT_THAT(Actions(decision), IsEmpty());
  EXPECT_THAT(decision.progress, HasSubstr("starting once more"));
}

TEST_F(PreflightTest, SaysThatAContainerRunsTooLong) {
  cluster.StartPreflight().created -= cluster.seen.cluster.spec.upgrade.pod_timeout;
  EXPECT_THAT(Next().message, HasSubstr("its container runs"));
}

TEST_F(PreflightTest, TakesNoWordWithoutADotForAVersion) {
  cluster.EndPreflight(0, "openmldb 2026 build 7 version 0.9.2\n");
  EXPECT_EQ(Next().notes.front().reason, "PreflightPassed");
}

TEST_F(PreflightTest, IsForAWorkloadThatNamesNoImage) {
  cluster.seen.cluster.spec.version = "0.9.1";
  cluster.seen.workloads.at(Component::kTablet).object =
      std::make_shared<const Json>(Json::object());
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, IsNotForChangesThatKeepVersionAndImage) {
  cluster.seen.cluster.spec.version = "0.9.1";
  cluster.seen.cluster.spec.nameserver.flags["x"] = "1";
  EXPECT_THAT(Actions(Next()), ElementsAre("apply StatefulSet c-nameserver"));
}

TEST_F(PreflightTest, IsForAnotherImageOfTheSameVersion) {
  cluster.seen.cluster.spec.version = "0.9.1";
  cluster.seen.cluster.spec.image = "mirror/openmldb";
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, IsForAnotherVersionThatTheSameTagIsSaidToHold) {
  cluster.seen.cluster.spec.version = "0.9.1";
  cluster.seen.cluster.spec.image = "mirror/openmldb:mine";
  for (Component component :
       {Component::kNameserver, Component::kTablet, Component::kTaskManager, Component::kApiServer})
    cluster.Upgraded(component);
  ASSERT_TRUE(Next().complete);
  cluster.seen.cluster.spec.version = "0.9.2";
  EXPECT_THAT(Actions(Next()), ElementsAre("create pod c-preflight"));
}

TEST_F(PreflightTest, DoesNotAskForComponentsThatAreNotWanted) {
  cluster.seen.cluster.spec.api_server.replicas = 0;
  for (Component component : {Component::kNameserver, Component::kTablet, Component::kTaskManager})
    cluster.Upgraded(component);
  EXPECT_THAT(Actions(Next()), Not(Contains(HasSubstr("preflight"))));
}

}  // namespace
}  // namespace omdb

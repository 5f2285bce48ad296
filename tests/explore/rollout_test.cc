#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "controllers/objects/objects.h"
#include "tests/explore/story.h"

// Whole rollouts in virtual time: the operator's own reconcile over the stand-in's servers.
namespace omdb::explore {
namespace {

class Rollout : public testing::Test {
 protected:
  void Create(const std::vector<TableShape>& tables) {
    story_.Apply("0.9.1");
    ASSERT_TRUE(story_.RunUntilReady("0.9.1", absl::Minutes(5))) << Where();
    story_.CreateTables(tables);
    story_.StartWriting(absl::Milliseconds(20));
    story_.world().executor.RunFor(absl::Seconds(3));
  }

  // Every server's pod, by name.
  std::map<std::string, std::string> Servers() {
    std::map<std::string, std::string> uids;
    for (const Json* pod : story_.kubernetes().All(types::Pod())) {
      const Json& metadata = pod->at("metadata");
      if (metadata.at("labels").at("app.kubernetes.io/component") == kPreflight) continue;
      uids[metadata.at("name")] = metadata.at("uid");
    }
    return uids;
  }
  // Asks for a version that does not run, and waits until that is said, and two minutes more.
  void AskInVain(const std::string& version, const std::string& reason) {
    story_.Apply(version);
    ASSERT_TRUE(story_.RunUntilTrue(
        [this, &reason] { return story_.condition("Ready").reason == reason; }, absl::Minutes(2)))
        << Where();
    story_.RunFor(absl::Minutes(2));
    EXPECT_EQ(story_.status().phase, "Waiting");
  }

  std::string Where() {
    std::string text = story_.status().phase + " " + story_.status().progress + "\n";
    for (const Condition& condition : story_.status().conditions) {
      text += condition.type + "=" + condition.status + " " + condition.reason + ": " +
              condition.message + "\n";
    }
    for (const Note& note : story_.events()) text += note.reason + ": " + note.message + "\n";
    return text;
  }

  Story story_{1};
};

TEST_F(Rollout, LosesNoAcknowledgedRow) {
  Create({{"three", 8, 3}, {"two", 4, 2}, {"one", 2, 1}});
  EXPECT_EQ(story_.writer().refused(), 0u) << "nothing has happened yet";
  const Database before = story_.database();
  story_.Apply("0.9.2");
  ASSERT_TRUE(story_.RunUntilReady("0.9.2", absl::Minutes(10))) << Where();
  EXPECT_GT(story_.writer().acknowledged(), 1000u);
  EXPECT_THAT(story_.StopWritingAndFindLost(), testing::IsEmpty()) << Where();

  const Database after = story_.database();
  EXPECT_EQ(after.auto_failover, before.auto_failover);
  for (const Table& table : before.tables) {
    for (const Partition& partition : table.partitions) {
      const Partition* now = after.FindPartition(partition.id);
      ASSERT_NE(now, nullptr);
      ASSERT_NE(now->Leader(), nullptr) << ToString(partition.id);
      EXPECT_EQ(now->Leader()->endpoint, partition.Leader()->endpoint)
          << "leaders are back where they were";
      EXPECT_EQ(now->replicas.size(), partition.replicas.size()) << "no temporary replica is left";
    }
  }
  EXPECT_EQ(story_.status().rows_lost, 0u);
  EXPECT_EQ(story_.status().tablets.size(), 3u);
}

TEST_F(Rollout, GoesOnWithTheNextOperator) {
  Create({{"t", 6, 3}});
  story_.Apply("0.9.2");
  for (int kills = 0; kills < 15; ++kills) {
    for (int steps = 0; steps < 7; ++steps) story_.Step();
    story_.KillOperator();
  }
  ASSERT_TRUE(story_.RunUntilReady("0.9.2", absl::Minutes(10))) << Where();
  EXPECT_THAT(story_.StopWritingAndFindLost(), testing::IsEmpty());
}

TEST_F(Rollout, ReplacesNoPodForAnImageThatCannotBePulled) {
  Create({{"t", 4, 3}});
  const auto before = Servers();
  story_.node().missing_images = {"9.9.9"};
  AskInVain("9.9.9", "ImagePullFailed");
  EXPECT_EQ(Servers(), before);
  EXPECT_TRUE(story_.HasEvent("ImagePullFailed"));
  story_.Apply("0.9.2");
  ASSERT_TRUE(story_.RunUntilReady("0.9.2", absl::Minutes(10))) << Where();
  EXPECT_THAT(story_.StopWritingAndFindLost(), testing::IsEmpty());
}

TEST_F(Rollout, ReplacesNoPodForAnImageOfAnotherVersion) {
  Create({{"t", 4, 3}});
  const auto before = Servers();
  story_.node().mislabelled = {{"0.9.8", "0.9.1"}};
  AskInVain("0.9.8", "VersionMismatch");
  EXPECT_EQ(Servers(), before);
  story_.Apply("0.9.1");
  ASSERT_TRUE(story_.RunUntilReady("0.9.1", absl::Minutes(10))) << Where();
  EXPECT_EQ(Servers(), before);
}

TEST_F(Rollout, TriesAnImageOnce) {
  Create({{"t", 4, 3}});
  story_.Apply("0.9.2");
  ASSERT_TRUE(story_.RunUntilReady("0.9.2", absl::Minutes(10))) << Where();
  const auto& events = story_.events();
  EXPECT_EQ(std::count_if(events.begin(), events.end(),
                          [](const Note& note) { return note.reason == "PreflightPassed"; }),
            1);
  for (const Json* pod : story_.kubernetes().All(types::Pod()))
    EXPECT_NE(pod->at("metadata").at("labels").at("app.kubernetes.io/component"), kPreflight);
}

TEST_F(Rollout, FinishesTheTabletInHandBeforeItWaitsForABadImage) {
  Create({{"t", 4, 3}});
  story_.Apply("0.9.2");
  ASSERT_TRUE(
      story_.RunUntilTrue([this] { return story_.HasEvent("ReplacingTablet"); }, absl::Minutes(5)))
      << Where();
  story_.node().missing_images = {"9.9.9"};
  AskInVain("9.9.9", "ImagePullFailed");
  EXPECT_TRUE(story_.HasEvent("TabletUpgraded")) << Where();
  EXPECT_TRUE(story_.database().auto_failover);
  const auto before = Servers();
  story_.RunFor(absl::Minutes(1));
  EXPECT_EQ(Servers(), before);
  story_.Apply("0.9.1");
  ASSERT_TRUE(story_.RunUntilReady("0.9.1", absl::Minutes(10))) << Where();
  EXPECT_THAT(story_.StopWritingAndFindLost(), testing::IsEmpty());
}

// The nameserver gives new leaders to whoever leads least, which is the tablet that is drained.
TEST_F(Rollout, LeavesNoCreatedTableWithoutALeader) {
  Create({{"t", 24, 3}});
  story_.Apply("0.9.2");
  int created = 0;
  for (const TabletStep step : {TabletStep::kHandOverLeaders, TabletStep::kDetach}) {
    const size_t tablet = static_cast<size_t>(created);
    ASSERT_TRUE(story_.RunUntilTrue(
        [&] {
          const Ledger ledger = story_.ledger();
          return ledger.rollout && ledger.rollout->tablets.size() == tablet && ledger.tablet &&
                 ledger.tablet->step == step;
        },
        absl::Minutes(5)))
        << Where();
    story_.CreateTables({{absl::StrCat("created", ++created), 6, 3}});
    story_.StartWriting(absl::Milliseconds(20));
  }
  ASSERT_TRUE(story_.RunUntilReady("0.9.2", absl::Minutes(10))) << Where();
  EXPECT_EQ(story_.writer().rows().size(), 24u + 12u);
  for (const auto& [id, rows] : story_.writer().rows()) {
    for (absl::Duration pause : rows.pauses) EXPECT_LT(pause, absl::Seconds(1)) << ToString(id);
  }
  EXPECT_THAT(story_.StopWritingAndFindLost(), testing::IsEmpty()) << Where();
}

TEST_F(Rollout, GoesOnWhenARequestThatNoNodeCanMeetIsCorrected) {
  Create({{"t", 6, 3}});
  story_.node().too_much_memory = "900Gi";
  story_.spec()["upgrade"]["podTimeout"] = "30s";
  for (const char* component : {"tablet", "nameserver"}) {
    story_.spec()[component]["resources"]["requests"]["memory"] = "900Gi";
    AskInVain("0.9.1", "PodNotReady");
    EXPECT_THAT(
        story_.condition("Ready").message,
        AllOf(testing::HasSubstr("enough memory"), testing::HasSubstr("or change resources")));
    story_.spec()[component]["resources"]["requests"]["memory"] = "64Gi";
    story_.Apply("0.9.1");
    ASSERT_TRUE(story_.RunUntilReady("0.9.1", absl::Minutes(10))) << Where();
  }
  EXPECT_THAT(story_.StopWritingAndFindLost(), testing::IsEmpty());
}

TEST_F(Rollout, LeavesAutoFailoverOffWhereItWasOff) {
  Create({{"t", 4, 2}});
  ASSERT_TRUE(story_.openmldb().SetAutoFailover(false).ok());
  story_.Apply("0.9.2");
  ASSERT_TRUE(story_.RunUntilReady("0.9.2", absl::Minutes(10))) << Where();
  EXPECT_FALSE(story_.database().auto_failover);
}

}  // namespace
}  // namespace omdb::explore

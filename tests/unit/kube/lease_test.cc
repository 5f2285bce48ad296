#include "operator/kube/lease.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/kube/fake_kubernetes.h"
#include "tests/unit/kube/set_clock.h"

namespace omdb::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using What = LeaseDecision::What;

constexpr absl::Duration kDuration = absl::Seconds(15);
const Candidate kCandidate{"a", "", kDuration};
const absl::Time kNow = absl::FromUnixSeconds(SetClock::kStart);

LeaseRecord HeldBy(const std::string& holder) {
  return {.holder = holder,
          .duration = kDuration,
          .acquired = kNow - absl::Hours(1),
          .renewed = kNow - absl::Hours(1),  // its clock is wrong, which must not matter
          .transitions = 4,
          .resource_version = "77"};
}

TEST(DecideLease, Table) {
  const struct {
    const char* name;
    std::optional<LeaseRecord> record;
    absl::Duration unchanged_for;
    What what;
    int64_t transitions;
    std::string precondition;
  } cases[] = {
      {"there is none", std::nullopt, absl::Hours(1), What::kCreate, 0, ""},
      {"another renews", HeldBy("b"), absl::Seconds(1), What::kWait, 4, "77"},
      {"another may still renew", HeldBy("b"), kDuration - absl::Milliseconds(1), What::kWait, 4,
       "77"},
      {"another is gone", HeldBy("b"), kDuration, What::kAcquire, 5, "77"},
      {"it was given back", HeldBy(""), absl::ZeroDuration(), What::kAcquire, 5, "77"},
      {"it is ours", HeldBy("a"), absl::Seconds(2), What::kRenew, 4, "77"},
      {"it is ours and no one took it", HeldBy("a"), absl::Hours(2), What::kRenew, 4, "77"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const LeaseDecision decision =
        DecideLease({c.record, absl::Hours(9)}, kCandidate, absl::Hours(9) + c.unchanged_for, kNow);
    EXPECT_EQ(decision.what, c.what);
    EXPECT_EQ(decision.record.transitions, c.transitions);
    EXPECT_EQ(decision.record.resource_version, c.precondition);
    if (c.what == What::kCreate) {
      EXPECT_EQ(decision.record.holder, "");
    }
    if (c.what == What::kAcquire || c.what == What::kRenew) {
      EXPECT_EQ(decision.record.holder, "a");
      EXPECT_EQ(decision.record.renewed, kNow);
      EXPECT_EQ(decision.record.acquired, c.what == What::kRenew ? kNow - absl::Hours(1) : kNow);
    }
  }
}

TEST(DecideLease, TheFirstHolderIsNoChangeOfLeader) {
  const LeaseRecord made = ParseLease(
      LeaseObject({"ops", "lead"}, DecideLease({}, kCandidate, absl::ZeroDuration(), kNow).record));
  const LeaseDecision decision = DecideLease({made}, kCandidate, absl::ZeroDuration(), kNow);
  EXPECT_EQ(decision.what, What::kAcquire);
  EXPECT_EQ(decision.record.transitions, 0);
}

TEST(DecideLease, DoesNotWaitForAProcessThatEndedBeforeItBegan) {
  const auto decide = [](const std::string& holder, const std::string& predecessors) {
    return DecideLease({HeldBy(holder), absl::ZeroDuration()},
                       {"pod_uid_2", predecessors, kDuration}, absl::ZeroDuration(), kNow);
  };
  EXPECT_EQ(decide("pod_uid_1", "pod_uid_").what, What::kAcquire);
  EXPECT_EQ(decide("pod_uid_1", "pod_uid_").record.transitions, 5) << "it is another process";
  EXPECT_EQ(decide("pod_uid_2", "pod_uid_").what, What::kRenew);
  EXPECT_EQ(decide("other_uid_1", "pod_uid_").what, What::kWait);
  EXPECT_EQ(decide("pod_uid_1", "").what, What::kWait);
}

TEST(DecideLease, RespectsTheHoldersOwnDuration) {
  LeaseRecord slow = HeldBy("b");
  slow.duration = absl::Minutes(2);
  EXPECT_EQ(DecideLease({slow, absl::ZeroDuration()}, kCandidate, absl::Seconds(119), kNow).what,
            What::kWait);
  EXPECT_EQ(DecideLease({slow, absl::ZeroDuration()}, kCandidate, absl::Seconds(120), kNow).what,
            What::kAcquire);
}

TEST(LeaseObject, ReadsWhatItWrites) {
  LeaseRecord record = HeldBy("a");
  record.renewed = kNow + absl::Microseconds(12);
  const Json object = LeaseObject({"ops", "lead"}, record);
  EXPECT_EQ(object["spec"]["renewTime"], "2027-01-15T08:00:00.000012Z");
  EXPECT_EQ(ParseLease(object), record);
  EXPECT_EQ(ParseLease(Json::object()).holder, "");
}

TEST(LeaseObject, LeavesAnEmptyHolderOut) {
  const Json object = LeaseObject({"ops", "lead"}, ReleasedLease(HeldBy("a"), kNow));
  EXPECT_FALSE(object["spec"].contains("holderIdentity"));
  EXPECT_EQ(object["spec"]["leaseTransitions"], 4);
  EXPECT_EQ(object["metadata"]["resourceVersion"], "77");
}

class LeaderElectorTest : public ::testing::Test {
 protected:
  LeaderElectionOptions Options(const std::string& identity) {
    LeaderElectionOptions options;
    options.lease = {"ops", "lead"};
    options.identity = identity;
    options.on_started_leading = [this, identity] { story_.push_back(identity + " leads"); };
    options.on_stopped_leading = [this, identity] { story_.push_back(identity + " stops"); };
    options.on_new_leader = [this, identity](const std::string& holder) {
      story_.push_back(absl::StrCat(identity, " sees ", holder));
    };
    options.on_trouble = [this](const absl::Status& status) {
      story_.push_back(status.ToString());
    };
    return options;
  }

  // The electors give back when they end, after what a test's function refers to is gone.
  void TearDown() override { kubernetes_.before = nullptr; }

  void Advance(absl::Duration duration) { clock_.Advance(duration); }

  FakeKubernetes kubernetes_;
  SetClock clock_;
  std::vector<std::string> story_;
  LeaderElector a_{&kubernetes_, &clock_, &clock_, Options("a")};
  LeaderElector b_{&kubernetes_, &clock_, &clock_, Options("b")};
};

TEST_F(LeaderElectorTest, TheFirstLeadsAndTheOtherWaits) {
  for (int i = 0; i < 20; ++i) {
    a_.Step();
    b_.Step();
    EXPECT_TRUE(a_.IsLeader());
    EXPECT_FALSE(b_.IsLeader());
    Advance(absl::Seconds(2));
  }
  EXPECT_THAT(story_, ElementsAre("a sees a", "a leads", "b sees a"));
  EXPECT_EQ(b_.Holder(), "a");
  EXPECT_EQ(a_.Transitions(), 0);
}

TEST_F(LeaderElectorTest, TheOtherTakesOverWhenTheLeaseRunsOutAndNotBefore) {
  a_.Step();
  b_.Step();
  Advance(absl::Seconds(14));
  b_.Step();
  EXPECT_FALSE(b_.IsLeader());
  EXPECT_FALSE(a_.IsLeader()) << "a must have stopped well before";
  Advance(absl::Seconds(1));
  b_.Step();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_EQ(b_.Transitions(), 1);
  a_.Step();
  EXPECT_THAT(story_, ElementsAre("a sees a", "a leads", "b sees a", "b sees b", "b leads",
                                  "a stops", "a sees b"));
}

TEST_F(LeaderElectorTest, NeverDoTwoLeadHoweverOneIsPaused) {
  for (int pause = 0; pause < 40; ++pause) {
    a_.Step();
    b_.Step();
    for (int i = 0; i < pause; ++i) {
      Advance(absl::Seconds(1));
      b_.Step();
      EXPECT_FALSE(a_.IsLeader() && b_.IsLeader());
    }
    for (int i = 0; i < pause; ++i) {
      Advance(absl::Seconds(1));
      a_.Step();
      EXPECT_FALSE(a_.IsLeader() && b_.IsLeader());
    }
  }
}

TEST_F(LeaderElectorTest, StopsLeadingAfterTheRenewDeadlineWhileTheServerIsAway) {
  a_.Step();
  kubernetes_.before = [](const std::string&) { return absl::UnavailableError("away"); };
  for (int i = 0; i < 4; ++i) {
    Advance(absl::Seconds(2));
    a_.Step();
    EXPECT_TRUE(a_.IsLeader());
  }
  Advance(absl::Seconds(2));
  EXPECT_FALSE(a_.IsLeader()) << "by the clock alone, before any step";
  a_.Step();
  EXPECT_EQ(story_.back(), "a stops");
  EXPECT_THAT(story_, ::testing::Contains(HasSubstr("away")));
  kubernetes_.before = nullptr;
  a_.Step();
  EXPECT_TRUE(a_.IsLeader()) << "no one took it";
  EXPECT_EQ(story_.back(), "a leads");
}

TEST_F(LeaderElectorTest, GivesTheLeaseBackSoThatTheNextLeadsAtOnce) {
  a_.Step();
  b_.Step();
  a_.Stop();
  EXPECT_FALSE(a_.IsLeader());
  b_.Step();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_EQ(b_.Transitions(), 1);
  EXPECT_THAT(story_,
              ElementsAre("a sees a", "a leads", "b sees a", "a stops", "b sees b", "b leads"));
}

TEST_F(LeaderElectorTest, OneWhoDoesNotLeadGivesNothingBack) {
  a_.Step();
  b_.Step();
  b_.Stop();
  a_.Step();
  EXPECT_TRUE(a_.IsLeader());
}

TEST_F(LeaderElectorTest, OnlyOneWinsARace) {
  // b writes between a's look and a's write.
  bool raced = false;
  kubernetes_.before = [&](const std::string& call) {
    if (call == "create" && !raced) {
      raced = true;
      b_.Step();
    }
    return absl::OkStatus();
  };
  a_.Step();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_FALSE(a_.IsLeader());
  EXPECT_THAT(story_, ElementsAre("b sees b", "b leads")) << "to lose a race is no trouble";

  Advance(absl::Seconds(1));
  a_.Step();
  Advance(absl::Seconds(20));
  raced = false;
  kubernetes_.before = [&](const std::string& call) {
    if (call == "apply" && !raced) {
      raced = true;
      b_.Step();
    }
    return absl::OkStatus();
  };
  a_.Step();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_FALSE(a_.IsLeader());
}

TEST_F(LeaderElectorTest, ALostAnswerOfARenewalIsNoLeadership) {
  a_.Step();
  Advance(absl::Seconds(9));
  // The write happened, its answer is lost: a must not count it as renewed by its own clock.
  kubernetes_.before = [&](const std::string& call) {
    return call == "apply" ? absl::UnavailableError("lost") : absl::OkStatus();
  };
  a_.Step();
  Advance(absl::Seconds(2));
  EXPECT_FALSE(a_.IsLeader());
}

TEST_F(LeaderElectorTest, ConfirmsWhileTheLeaseIsItsOwn) {
  a_.Step();
  EXPECT_TRUE(a_.Leads().ok());
  EXPECT_TRUE(a_.Confirm().ok());
  EXPECT_TRUE(absl::IsCancelled(b_.Leads()));
  EXPECT_TRUE(absl::IsCancelled(b_.Confirm()));
}

TEST_F(LeaderElectorTest, DoesNotConfirmWhatItsOwnClockDenies) {
  a_.Step();
  Advance(absl::Seconds(11));
  EXPECT_TRUE(absl::IsCancelled(a_.Leads()));
  EXPECT_TRUE(absl::IsCancelled(a_.Confirm()));
}

TEST_F(LeaderElectorTest, DoesNotConfirmALeaseThatAnotherHolds) {
  a_.Step();
  Json lease = *kubernetes_.GetFresh(types::Lease(), {"ops", "lead"});
  lease["spec"]["holderIdentity"] = "b";
  ASSERT_TRUE(kubernetes_.Apply(types::Lease(), lease).ok());
  EXPECT_TRUE(a_.Leads().ok()) << "it has not heard of it";
  EXPECT_THAT(a_.Confirm().message(), HasSubstr("Lease ops/lead is held by b"));
}

TEST_F(LeaderElectorTest, DoesNotConfirmALeaseThatAnotherHeldMeanwhile) {
  a_.Step();
  Json lease = *kubernetes_.GetFresh(types::Lease(), {"ops", "lead"});
  lease["spec"]["leaseTransitions"] = 2;
  ASSERT_TRUE(kubernetes_.Apply(types::Lease(), lease).ok());
  EXPECT_TRUE(absl::IsCancelled(a_.Confirm()));
}

TEST_F(LeaderElectorTest, DoesNotConfirmWhatItCannotAsk) {
  a_.Step();
  kubernetes_.before = [](const std::string&) { return absl::UnavailableError("away"); };
  EXPECT_TRUE(absl::IsUnavailable(a_.Confirm()));
}

TEST_F(LeaderElectorTest, SaysWhoLeadsInstead) {
  EXPECT_EQ(b_.Transitions(), 0) << "it knows of no Lease yet";
  EXPECT_THAT(b_.Leads().message(), HasSubstr("Lease ops/lead ran out"));
  a_.Step();
  b_.Step();
  EXPECT_THAT(b_.Leads().message(), HasSubstr("Lease ops/lead is held by a"));
}

TEST_F(LeaderElectorTest, DoesNotConfirmALeaseThatNoOneHolds) {
  a_.Step();
  Json lease = *kubernetes_.GetFresh(types::Lease(), {"ops", "lead"});
  lease["spec"].erase("holderIdentity");
  ASSERT_TRUE(kubernetes_.Apply(types::Lease(), lease).ok());
  EXPECT_THAT(a_.Confirm().message(), HasSubstr("Lease ops/lead is held by no one"));
}

TEST_F(LeaderElectorTest, SaysWhyTheLeaseCouldNotBeGivenBack) {
  a_.Step();
  kubernetes_.before = [](const std::string&) { return absl::UnavailableError("away"); };
  a_.Stop();
  EXPECT_FALSE(a_.IsLeader());
  EXPECT_THAT(story_, ElementsAre("a sees a", "a leads", HasSubstr("away"), "a stops"));
}

TEST_F(LeaderElectorTest, LeadsAndFailsWithoutAnyoneToTell) {
  LeaderElectionOptions options;
  options.lease = {"ops", "quiet"};
  options.identity = "c";
  LeaderElector quiet(&kubernetes_, &clock_, &clock_, options);
  quiet.Step();
  EXPECT_TRUE(quiet.IsLeader());
  kubernetes_.before = [](const std::string&) { return absl::UnavailableError("away"); };
  quiet.Step();
  EXPECT_TRUE(quiet.IsLeader()) << "until the renew deadline";
  quiet.Stop();
  EXPECT_FALSE(quiet.IsLeader());
}

TEST(LeaderElectorThread, LeadsAndGivesBackInRealTime) {
  class RealClock : public Clock {
   public:
    absl::Time Now() override { return absl::Now(); }
    void Sleep(absl::Duration duration) override { absl::SleepFor(duration); }
  } clock;
  MonotonicClock monotonic;
  FakeKubernetes kubernetes;
  std::atomic<bool> led = false;
  LeaderElectionOptions options;
  options.lease = {"ops", "lead"};
  options.identity = "a";
  options.retry_period = absl::Milliseconds(10);
  options.on_started_leading = [&] { led = true; };
  LeaderElector elector(&kubernetes, &clock, &monotonic, options);
  elector.Start();
  while (!led) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(elector.IsLeader());
  elector.Stop();
  EXPECT_FALSE(elector.IsLeader());
  EXPECT_EQ(ParseLease(*kubernetes.GetFresh(types::Lease(), options.lease)).holder, "");
}

}  // namespace
}  // namespace omdb::kube

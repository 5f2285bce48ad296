#include "controllers/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace omdb {
namespace {

using testing::HasSubstr;

TabletReport Report(const std::string& name) {
  TabletReport report;
  report.name = name;
  report.leaders_moved = 5;
  report.leaders_returned = 4;
  report.rows_lost = 3;
  report.longest_pause = absl::Microseconds(165300);
  report.longest_fence = absl::Microseconds(15200);
  report.started = absl::FromUnixMicros(1700000000000001);
  report.finished = absl::FromUnixMicros(1700000060000002);
  return report;
}

Ledger FullLedger() {
  Ledger ledger;
  ledger.wanted_auto_failover = false;
  Rollout& rollout = ledger.rollout.emplace();
  rollout.from_version = "0.9.1";
  rollout.to_version = "0.9.2";
  rollout.started = absl::FromUnixMicros(1700000000000003);
  rollout.offsets = {{"db.t/0 (tid 1)", 18446744073709551615u}};
  rollout.tablets = {Report("a")};
  rollout.jobs_awaited_since = absl::FromUnixMicros(1700000000000004);
  rollout.unwell_since = absl::FromUnixMicros(1700000000000006);
  rollout.extra_replicas = {{"db.t/0 (tid 1)", "c"}};
  rollout.rows_lost = {{"db.t/0 (tid 1) before term 9", 8}};
  TabletInHand& hand = ledger.tablet.emplace();
  hand.name = "b";
  hand.pod_uid = "u";
  hand.step = TabletStep::kAttach;
  hand.last_op_id = 12;
  hand.report = Report("b");
  hand.partitions.push_back({{"db", "t", 1, 2},
                             true,
                             "a",
                             "c",
                             100,
                             90,
                             105,
                             "b",
                             absl::FromUnixMicros(1700000000000005),
                             true});
  hand.partitions.push_back({{"db", "t", 1, 3}});
  return ledger;
}

TEST(Ledger, IsReadAsItWasWritten) {
  EXPECT_EQ(*LedgerFromJson(ToJson(FullLedger())), FullLedger());
  EXPECT_EQ(*LedgerFromJson(Json::parse(ToJson(FullLedger()).dump())), FullLedger())
      << "as text, too";
}

TEST(Ledger, IsReadAsItWasWrittenWhenThereIsLittle) {
  EXPECT_EQ(*LedgerFromJson(ToJson(Ledger())), Ledger());
  Ledger ledger = FullLedger();
  ledger.rollout->jobs_awaited_since.reset();
  ledger.rollout->tablets.clear();
  ledger.tablet->partitions.clear();
  EXPECT_EQ(*LedgerFromJson(ToJson(ledger)), ledger);
}

TEST(Ledger, KnowsEveryStepByItsName) {
  for (int i = 0; i <= static_cast<int>(TabletStep::kTurnFailoverBack); ++i) {
    Ledger ledger = FullLedger();
    ledger.tablet->step = static_cast<TabletStep>(i);
    EXPECT_EQ(LedgerFromJson(ToJson(ledger))->tablet->step, static_cast<TabletStep>(i));
  }
  EXPECT_EQ(ToString(TabletStep::kHandOverLeaders), "HandOverLeaders");
}

TEST(Ledger, IsNotReadInPart) {
  const Json whole = ToJson(FullLedger());
  for (const Json& document :
       {Json::parse(R"([])"), Json::parse(R"("text")"), Json(nullptr),
        Json::parse(R"({"rollout": 1})"), Json::parse(R"({"tablet": {"name": "a"}})"),
        Json::parse(R"({"wantedAutoFailover": "yes"})")}) {
    EXPECT_TRUE(absl::IsDataLoss(LedgerFromJson(document).status())) << document;
  }
  for (const std::string part : {"rollout", "tablet"}) {
    for (const auto& field : whole.at(part).items()) {
      if (std::set<std::string>{"jobsAwaitedSinceUs", "unwellSinceUs", "extraReplicas", "rowsLost"}
              .count(field.key()) > 0)
        continue;
      Json document = whole;
      document.at(part).erase(field.key());
      EXPECT_TRUE(absl::IsDataLoss(LedgerFromJson(document).status())) << part << field.key();
    }
  }
}

TEST(Ledger, SaysWhichStepItDoesNotKnow) {
  Json document = ToJson(FullLedger());
  document["tablet"]["step"] = "Dance";
  EXPECT_THAT(LedgerFromJson(document).status().message(), HasSubstr("Dance"));
}

TEST(AddReport, KeepsOneReportForEachTablet) {
  std::vector<TabletReport> reports;
  AddReport(reports, Report("a"));
  AddReport(reports, Report("b"));
  TabletReport again = Report("a");
  again.longest_pause = absl::Seconds(1);
  again.longest_fence = absl::ZeroDuration();
  again.finished += absl::Minutes(5);
  AddReport(reports, again);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].leaders_moved, 10);
  EXPECT_EQ(reports[0].leaders_returned, 8);
  EXPECT_EQ(reports[0].rows_lost, 6u);
  EXPECT_EQ(reports[0].longest_pause, absl::Seconds(1));
  EXPECT_EQ(reports[0].longest_fence, Report("a").longest_fence);
  EXPECT_EQ(reports[0].started, Report("a").started);
  EXPECT_EQ(reports[0].finished, again.finished);
  EXPECT_EQ(reports[1], Report("b"));
}

}  // namespace
}  // namespace omdb

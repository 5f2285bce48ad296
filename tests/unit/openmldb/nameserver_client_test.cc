#include "operator/openmldb/nameserver_client.h"

#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>

#include "tests/unit/openmldb/fixture.h"

namespace omdb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace ns = openmldb::nameserver;

class NameserverClientTest : public ClientTest {
 protected:
  NameserverClientTest() { AddNameserver("ns-0", first_.address(), 1); }

  FakeNameserver ns0_;
  FakeNameserver ns1_;
  LoopbackServer first_{ns0_};
  LoopbackServer second_{ns1_};
};

TEST_F(NameserverClientTest, FindsTheLeaderAgainAfterCode300) {
  ns0_.on_ChangeLeader = [this](const ns::ChangeLeaderRequest&, ns::GeneralResponse* reply) {
    reply->set_code(300);
    RemoveNameserver(1);
    AddNameserver("ns-1", second_.address(), 2);
    return grpc::Status::OK;
  };
  ns1_.on_ChangeLeader = [](const ns::ChangeLeaderRequest& request, ns::GeneralResponse* reply) {
    EXPECT_EQ(request.ShortDebugString(),
              "name: \"orders\" pid: 3 candidate_leader: \"tablet-1\" db: \"demo\"");
    reply->set_code(0);
    return grpc::Status::OK;
  };
  const absl::Status status = nameserver_.ChangeLeader(partition_, "tablet-1");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(ns1_.log.calls(), ElementsAre("ChangeLeader sdefault"));
}

TEST_F(NameserverClientTest, GivesUpWhenNobodyLeads) {
  ns0_.on_ShowTablet = [](const ns::ShowTabletRequest&, ns::ShowTabletResponse* reply) {
    reply->set_code(300);
    return grpc::Status::OK;
  };
  const absl::Time start = absl::Now();
  EXPECT_EQ(CodeOf(nameserver_.ShowTablet().status()), 300);
  EXPECT_LT(absl::Now() - start, absl::Seconds(3));
}

TEST_F(NameserverClientTest, GoesOnWithTheStandbyWhenTheLeaderIsGone) {
  RemoveNameserver(1);
  AddNameserver("ns-0", ClosedAddress(), 1);
  AddNameserver("ns-1", second_.address(), 2);
  std::thread session_end([this] {
    absl::SleepFor(absl::Milliseconds(200));
    RemoveNameserver(1);
  });
  const auto tablets = nameserver_.ShowTablet();
  session_end.join();
  EXPECT_TRUE(tablets.ok()) << tablets.status();
}

TEST_F(NameserverClientTest, NeverAsksANameserverThatLostTheFirstPlace) {
  AddNameserver("ns-1", second_.address(), 2);
  EXPECT_TRUE(nameserver_.ShowTablet().ok());
  // ns-0 was frozen and would still answer as leader.
  RemoveNameserver(1);
  ns1_.on_ChangeLeader = [](const ns::ChangeLeaderRequest&, ns::GeneralResponse* reply) {
    reply->set_code(0);
    return grpc::Status::OK;
  };
  EXPECT_TRUE(nameserver_.ChangeLeader(partition_, "tablet-1").ok());
  EXPECT_THAT(ns0_.log.calls(), ElementsAre("ShowTablet sdefault"));
}

TEST_F(NameserverClientTest, AChangeWithoutAnAnswerIsMadeOnce) {
  ns0_.on_ChangeLeader = [](const ns::ChangeLeaderRequest&, ns::GeneralResponse*) {
    absl::SleepFor(absl::Milliseconds(700));
    return grpc::Status::OK;
  };
  EXPECT_TRUE(absl::IsDeadlineExceeded(nameserver_.ChangeLeader(partition_, "tablet-1")));
  EXPECT_THAT(ns0_.log.calls(), SizeIs(1));
}

TEST_F(NameserverClientTest, ACodeOtherThan300IsFinal) {
  ns0_.on_ChangeLeader = [](const ns::ChangeLeaderRequest&, ns::GeneralResponse* reply) {
    reply->set_code(301);
    reply->set_msg("auto_failover is enabled");
    return grpc::Status::OK;
  };
  const absl::Status status = nameserver_.ChangeLeader(partition_, "tablet-1");
  EXPECT_EQ(CodeOf(status), 301);
  EXPECT_THAT(status.message(), HasSubstr("demo.orders/3"));
  EXPECT_THAT(status.message(), HasSubstr("ns-0"));
  EXPECT_THAT(ns0_.log.calls(), SizeIs(1));
}

TEST_F(NameserverClientTest, FiltersOpsByPartition) {
  ns0_.on_ShowOPStatus = [](const ns::ShowOPStatusRequest& request, ns::ShowOPStatusResponse*) {
    EXPECT_EQ(request.ShortDebugString(), "name: \"orders\" pid: 3 db: \"demo\"");
    return grpc::Status::OK;
  };
  EXPECT_THAT(*nameserver_.ShowOpStatus(partition_), IsEmpty());
}

TEST_F(NameserverClientTest, MarksAllReplicasOfATable) {
  ns0_.on_UpdateTableAliveStatus = [](const ns::UpdateTableAliveRequest& request,
                                      ns::GeneralResponse* reply) {
    EXPECT_EQ(request.ShortDebugString(),
              "name: \"orders\" endpoint: \"tablet-1\" is_alive: false db: \"demo\"");
    reply->set_code(0);
    return grpc::Status::OK;
  };
  EXPECT_TRUE(nameserver_.UpdateTableAliveStatus("demo", "orders", "tablet-1", false).ok());
}

TEST_F(NameserverClientTest, ReadsAutoFailoverInAnyCase) {
  ns0_.on_ConfGet = [](const ns::ConfGetRequest&, ns::ConfGetResponse* reply) {
    reply->set_code(0);
    reply->add_conf()->set_key("auto_failover");
    reply->mutable_conf(0)->set_value("True");
    return grpc::Status::OK;
  };
  EXPECT_TRUE(*nameserver_.GetAutoFailover());
}

// The partition's entry as a nameserver keeps it, with a field that this program does not know.
class SetReplicaMetaTest : public NameserverClientTest {
 protected:
  SetReplicaMetaTest() {
    stored_.set_pid(3);
    Add("tablet-0", true, true);
    Add("tablet-1", true, false);
    stored_.add_term_offset()->set_term(5);
    stored_.mutable_term_offset(0)->set_offset(101);
    ns::PartitionMeta* meta = stored_.mutable_partition_meta(1);
    meta->GetReflection()->MutableUnknownFields(meta)->AddVarint(99, 7);
    stored_.GetReflection()->MutableUnknownFields(&stored_)->AddLengthDelimited(98, "kept");

    ns0_.on_GetTablePartition = [this](const ns::GetTablePartitionRequest& request,
                                       ns::GetTablePartitionResponse* reply) {
      EXPECT_EQ(request.ShortDebugString(), "name: \"orders\" pid: 3 db: \"demo\"");
      *reply->mutable_table_partition() = stored_;
      return grpc::Status::OK;
    };
    ns0_.on_SetTablePartition = [this](const ns::SetTablePartitionRequest& request,
                                       ns::GeneralResponse* reply) {
      stored_ = request.table_partition();
      reply->set_code(0);
      return grpc::Status::OK;
    };
  }

  void Add(const std::string& endpoint, bool leader, bool alive) {
    ns::PartitionMeta& meta = *stored_.add_partition_meta();
    meta.set_endpoint(endpoint);
    meta.set_is_leader(leader);
    meta.set_is_alive(alive);
    meta.set_offset(100);
    meta.set_record_cnt(100);
  }

  ns::TablePartition stored_;
};

TEST_F(SetReplicaMetaTest, ChangesTheOneReplicaAndKeepsAllElse) {
  ns::TablePartition expected = stored_;
  expected.mutable_partition_meta(1)->set_is_leader(false);
  expected.mutable_partition_meta(1)->set_is_alive(true);
  const absl::Status status =
      nameserver_.SetReplicaMeta(partition_, "tablet-1", /*is_leader=*/false, /*is_alive=*/true);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(stored_.SerializeAsString(), expected.SerializeAsString());
}

TEST_F(SetReplicaMetaTest, NoticesThatItDidNotStay) {
  ns0_.on_SetTablePartition = [](const ns::SetTablePartitionRequest&, ns::GeneralResponse* reply) {
    reply->set_code(0);
    return grpc::Status::OK;
  };
  const absl::Status status = nameserver_.SetReplicaMeta(partition_, "tablet-1", false, true);
  EXPECT_TRUE(absl::IsAborted(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("tablet-1"));
}

TEST_F(SetReplicaMetaTest, AReplicaThatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(nameserver_.SetReplicaMeta(partition_, "tablet-9", false, true)));
  EXPECT_THAT(ns0_.log.calls(), ElementsAre("GetTablePartition sdefault"));
}

class TableListTest : public NameserverClientTest {
 protected:
  TableListTest() {
    for (const auto& [tid, db, name] : {std::tuple{1, "__INTERNAL_DB", "JOB_INFO"},
                                        {2, "demo", "orders"},
                                        {3, "demo", "items"},
                                        {4, "", "old"}}) {
      ns::TableInfo table;
      table.set_tid(tid);
      table.set_db(db);
      table.set_name(name);
      if (!table.db().empty()) {
        nodes_.Set(absl::StrCat("/openmldb/table/db_table_data/", tid), table.SerializeAsString());
      }
      stored_.push_back(table);
    }
    ns0_.on_ShowDatabase = [](const ns::GeneralRequest&, ns::ShowDatabaseResponse* reply) {
      reply->add_db("demo");
      return grpc::Status::OK;
    };
    ns0_.on_ShowTable = [this](const ns::ShowTableRequest& request, ns::ShowTableResponse* reply) {
      reply->set_code(0);
      for (const ns::TableInfo& table : stored_) {
        // Tables without a database come with each answer (F3.3).
        const bool asked = request.show_all() || table.db().empty() || table.db() == request.db();
        if (asked && (!request.has_name() || request.name() == table.name())) {
          *reply->add_table_info() = table;
        }
      }
      if (reply->table_info_size() > most_tables_) {
        return grpc::Status(grpc::StatusCode::INTERNAL, "Received RST_STREAM with error code 3");
      }
      return grpc::Status::OK;
    };
  }

  std::vector<std::string> Names() {
    const absl::StatusOr<std::vector<Table>> tables = tables_.Read();
    EXPECT_TRUE(tables.ok()) << tables.status();
    std::vector<std::string> names;
    for (const Table& table : *tables) names.push_back(table.db + "." + table.name);
    return names;
  }

  std::vector<ns::TableInfo> stored_;
  int most_tables_ = 1000;  // in one reply
};

TEST_F(TableListTest, NeedsOneCallForASmallCluster) {
  EXPECT_THAT(Names(), ElementsAre(".old", "__INTERNAL_DB.JOB_INFO", "demo.items", "demo.orders"));
  EXPECT_THAT(ns0_.log.calls(), SizeIs(1));
}

TEST_F(TableListTest, AsksByDatabaseWhenTheReplyIsTooLarge) {
  most_tables_ = 3;
  EXPECT_THAT(Names(), ElementsAre(".old", "__INTERNAL_DB.JOB_INFO", "demo.items", "demo.orders"));
}

TEST_F(TableListTest, AsksByTableWhenADatabaseIsTooLarge) {
  most_tables_ = 2;
  EXPECT_THAT(Names(), ElementsAre(".old", "__INTERNAL_DB.JOB_INFO", "demo.items", "demo.orders"));
  const size_t calls = ns0_.log.calls().size();
  Names();
  EXPECT_EQ(ns0_.log.calls().size(), 2 * calls - 1) << "all at once was asked for again";
}

TEST_F(TableListTest, ReadsOneTable) {
  EXPECT_EQ(tables_.Read("demo", "orders")->tid, 2u);
  EXPECT_THAT(ns0_.log.calls(), SizeIs(1));
  EXPECT_THAT(std::string(tables_.Read("demo", "none").status().message()),
              HasSubstr("there is no table demo.none"));
  ns0_.on_ShowTable = [](const ns::ShowTableRequest&, ns::ShowTableResponse* reply) {
    reply->set_code(307);
    return grpc::Status::OK;
  };
  EXPECT_EQ(CodeOf(tables_.Read("demo", "orders").status()), 307);
}

}  // namespace
}  // namespace omdb

#ifndef OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CODES_H_
#define OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CODES_H_

namespace omdb::simulator::code {

// What the nameserver answers in `code` (F3.6).
enum NameServerCode {
  kOk = 0,
  kTableNotExist = 100,
  kTableExists = 101,
  kTableIsLeader = 102,
  kNoFollower = 134,
  kDeleteFailed = 136,
  kUseNameIsFalse = 154,
  kServerNameNotFound = 155,
  kNotLeader = 300,
  kAutoFailoverEnabled = 301,
  kEndpointNotExist = 302,
  kTabletNotHealthy = 303,
  kSetZkFailed = 304,
  kCreateOpFailed = 305,
  kInvalidParameter = 307,
  kPidNotExist = 308,
  kLeaderIsAlive = 309,
  kNoAliveFollower = 310,
  kPartitionIsAlive = 311,
  kOpNotDoingOrInited = 312,
  kSetPartitionInfoFailed = 314,
  kCreateTableOnTabletFailed = 316,
  kPidAlreadyExists = 317,
  kMigrateSourceUnhealthy = 318,
  kMigrateTargetUnhealthy = 319,
  kMigrateFailed = 320,
  kNoPidUpdated = 321,
  kConnectZkFailed = 326,
  kRequestTabletFailed = 327,
  kUnsupported = 701,
  kDatabaseExists = 801,
  kDatabaseNotFound = 802,
  kDatabaseNotEmpty = 803,
};

}  // namespace omdb::simulator::code

#endif  // OMDB_TESTS_SIMULATOR_MODEL_NAMESERVER_CODES_H_

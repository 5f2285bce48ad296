#ifndef OMDB_TESTS_SIMULATOR_MODEL_TABLET_CODES_H_
#define OMDB_TESTS_SIMULATOR_MODEL_TABLET_CODES_H_

namespace omdb::simulator {

// The codes a tablet answers (F3.6), with the servers' own words for those that users see.
enum TabletCode {
  kOk = 0,
  kGenericError = -1,
  kTableIsNotExist = 100,
  kTableAlreadyExists = 101,
  kTableIsLeader = 102,
  kTableIsFollower = 103,
  kTableIsLoading = 104,
  kTableStatusIsNotNormal = 105,
  kTableStatusIsMakingSnapshot = 106,
  kTableStatusIsNotPaused = 107,
  kKeyNotFound = 109,
  kReplicatorIsNotExist = 110,
  kSnapshotIsNotExist = 111,
  kInvalidDimension = 115,
  kPutFailed = 116,
  kReplicaAlreadyExists = 119,
  kAppendEntriesFailed = 122,
  kSnapshotIsSending = 128,
  kTableMetaIsIllegal = 129,
  kDbPathIsNotExist = 130,
  kCreateTableFailed = 131,
  kNoFollower = 134,
  kUseNameIsFalse = 154,
  kServerNameNotFound = 155,
  kIsFollowerCluster = 453,
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_TABLET_CODES_H_

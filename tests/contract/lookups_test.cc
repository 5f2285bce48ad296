#include <dlfcn.h>
#include <netdb.h>

#include <atomic>

#include "absl/flags/flag.h"
#include "tests/contract/fixture.h"
#include "tests/contract/flags.h"

namespace {

std::atomic<int> lookups = 0;

}  // namespace

// Counts those of the ZooKeeper library too.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  static const auto real =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  ++lookups;
  return real(node, service, hints, found);
}

namespace omdb::contract {
namespace {

// A rollout reads a hundred times a second, and each lookup of a short name in a pod is half a
// dozen queries.
TEST(Lookups, OfZooKeepersServersAreFewHoweverMuchIsRead) {
  ZooKeeper zookeeper(absl::GetFlag(FLAGS_zookeeper), absl::Seconds(6));
  const auto read = [&zookeeper] {
    const auto nodes = zookeeper.Children(absl::GetFlag(FLAGS_root), absl::Seconds(3));
    ASSERT_TRUE(nodes.ok()) << nodes.status();
  };
  read();
  EXPECT_GT(lookups, 0);
  lookups = 0;
  for (int i = 0; i < 100; ++i) read();
  EXPECT_LE(lookups, 1);
}

}  // namespace
}  // namespace omdb::contract

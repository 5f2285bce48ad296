#ifndef OMDB_TESTS_SIMULATOR_SERVER_FREE_PORT_H_
#define OMDB_TESTS_SIMULATOR_SERVER_FREE_PORT_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace omdb::simulator {

// A port of the loopback interface at which nobody listens.
inline int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_FREE_PORT_H_

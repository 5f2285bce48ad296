#include "tests/simulator/server/sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"

namespace omdb::simulator {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<Addresses> Resolve(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(address, " is not host:port"));
  }
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // ZooKeeper's lists end with a path now and then.
  const std::string port = address.substr(colon + 1, address.find('/', colon) - colon - 1);
  const int error = getaddrinfo(address.substr(0, colon).c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("resolve ", address, ": ", gai_strerror(error)));
  }
  return Addresses(found, &freeaddrinfo);
}

absl::Status Failed(const std::string& what, const std::string& address) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", address));
}

}  // namespace

absl::Status TryConnect(const std::string& address, absl::Duration timeout) {
  absl::StatusOr<Addresses> addresses = Resolve(address);
  if (!addresses.ok()) return addresses.status();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed("open a socket for", address);
  absl::Status status;
  if (connect(fd, (*addresses)->ai_addr, (*addresses)->ai_addrlen) != 0) {
    pollfd wanted = {fd, POLLOUT, 0};
    socklen_t size = sizeof errno;
    const bool begun = errno == EINPROGRESS;
    if (begun && poll(&wanted, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) != 1) {
      status = absl::UnavailableError(absl::StrCat("connect to ", address, ": no answer"));
    } else if (!begun || getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, &size) != 0 || errno != 0) {
      status = Failed("connect to", address);
    }
  }
  close(fd);
  return status;
}

absl::StatusOr<int> Listen(const std::string& address) {
  absl::StatusOr<Addresses> addresses = Resolve(address);
  if (!addresses.ok()) return addresses.status();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed("open a socket for", address);
  const int yes = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      bind(fd, (*addresses)->ai_addr, (*addresses)->ai_addrlen) != 0 ||
      listen(fd, SOMAXCONN) != 0) {
    absl::Status status = Failed("listen on", address);
    close(fd);
    return status;
  }
  return fd;
}

}  // namespace omdb::simulator

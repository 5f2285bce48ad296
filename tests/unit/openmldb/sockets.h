#ifndef OMDB_TESTS_UNIT_OPENMLDB_SOCKETS_H_
#define OMDB_TESTS_UNIT_OPENMLDB_SOCKETS_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"

namespace omdb {

// A loopback port with nobody behind it: connections are accepted by the kernel and never answered,
// as of a process that hangs.
class SilentPort {
 public:
  SilentPort() {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd_, 16) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return;
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { close(fd_); }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  int port_ = 0;
};

// A port nobody listens on.
inline std::string ClosedAddress() { return SilentPort().address(); }

// Closes each connection at its first call, as a brpc server does that rejects the credential.
class RejectingPort {
 public:
  RejectingPort() : thread_([this] { Serve(); }) {}
  ~RejectingPort() {
    shutdown(port_.fd(), SHUT_RDWR);
    thread_.join();
  }

  std::string address() const { return port_.address(); }

 private:
  void Serve() {
    for (;;) {
      const int connection = accept(port_.fd(), nullptr, nullptr);
      if (connection < 0) return;
      // An empty SETTINGS frame: with it the client takes the connection for ready.
      const unsigned char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
      (void)!write(connection, settings, sizeof(settings));
      // The client's preface and settings come first, the call's headers with its path later.
      std::string received;
      char buffer[4096];
      ssize_t size = 0;
      while (received.find("authorization") == std::string::npos &&
             (size = read(connection, buffer, sizeof(buffer))) > 0) {
        received.append(buffer, size);
      }
      close(connection);
    }
  }

  SilentPort port_;
  std::thread thread_;
};

}  // namespace omdb

#endif  // OMDB_TESTS_UNIT_OPENMLDB_SOCKETS_H_

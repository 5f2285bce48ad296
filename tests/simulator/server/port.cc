#include "tests/simulator/server/port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tests/simulator/server/baidu_front.h"
#include "tests/simulator/server/sockets.h"

namespace omdb::simulator {

Port::Port(Service* service, HttpHandler pages)
    : service_(service),
      grpc_(service == nullptr ? nullptr : NewGrpcFront(*service)),
      http_(NewHttpFront(std::move(pages))) {}

Port::~Port() {
  if (listener_ >= 0) shutdown(listener_, SHUT_RDWR);
  if (accepting_.joinable()) accepting_.join();
  if (listener_ >= 0) close(listener_);
}

absl::Status Port::Listen(const std::string& address) {
  absl::StatusOr<int> listener = simulator::Listen(address);
  if (!listener.ok()) return listener.status();
  listener_ = *listener;
  accepting_ = std::thread([this] { Accept(); });
  return absl::OkStatus();
}

void Port::Accept() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    // The first bytes may take their time; a baidu_std connection keeps its thread.
    std::thread([this, fd] { Sort(fd); }).detach();
  }
}

void Port::Sort(int fd) {
  char first[4];
  const ssize_t got = recv(fd, first, sizeof(first), MSG_PEEK | MSG_WAITALL);
  if (got < static_cast<ssize_t>(sizeof(first))) {
    close(fd);
  } else if (std::memcmp(first, "PRI ", 4) == 0 && grpc_) {
    grpc_->Serve(fd);
  } else if (std::memcmp(first, "PRPC", 4) == 0 && service_ != nullptr) {
    ServeBaidu(*service_, fd);
  } else {
    http_->Serve(fd);
  }
}

}  // namespace omdb::simulator

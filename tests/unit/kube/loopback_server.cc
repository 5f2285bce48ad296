#include "tests/unit/kube/loopback_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace omdb::kube {

std::string LoopbackServer::Peer::Read() {
  std::string text;
  for (;;) {
    const size_t end = text.find("\r\n\r\n");
    if (end != std::string::npos) {
      int length = 0;
      if (const size_t at = text.find("Content-Length:"); at != std::string::npos) {
        const size_t start = at + strlen("Content-Length:");
        if (!absl::SimpleAtoi(text.substr(start, text.find("\r\n", start) - start), &length)) {
          return text;
        }
      }
      if (text.size() >= end + 4 + length) return text;
    }
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
    if (n <= 0) return text;
    text.append(buffer, n);
  }
}

bool LoopbackServer::Peer::Write(const std::string& text) {
  return send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

LoopbackServer::LoopbackServer(std::function<void(Peer&)> handler, const std::string& host)
    : handler_(std::move(handler)), host_(host) {
  const bool ipv6 = host.find(':') != std::string::npos;
  listener_ = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (ipv6) {
    auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
    address->sin6_family = AF_INET6;
    inet_pton(AF_INET6, host.c_str(), &address->sin6_addr);
    size = sizeof(*address);
  } else {
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    inet_pton(AF_INET, host.c_str(), &address->sin_addr);
    size = sizeof(*address);
  }
  auto* generic = reinterpret_cast<sockaddr*>(&storage);
  if (listener_ < 0 || bind(listener_, generic, size) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    return;
  }
  port_ = ntohs(ipv6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                     : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
  accepts_ = std::thread([this] { Accept(); });
}

LoopbackServer::~LoopbackServer() {
  stop_.Stop();
  if (accepts_.joinable()) accepts_.join();
  for (std::thread& thread : serves_) thread.join();
  if (listener_ >= 0) close(listener_);
}

std::string LoopbackServer::address() const {
  const bool ipv6 = host_.find(':') != std::string::npos;
  return absl::StrCat(ipv6 ? "[" : "", host_, ipv6 ? "]:" : ":", port_);
}

void LoopbackServer::Accept() {
  while (!stop_.stopped()) {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) continue;
    const int fd = accept(listener_, nullptr, nullptr);
    if (fd < 0) continue;
    serves_.emplace_back([this, fd] {
      // A client that keeps the connection silent must not keep the server.
      const auto wakes = stop_.OnStop([fd] { shutdown(fd, SHUT_RDWR); });
      Peer peer(fd, &stop_);
      handler_(peer);
      shutdown(fd, SHUT_RDWR);
      close(fd);
    });
  }
}

}  // namespace omdb::kube

#ifndef OMDB_TESTS_UNIT_KUBE_LOOPBACK_SERVER_H_
#define OMDB_TESTS_UNIT_KUBE_LOOPBACK_SERVER_H_

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "operator/kube/stop_signal.h"

namespace omdb::kube {

// A TCP server on the loopback interface that says what a test wants byte by byte, also what no
// HTTP server would. Each connection has a thread, is handled once and then closed.
class LoopbackServer {
 public:
  class Peer {
   public:
    Peer(int fd, StopSignal* stop) : fd_(fd), stop_(stop) {}
    int fd() const { return fd_; }
    // A request: up to the end of its body as its Content-Length says.
    std::string Read();
    bool Write(const std::string& text);  // false when the connection is gone
    // false when the server ends.
    bool Pause(absl::Duration duration) { return stop_->SleepFor(duration); }

   private:
    int fd_;
    StopSignal* stop_;
  };

  explicit LoopbackServer(std::function<void(Peer&)> handler,
                          const std::string& host = "127.0.0.1");
  ~LoopbackServer();

  int port() const { return port_; }  // 0: could not listen
  std::string address() const;        // "127.0.0.1:4711"
  std::string url() const { return "http://" + address(); }

 private:
  void Accept();

  const std::function<void(Peer&)> handler_;
  const std::string host_;
  int listener_ = -1;
  int port_ = 0;
  StopSignal stop_;
  std::thread accepts_;
  std::vector<std::thread> serves_;  // of the accepting thread
};

}  // namespace omdb::kube

#endif  // OMDB_TESTS_UNIT_KUBE_LOOPBACK_SERVER_H_

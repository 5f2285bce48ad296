#include "tests/simulator/server/baidu_front.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "baidu_rpc_meta.pb.h"

namespace omdb::simulator {
namespace {

constexpr char kMagic[] = "PRPC";
constexpr size_t kHeader = 12;
constexpr uint32_t kLargestFrame = 256 << 20;
// brpc's own error codes.
constexpr int kNoMethod = 1002;
constexpr int kBadRequest = 1003;

// The connection, held by its reader and by every call under way.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Read(char* into, size_t size) {
    while (size > 0) {
      const ssize_t got = recv(fd_, into, size, 0);
      if (got <= 0) return false;
      into += got;
      size -= static_cast<size_t>(got);
    }
    return true;
  }

  void Write(const BaiduMeta& meta, const std::string& payload, const std::string& attachment) {
    const std::string head = meta.SerializeAsString();
    std::string frame = kMagic;
    for (size_t size : {head.size() + payload.size() + attachment.size(), head.size()}) {
      const uint32_t big_endian = htonl(static_cast<uint32_t>(size));
      frame.append(reinterpret_cast<const char*>(&big_endian), sizeof(big_endian));
    }
    absl::StrAppend(&frame, head, payload, attachment);
    std::lock_guard lock(mutex_);
    for (size_t sent = 0; sent < frame.size();) {
      const ssize_t now = send(fd_, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
      if (now <= 0) return;
      sent += static_cast<size_t>(now);
    }
  }

 private:
  const int fd_;
  std::mutex mutex_;
};

uint32_t BigEndian(const char* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return ntohl(value);
}

void Answer(Connection& connection, int64_t correlation_id, const absl::StatusOr<Reply>& reply) {
  BaiduMeta meta;
  meta.set_correlation_id(correlation_id);
  if (!reply.ok()) {
    meta.mutable_response()->set_error_code(absl::IsUnimplemented(reply.status()) ? kNoMethod
                                                                                  : kBadRequest);
    meta.mutable_response()->set_error_text(std::string(reply.status().message()));
    return connection.Write(meta, "", "");
  }
  meta.mutable_response()->set_error_code(0);
  if (!reply->attachment.empty())
    meta.set_attachment_size(static_cast<int>(reply->attachment.size()));
  connection.Write(meta, reply->message->SerializePartialAsString(), reply->attachment);
}

}  // namespace

void ServeBaidu(Service& service, int fd) {
  auto connection = std::make_shared<Connection>(fd);
  std::array<char, kHeader> header;
  std::string body;
  while (connection->Read(header.data(), header.size())) {
    const uint32_t body_size = BigEndian(header.data() + 4);
    const uint32_t meta_size = BigEndian(header.data() + 8);
    if (std::memcmp(header.data(), kMagic, 4) != 0 || meta_size > body_size ||
        body_size > kLargestFrame)
      return;
    body.resize(body_size);
    if (!connection->Read(body.data(), body_size)) return;
    BaiduMeta meta;
    if (!meta.ParseFromArray(body.data(), static_cast<int>(meta_size)) || !meta.has_request())
      return;
    const size_t rest = body_size - meta_size;
    if (meta.attachment_size() < 0 || static_cast<size_t>(meta.attachment_size()) > rest) return;
    const std::string payload =
        body.substr(meta_size, rest - static_cast<size_t>(meta.attachment_size()));
    service.Call(
        absl::StrCat(meta.request().service_name(), "/", meta.request().method_name()),
        [&payload](google::protobuf::Message& message) { return message.ParseFromString(payload); },
        [connection, id = meta.correlation_id()](const absl::StatusOr<Reply>& reply) {
          Answer(*connection, id, reply);
        });
  }
}

}  // namespace omdb::simulator

#ifndef OMDB_TESTS_SIMULATOR_SERVER_BYTE_BUFFER_H_
#define OMDB_TESTS_SIMULATOR_SERVER_BYTE_BUFFER_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <vector>

// Protobuf messages as gRPC carries them when it does not know their type.
namespace omdb::simulator {

inline grpc::ByteBuffer ToByteBuffer(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializePartialAsString());
  return grpc::ByteBuffer(&slice, 1);
}

inline std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return "";
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

// False when a required field is missing as well.
inline bool FromByteBuffer(const grpc::ByteBuffer& buffer, google::protobuf::Message& message) {
  return message.ParseFromString(ToString(buffer));
}

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_BYTE_BUFFER_H_

#include "controllers/objects/compression.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/gzip_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace omdb {

namespace io = google::protobuf::io;

std::string Gzip(const std::string& text) {
  std::string bytes;
  {
    io::StringOutputStream out(&bytes);
    io::GzipOutputStream gzip(&out);
    io::CodedOutputStream(&gzip).WriteString(text);
  }
  return bytes;
}

std::string Gunzip(const std::string& bytes) {
  io::ArrayInputStream in(bytes.data(), static_cast<int>(bytes.size()));
  io::GzipInputStream gzip(&in);
  std::string text;
  const void* piece = nullptr;
  for (int size = 0; gzip.Next(&piece, &size);)
    text.append(static_cast<const char*>(piece), static_cast<size_t>(size));
  return text;
}

}  // namespace omdb

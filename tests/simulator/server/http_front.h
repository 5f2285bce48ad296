#ifndef OMDB_TESTS_SIMULATOR_SERVER_HTTP_FRONT_H_
#define OMDB_TESTS_SIMULATOR_SERVER_HTTP_FRONT_H_

#include <functional>
#include <memory>
#include <string>

#include "tests/simulator/server/service.h"

namespace omdb::simulator {

struct HttpRequest {
  std::string method;
  std::string path;
  std::string body;
  bool authorized = false;  // has an Authorization header
};
struct HttpResponse {
  // In place of a code: no answer, the connection ends.
  static constexpr int kCloseConnection = 0;

  int code = 200;
  std::string body;
};
// Called from a thread of the connection; may block.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Answers HTTP/1.1 on connections accepted elsewhere.
class HttpFront {
 public:
  virtual ~HttpFront() = default;
  virtual void Serve(int fd) = 0;  // takes `fd`
};
std::unique_ptr<HttpFront> NewHttpFront(HttpHandler handler);

// `GET /health`, `GET /version`, and each method of `service` as POST of JSON to
// /NameServer/Method, /TabletServer/Method or the full service name (F3.0). `service` may be null.
HttpHandler ServerPages(std::string version, Service* service);

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_SERVER_HTTP_FRONT_H_

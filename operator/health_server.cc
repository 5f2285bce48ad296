#include "operator/health_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cpprest/http_listener.h"

namespace omdb {
namespace {

namespace http = web::http;

class CpprestHealthServer : public HealthServer {
 public:
  CpprestHealthServer(const std::string& url, Check healthy, Check ready)
      : healthy_(std::move(healthy)), ready_(std::move(ready)), listener_(url) {
    listener_.support(http::methods::GET,
                      [this](const http::http_request& request) { Answer(request); });
    listener_.open().wait();
  }
  ~CpprestHealthServer() override {
    try {
      listener_.close().wait();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it ends all the same
    }
  }

 private:
  void Answer(const http::http_request& request) {
    const std::string path = request.relative_uri().path();
    if (path == "/healthz") {
      Reply(request, healthy_());
    } else if (path == "/readyz") {
      Reply(request, ready_());
    } else {
      request.reply(http::status_codes::NotFound);
    }
  }

  static void Reply(const http::http_request& request, const absl::Status& status) {
    if (status.ok()) {
      request.reply(http::status_codes::OK, "ok");
    } else {
      request.reply(http::status_codes::ServiceUnavailable, std::string(status.message()));
    }
  }

  const Check healthy_;
  const Check ready_;
  http::experimental::listener::http_listener listener_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HealthServer>> HealthServer::Start(const std::string& address,
                                                                  Check healthy, Check ready) {
  const std::string url =
      absl::StrCat("http://", !address.empty() && address.front() == ':' ? "0.0.0.0" : "", address);
  try {
    return std::make_unique<CpprestHealthServer>(url, std::move(healthy), std::move(ready));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on --health-probe-bind-address ", address, ": ", error.what()));
  }
}

}  // namespace omdb

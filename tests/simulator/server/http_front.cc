#include "tests/simulator/server/http_front.h"

#include <google/protobuf/util/json_util.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace omdb::simulator {
namespace {

class MicroHttpFront : public HttpFront {
 public:
  explicit MicroHttpFront(HttpHandler handler) : handler_(std::move(handler)) {
    daemon_ = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                                   MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC,
                               0, nullptr, nullptr, &MicroHttpFront::Access, this,
                               MHD_OPTION_NOTIFY_COMPLETED, &MicroHttpFront::Completed, nullptr,
                               MHD_OPTION_END);
    if (daemon_ == nullptr) throw std::runtime_error("the HTTP server does not start");
  }
  ~MicroHttpFront() override { MHD_stop_daemon(daemon_); }

  void Serve(int fd) override {
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    MHD_add_connection(daemon_, fd, reinterpret_cast<sockaddr*>(&peer), sizeof(peer));
  }

 private:
  static MHD_Result Access(void* self, MHD_Connection* connection, const char* url,
                           const char* method, const char*, const char* upload, size_t* upload_size,
                           void** state) {
    if (*state == nullptr) {
      *state = std::make_unique<HttpRequest>(HttpRequest{method, url, "", false}).release();
      return MHD_YES;
    }
    auto* request = static_cast<HttpRequest*>(*state);
    if (*upload_size > 0) {
      request->body.append(upload, *upload_size);
      *upload_size = 0;
      return MHD_YES;
    }
    request->authorized =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization") != nullptr;
    const HttpResponse answer = static_cast<MicroHttpFront*>(self)->handler_(*request);
    if (answer.code == HttpResponse::kCloseConnection) return MHD_NO;
    MHD_Response* response = MHD_create_response_from_buffer(
        answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
    const MHD_Result queued =
        MHD_queue_response(connection, static_cast<unsigned>(answer.code), response);
    MHD_destroy_response(response);
    return queued;
  }
  static void Completed(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    const std::unique_ptr<HttpRequest> request(static_cast<HttpRequest*>(*state));
    *state = nullptr;
  }

  HttpHandler handler_;
  MHD_Daemon* daemon_;
};

std::string FullMethod(const std::string& path) {
  constexpr std::pair<const char*, const char*> kServices[] = {
      {"/NameServer/", "openmldb.nameserver."}, {"/TabletServer/", "openmldb.api."}};
  for (const auto& [prefix, package] : kServices) {
    if (absl::StartsWith(path, prefix)) return absl::StrCat(package, path.substr(1));
  }
  return path.substr(1);
}

HttpResponse CallByJson(Service& service, const HttpRequest& request) {
  if (!request.authorized) return {HttpResponse::kCloseConnection, ""};  // F4
  auto answered = std::make_shared<std::promise<HttpResponse>>();
  std::future<HttpResponse> answer = answered->get_future();
  service.Call(
      FullMethod(request.path),
      [&request](google::protobuf::Message& message) {
        const std::string body = request.body.empty() ? "{}" : request.body;
        return google::protobuf::util::JsonStringToMessage(body, &message).ok() &&
               message.IsInitialized();
      },
      [answered](const absl::StatusOr<Reply>& reply) {
        if (!reply.ok()) {
          return answered->set_value({absl::IsUnimplemented(reply.status()) ? 404 : 400,
                                      std::string(reply.status().message())});
        }
        google::protobuf::util::JsonPrintOptions options;
        options.preserve_proto_field_names = true;
        HttpResponse response;
        const auto printed =
            google::protobuf::util::MessageToJsonString(*reply->message, &response.body, options);
        if (!printed.ok()) response = {500, printed.ToString()};
        answered->set_value(std::move(response));
      });
  if (answer.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
    return {504, "no answer\n"};
  return answer.get();
}

}  // namespace

std::unique_ptr<HttpFront> NewHttpFront(HttpHandler handler) {
  return std::make_unique<MicroHttpFront>(std::move(handler));
}

HttpHandler ServerPages(std::string version, Service* service) {
  return [version = std::move(version), service](const HttpRequest& request) -> HttpResponse {
    if (request.path == "/health") return {200, "OK\n"};
    if (request.path == "/version") return {200, version};
    if (service != nullptr && request.method == "POST") return CallByJson(*service, request);
    return {404, "not found\n"};
  };
}

}  // namespace omdb::simulator

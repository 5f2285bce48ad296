#include "operator/kube/cpprest_transport.h"

#include <cpprest/containerstream.h>
#include <cpprest/http_client.h>
#include <openssl/ssl.h>
#include <pplx/threadpool.h>

#include <chrono>
#include <exception>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "operator/future_of.h"

namespace omdb::kube {
namespace {

using web::http::client::http_client;
using web::http::client::http_client_config;
using SslContext = boost::asio::ssl::context;

// The threads only move bytes: whoever waits for an answer does so in a thread of its own.
constexpr size_t kCpprestThreads = 4;

void SizeThreadPool() {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      crossplat::threadpool::initialize_with_threads(kCpprestThreads);
    } catch (const std::exception&) {
      // Another part of the process was first; its size is as good.
    }
  });
}

// Gives a piece of the connection, from its text or its file, to `use`; nothing when it has
// neither. Throws what a person can read.
void Use(const char* what, const std::string& text, const std::string& file,
         const std::function<void(const boost::asio::const_buffer&)>& use) {
  if (text.empty() && file.empty()) return;
  const auto content = file.empty() ? text : ReadFile(file);
  if (!content.ok()) throw std::runtime_error(std::string(content.status().message()));
  try {
    use(boost::asio::buffer(*content));
  } catch (const std::exception& error) {
    throw std::runtime_error(absl::StrCat("the ", what, file.empty() ? "" : " in ", file,
                                          " cannot be used: ", error.what()));
  }
}

// Of a new connection. Exceptions become the error of the request.
void SetUpTls(const Connection& connection, SslContext& context) {
  context.set_options(SslContext::no_sslv2 | SslContext::no_sslv3 | SslContext::no_tlsv1 |
                      SslContext::no_tlsv1_1);
  Use("certificate authority", connection.ca_pem, connection.ca_file, [&](const auto& pem) {
    // cpprestsdk has put the system's authorities there: only the cluster's own is to be trusted.
    SSL_CTX_set_cert_store(context.native_handle(), X509_STORE_new());
    context.add_certificate_authority(pem);
  });
  Use("client certificate", connection.client_certificate_pem, connection.client_certificate_file,
      [&](const auto& pem) { context.use_certificate_chain(pem); });
  Use("client key", connection.client_key_pem, connection.client_key_file,
      [&](const auto& pem) { context.use_private_key(pem, SslContext::pem); });
}

// cpprestsdk resolves an IPv6 address only without its brackets.
web::uri Resolvable(const web::uri& uri) {
  const std::string& host = uri.host();
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return uri;
  return web::uri_builder(uri).set_host(host.substr(1, host.size() - 2)).to_uri();
}

// A request that ends early when it takes too long or everything stops.
class Exchange {
 public:
  Exchange(StopSignal& stop, absl::Duration timeout)
      : stop_(stop),
        timeout_(timeout),
        registration_(stop.OnStop([source = source_]() mutable { source.cancel(); })) {}
  ~Exchange() { source_.cancel(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  pplx::cancellation_token token() { return source_.get_token(); }

  // The value of `task`, which has to end within `limit` or a moment after the token is cancelled.
  template <typename T>
  absl::StatusOr<T> Await(const pplx::task<T>& task, absl::Duration limit) {
    std::future<T> future = FutureOf(task);
    const absl::Time start = absl::Now();
    bool late = false;
    if (future.wait_for(absl::ToChronoMilliseconds(limit)) != std::future_status::ready) {
      late = true;
      source_.cancel();
      if (future.wait_for(std::chrono::seconds(1)) != std::future_status::ready) return Late(limit);
    }
    try {
      return future.get();
    } catch (const std::exception& error) {
      if (stop_.stopped()) return absl::CancelledError("the operator is stopping");
      if (late) return Late(limit);
      // The library's clock started a moment before this one.
      if (absl::Now() - start >= 0.9 * timeout_) return Late(timeout_);
      return absl::UnavailableError(error.what());
    }
  }

 private:
  static absl::Status Late(absl::Duration limit) {
    return absl::DeadlineExceededError(
        absl::StrCat("no answer within ", absl::FormatDuration(limit)));
  }

  StopSignal& stop_;
  const absl::Duration timeout_;
  pplx::cancellation_token_source source_;
  std::unique_ptr<StopSignal::Registration> registration_;
};

std::optional<absl::Duration> RetryAfter(const web::http::http_response& response) {
  const auto header = response.headers().find("Retry-After");
  if (header == response.headers().end()) return std::nullopt;
  int seconds = 0;
  // The other form, a date, is not what API servers send.
  if (!absl::SimpleAtoi(header->second, &seconds) || seconds < 0) return absl::Seconds(1);
  return absl::Seconds(seconds);
}

class CpprestTransport : public HttpTransport {
 public:
  CpprestTransport(Connection connection, std::string user_agent)
      : connection_(std::move(connection)),
        user_agent_(std::move(user_agent)),
        server_(connection_.server),
        token_(connection_.token, connection_.token_file, &clock_) {}

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request, StopSignal& stop) override {
    try {
      auto message = Message(request);
      if (!message.ok()) return message.status();
      Exchange exchange(stop, request.timeout);
      const auto reply =
          Client(request.timeout)
              ->request(*message, exchange.token())
              .then([](const web::http::http_response& response) {
                return response.extract_utf8string(/*ignore_content_type=*/true)
                    .then([response](const std::string& body) {
                      return HttpResponse{response.status_code(), body, RetryAfter(response)};
                    });
              });
      return Checked(exchange.Await(reply, request.timeout));
    } catch (const std::exception& error) {
      return absl::UnavailableError(error.what());
    }
  }

  absl::StatusOr<HttpResponse> Stream(
      const HttpRequest& request, StopSignal& stop,
      const std::function<bool(absl::string_view line)>& on_line) override {
    try {
      auto message = Message(request);
      if (!message.ok()) return message.status();
      Exchange exchange(stop, request.timeout);
      auto response = exchange.Await(Client(request.timeout)->request(*message, exchange.token()),
                                     request.timeout);
      if (!response.ok()) return response.status();
      HttpResponse result{response->status_code(), "", RetryAfter(*response)};
      if (result.code != 200) {
        auto body = exchange.Await(response->extract_utf8string(/*ignore_content_type=*/true),
                                   request.timeout);
        if (body.ok()) result.body = *std::move(body);
        return Checked(std::move(result));
      }
      auto stream = response->body();
      for (;;) {
        concurrency::streams::container_buffer<std::string> line;
        // Each chunk starts cpprestsdk's silence anew; a line has many only when it is long.
        const auto read = exchange.Await(stream.read_line(line), 2 * request.timeout);
        if (!read.ok()) return read.status();
        if (*read == 0 && stream.is_eof()) return result;
        if (!line.collection().empty() && !on_line(line.collection())) return result;
      }
    } catch (const std::exception& error) {
      return absl::UnavailableError(error.what());
    }
  }

  std::string Host() const override {
    if (server_.is_port_default()) return server_.host();
    return absl::StrCat(server_.host(), ":", server_.port());
  }

 private:
  absl::StatusOr<web::http::http_request> Message(const HttpRequest& request) {
    const auto token = token_.Get();
    if (!token.ok()) return token.status();
    web::http::http_request message(request.method);
    message.set_request_uri(web::uri(request.path));
    message.headers().add("Accept", "application/json");
    message.headers().add("User-Agent", user_agent_);
    if (!token->empty()) {
      message.headers().add("Authorization", absl::StrCat("Bearer ", *token));
    } else if (!connection_.username.empty()) {
      const std::string login = absl::StrCat(connection_.username, ":", connection_.password);
      message.headers().add("Authorization", absl::StrCat("Basic ", absl::Base64Escape(login)));
    }
    // cpprestsdk verifies the certificate for the name in this header.
    if (!connection_.tls_server_name.empty()) {
      message.headers().add("Host", connection_.tls_server_name);
    }
    if (!request.content_type.empty()) message.set_body(request.body, request.content_type);
    return message;
  }

  // Each keeps its own idle connections; there are as many as there are timeouts, so a few.
  std::shared_ptr<http_client> Client(absl::Duration timeout) {
    std::lock_guard lock(mutex_);
    auto& client = clients_[timeout];
    if (client == nullptr) {
      http_client_config config;
      config.set_timeout(absl::ToChronoMicroseconds(timeout));
      config.set_max_redirects(0);
      config.set_validate_certificates(!connection_.insecure_skip_tls_verify);
      config.set_ssl_context_callback(
          [this](SslContext& context) { SetUpTls(connection_, context); });
      client = std::make_shared<http_client>(Resolvable(server_), config);
    }
    return client;
  }

  absl::StatusOr<HttpResponse> Checked(absl::StatusOr<HttpResponse> response) {
    if (response.ok() && response->code == 401) token_.Refused();
    return response;
  }

  const Connection connection_;
  const std::string user_agent_;
  const web::uri server_;
  MonotonicClock clock_;
  TokenSource token_;
  std::mutex mutex_;
  std::map<absl::Duration, std::shared_ptr<http_client>> clients_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpTransport>> NewCpprestTransport(const Connection& connection,
                                                                   const std::string& user_agent) {
  SizeThreadPool();
  try {
    return std::make_unique<CpprestTransport>(connection, user_agent);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the API server's address \"", connection.server, "\": ", error.what()));
  }
}

}  // namespace omdb::kube

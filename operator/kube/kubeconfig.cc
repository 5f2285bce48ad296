#include "operator/kube/kubeconfig.h"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "yaml-cpp/yaml.h"

namespace omdb::kube {
namespace {

// A named cluster, user or context and the directory of the file that it is from.
struct Entry {
  YAML::Node node;
  std::filesystem::path directory;
};

struct Kubeconfig {
  std::string file;
  YAML::Node root;
};

// Reads the fields of one entry, remembering the first error. May throw YAML::Exception.
class Fields {
 public:
  Fields(Entry entry, std::string what) : entry_(std::move(entry)), what_(std::move(what)) {}

  bool Has(const std::string& name) const {
    const YAML::Node value = entry_.node[name];
    return value && !value.IsNull();
  }

  std::string Text(const std::string& name) const {
    return Has(name) ? entry_.node[name].as<std::string>() : "";
  }

  std::string Path(const std::string& name) const {
    const std::string text = Text(name);
    if (text.empty()) return "";
    return (entry_.directory / text).lexically_normal().string();
  }

  std::string Base64(const std::string& name) {
    std::string decoded;
    if (!absl::Base64Unescape(Text(name), &decoded)) {
      status_.Update(
          absl::InvalidArgumentError(absl::StrCat(name, " of ", what_, " is not base64")));
    }
    return decoded;
  }

  bool Bool(const std::string& name) const { return Has(name) && entry_.node[name].as<bool>(); }

  const absl::Status& status() const { return status_; }

 private:
  const Entry entry_;
  const std::string what_;
  absl::Status status_;
};

absl::StatusOr<Fields> Find(const std::vector<Kubeconfig>& files, const std::string& list,
                            const std::string& field, const std::string& name) {
  for (const Kubeconfig& file : files) {
    const YAML::Node entries = file.root[list];
    for (const YAML::Node& entry : entries) {
      if (entry["name"].as<std::string>("") != name) continue;
      return Fields({entry[field], std::filesystem::absolute(file.file).parent_path()},
                    absl::StrCat(field, " \"", name, "\""));
    }
  }
  return absl::NotFoundError(absl::StrCat("no ", field, " named \"", name, "\""));
}

absl::Status ReadCluster(Fields cluster, Connection* connection) {
  connection->server = cluster.Text("server");
  connection->tls_server_name = cluster.Text("tls-server-name");
  connection->insecure_skip_tls_verify = cluster.Bool("insecure-skip-tls-verify");
  connection->ca_pem = cluster.Base64("certificate-authority-data");
  if (connection->ca_pem.empty()) connection->ca_file = cluster.Path("certificate-authority");
  if (!cluster.status().ok()) return cluster.status();
  if (!absl::StartsWith(connection->server, "https://") &&
      !absl::StartsWith(connection->server, "http://")) {
    return absl::InvalidArgumentError(absl::StrCat("the cluster's server is \"", connection->server,
                                                   "\"; it must start with https:// or http://"));
  }
  if (cluster.Has("proxy-url")) {
    return absl::UnimplementedError("the cluster has a proxy-url; connect without a proxy");
  }
  if (connection->insecure_skip_tls_verify &&
      !(connection->ca_pem.empty() && connection->ca_file.empty())) {
    return absl::InvalidArgumentError(
        "the cluster has both a certificate-authority and insecure-skip-tls-verify; remove one");
  }
  return absl::OkStatus();
}

absl::Status ReadUser(Fields user, Connection* connection) {
  if (user.Has("exec") || user.Has("auth-provider")) {
    return absl::UnimplementedError(
        "the user logs in by a plugin (exec or auth-provider), which this client does not run; use "
        "a context with a token or a client certificate, for example of a service account: kubectl "
        "create token NAME");
  }
  connection->client_certificate_pem = user.Base64("client-certificate-data");
  if (connection->client_certificate_pem.empty()) {
    connection->client_certificate_file = user.Path("client-certificate");
  }
  connection->client_key_pem = user.Base64("client-key-data");
  if (connection->client_key_pem.empty()) connection->client_key_file = user.Path("client-key");
  // As kubectl does: the file wins where both are given.
  connection->token_file = user.Path("tokenFile");
  if (connection->token_file.empty()) connection->token = user.Text("token");
  connection->username = user.Text("username");
  connection->password = user.Text("password");
  if (!user.status().ok()) return user.status();

  const bool certificate =
      !connection->client_certificate_pem.empty() || !connection->client_certificate_file.empty();
  const bool key = !connection->client_key_pem.empty() || !connection->client_key_file.empty();
  if (certificate != key) {
    return absl::InvalidArgumentError(certificate
                                          ? "the user has a client-certificate but no client-key"
                                          : "the user has a client-key but no client-certificate");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Kubeconfig>> Load(const std::vector<std::string>& paths) {
  std::vector<Kubeconfig> files;
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    auto content = ReadFile(path);
    if (absl::IsNotFound(content.status())) continue;
    if (!content.ok()) return content.status();
    try {
      files.push_back({path, YAML::Load(*content)});
    } catch (const YAML::Exception& error) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is not YAML: ", error.what()));
    }
    if (!files.back().root.IsMap()) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is not a kubeconfig"));
    }
  }
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat("no kubeconfig at ", absl::StrJoin(paths, ", ")));
  }
  return files;
}

// May throw YAML::Exception.
absl::StatusOr<Connection> FromFiles(const std::vector<Kubeconfig>& files, std::string context) {
  for (const Kubeconfig& file : files) {
    if (context.empty()) context = file.root["current-context"].as<std::string>("");
  }
  if (context.empty()) {
    return absl::InvalidArgumentError(
        "there is no current-context; name one, or set it with kubectl config use-context");
  }
  const auto chosen = Find(files, "contexts", "context", context);
  if (!chosen.ok()) return chosen.status();
  const auto cluster = Find(files, "clusters", "cluster", chosen->Text("cluster"));
  if (!cluster.ok()) return cluster.status();

  Connection connection;
  if (absl::Status status = ReadCluster(*cluster, &connection); !status.ok()) return status;
  if (const std::string name = chosen->Text("user"); !name.empty()) {
    const auto user = Find(files, "users", "user", name);
    if (!user.ok()) return user.status();
    if (absl::Status status = ReadUser(*user, &connection); !status.ok()) return status;
  }
  if (const std::string ns = chosen->Text("namespace"); !ns.empty()) connection.ns = ns;
  return connection;
}

absl::Status Annotate(const absl::Status& status, const std::string& where) {
  return absl::Status(status.code(), absl::StrCat("kubeconfig ", where, ": ", status.message()));
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

absl::StatusOr<Connection> InClusterConnection(const Environment& environment,
                                               const std::string& directory) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST").value_or("");
  const std::string port = environment("KUBERNETES_SERVICE_PORT").value_or("");
  if (host.empty() || port.empty()) {
    return absl::FailedPreconditionError(
        "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  Connection connection;
  const bool ipv6 = absl::StrContains(host, ':');
  connection.server = ipv6 ? absl::StrCat("https://[", host, "]:", port)
                           : absl::StrCat("https://", host, ":", port);
  connection.token_file = directory + "/token";
  connection.ca_file = directory + "/ca.crt";
  connection.origin = "service account";
  for (const std::string& file : {connection.token_file, connection.ca_file}) {
    if (auto content = ReadFile(file); !content.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("in a pod, but without a service account: ", content.status().message(),
                       "; is automountServiceAccountToken false?"));
    }
  }
  if (const auto ns = ReadFile(directory + "/namespace"); ns.ok()) {
    connection.ns = std::string(absl::StripAsciiWhitespace(*ns));
  }
  return connection;
}

absl::StatusOr<Connection> KubeconfigConnection(const std::vector<std::string>& files,
                                                const std::string& context) {
  auto loaded = Load(files);
  if (!loaded.ok()) return loaded.status();
  const std::string where = absl::StrJoin(files, ":");
  try {
    auto connection = FromFiles(*loaded, context);
    if (!connection.ok()) return Annotate(connection.status(), where);
    connection->origin = where;
    return connection;
  } catch (const std::exception& error) {
    return Annotate(absl::InvalidArgumentError(error.what()), where);
  }
}

absl::StatusOr<Connection> FindConnection(const std::string& kubeconfig, const std::string& context,
                                          const Environment& environment) {
  if (!kubeconfig.empty()) return KubeconfigConnection({kubeconfig}, context);
  if (const auto list = environment("KUBECONFIG"); list && !list->empty()) {
    return KubeconfigConnection(absl::StrSplit(*list, ':', absl::SkipEmpty()), context);
  }
  if (environment("KUBERNETES_SERVICE_HOST")) return InClusterConnection(environment);
  const std::string home = environment("HOME").value_or("/");
  auto connection = KubeconfigConnection({home + "/.kube/config"}, context);
  if (absl::IsNotFound(connection.status())) {
    return absl::NotFoundError(
        absl::StrCat("no API server to talk to: not in a pod, KUBECONFIG is not set, and ",
                     connection.status().message()));
  }
  return connection;
}

}  // namespace omdb::kube

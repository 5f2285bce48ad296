#include "operator/kube/kubeconfig.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace omdb::kube {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kCluster[] = R"(
clusters:
- name: there
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: Q0EgUEVN
)";
constexpr char kContext[] = R"(
current-context: mine
contexts:
- name: mine
  context: {cluster: there, user: me, namespace: db}
)";

class KubeconfigTest : public ::testing::Test {
 protected:
  KubeconfigTest() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~KubeconfigTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& content) {
    std::string path = directory_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << content;
    return path;
  }

  // With this under `user:`.
  absl::StatusOr<Connection> WithUser(const std::string& user) {
    return KubeconfigConnection({Write("config", std::string(kCluster) + kContext +
                                                     "users:\n- {name: me, user: " + user + "}\n")},
                                "");
  }

  Environment Variables() {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto it = variables_.find(name);
      if (it == variables_.end()) return std::nullopt;
      return it->second;
    };
  }

  const std::string directory_ = ::testing::TempDir() + "kubeconfig-" +
                                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::map<std::string, std::string> variables_;
};

TEST_F(KubeconfigTest, ReadsTheCurrentContext) {
  const auto connection = WithUser("{client-certificate-data: Q0VSVA==, client-key-data: S0VZ}");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->server, "https://10.0.0.1:6443");
  EXPECT_EQ(connection->ca_pem, "CA PEM");
  EXPECT_EQ(connection->client_certificate_pem, "CERT");
  EXPECT_EQ(connection->client_key_pem, "KEY");
  EXPECT_EQ(connection->ns, "db");
  EXPECT_FALSE(connection->insecure_skip_tls_verify);
}

TEST_F(KubeconfigTest, FindsFilesBesideTheKubeconfig) {
  const auto connection = WithUser("{client-certificate: pki/me.crt, client-key: /etc/me.key}");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->client_certificate_file, directory_ + "/pki/me.crt");
  EXPECT_EQ(connection->client_key_file, "/etc/me.key");
}

TEST_F(KubeconfigTest, ReadsTokensAndPasswords) {
  EXPECT_EQ(WithUser("{token: secret}")->token, "secret");
  const auto both = WithUser("{token: secret, tokenFile: token}");
  EXPECT_EQ(both->token, "");
  EXPECT_EQ(both->token_file, directory_ + "/token");
  const auto basic = WithUser("{username: u, password: p}");
  EXPECT_EQ(basic->username + basic->password, "up");
}

TEST_F(KubeconfigTest, SaysWhatToDoInsteadOfAPlugin) {
  for (const char* user : {"{exec: {command: aws}}", "{auth-provider: {name: gcp}}"}) {
    const absl::Status status = WithUser(user).status();
    EXPECT_TRUE(absl::IsUnimplemented(status));
    EXPECT_THAT(status.message(), AllOf(HasSubstr("plugin"), HasSubstr("kubectl create token")));
  }
}

TEST_F(KubeconfigTest, RefusesHalfACertificateAndBadBase64) {
  EXPECT_THAT(WithUser("{client-certificate-data: Q0VSVA==}").status().message(),
              HasSubstr("no client-key"));
  EXPECT_THAT(WithUser("{client-key: x}").status().message(), HasSubstr("no client-certificate"));
  EXPECT_THAT(
      WithUser("{client-certificate-data: '***', client-key-data: S0VZ}").status().message(),
      AllOf(HasSubstr("client-certificate-data"), HasSubstr("base64")));
}

TEST_F(KubeconfigTest, TakesTheNamedContext) {
  const std::string path = Write("config", std::string(kCluster) + kContext + R"(
- name: other
  context: {cluster: there, user: ""}
users: []
)");
  const auto connection = KubeconfigConnection({path}, "other");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->ns, "default");
  EXPECT_THAT(KubeconfigConnection({path}, "third").status().message(),
              AllOf(HasSubstr("third"), HasSubstr(path)));
  EXPECT_THAT(KubeconfigConnection({path}, "").status().message(), HasSubstr("\"me\""));
}

TEST_F(KubeconfigTest, MergesFilesAndTheFirstWins) {
  const std::string first = Write("first", kContext);
  const std::string second = Write("second/config", std::string(kCluster) + R"(
current-context: another
users:
- name: me
  user: {tokenFile: token}
)");
  const auto connection = KubeconfigConnection({directory_ + "/missing", first, second}, "");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->server, "https://10.0.0.1:6443");
  EXPECT_EQ(connection->token_file, directory_ + "/second/token");
}

TEST_F(KubeconfigTest, RefusesWhatIsNoKubeconfig) {
  EXPECT_TRUE(absl::IsNotFound(KubeconfigConnection({directory_ + "/no"}, "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(KubeconfigConnection({Write("a", "{[")}, "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(KubeconfigConnection({Write("b", "text")}, "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(KubeconfigConnection({Write("c", "a: b")}, "").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      KubeconfigConnection({Write("d", "current-context: x\ncontexts: [5]")}, "").status()));
  EXPECT_TRUE(absl::IsNotFound(
      KubeconfigConnection({Write("e", "current-context: x\ncontexts: 5")}, "").status()));
}

TEST_F(KubeconfigTest, RefusesContradictionsOfACluster) {
  const auto with = [this](const std::string& cluster) {
    return KubeconfigConnection(
               {Write("config", "clusters: [{name: there, cluster: " + cluster +
                                    "}]\nusers: [{name: me, user: {}}]" + kContext)},
               "")
        .status();
  };
  EXPECT_TRUE(with("{server: 'https://a', insecure-skip-tls-verify: true}").ok());
  EXPECT_THAT(with("{server: 'https://a', insecure-skip-tls-verify: true, "
                   "certificate-authority: ca}")
                  .message(),
              HasSubstr("insecure-skip-tls-verify"));
  EXPECT_THAT(with("{server: 'https://a', insecure-skip-tls-verify: true, "
                   "certificate-authority-data: Q0EgUEVN}")
                  .message(),
              HasSubstr("insecure-skip-tls-verify"));
  EXPECT_TRUE(with("{server: 'https://a', insecure-skip-tls-verify: false, "
                   "certificate-authority: ca}")
                  .ok());
  EXPECT_TRUE(with("{server: 'http://a'}").ok());
  EXPECT_THAT(with("{server: 'https://a', certificate-authority-data: '***'}").message(),
              AllOf(HasSubstr("certificate-authority-data"), HasSubstr("base64")));
  EXPECT_THAT(with("{server: 'a:6443'}").message(), HasSubstr("https://"));
  EXPECT_THAT(with("{server: 'https://a', proxy-url: 'http://p'}").message(), HasSubstr("proxy"));
}

TEST_F(KubeconfigTest, FindsWhatAPodIsGiven) {
  Write("sa/token", "secret");
  Write("sa/ca.crt", "CA");
  Write("sa/namespace", "operators\n");
  variables_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  const auto connection = InClusterConnection(Variables(), directory_ + "/sa");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->server, "https://10.96.0.1:443");
  EXPECT_EQ(connection->token_file, directory_ + "/sa/token");
  EXPECT_EQ(connection->ca_file, directory_ + "/sa/ca.crt");
  EXPECT_EQ(connection->ns, "operators");
  variables_["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  EXPECT_EQ(InClusterConnection(Variables(), directory_ + "/sa")->server, "https://[fd00::1]:443");
}

TEST_F(KubeconfigTest, SaysWhyItIsNoPod) {
  EXPECT_THAT(InClusterConnection(Variables(), directory_).status().message(),
              HasSubstr("KUBERNETES_SERVICE_HOST"));
  variables_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  EXPECT_THAT(InClusterConnection(Variables(), directory_).status().message(),
              HasSubstr("automountServiceAccountToken"));
}

TEST_F(KubeconfigTest, LooksWhereKubectlLooks) {
  const std::string users = "users: [{name: me, user: {token: t}}]\n";
  const std::string flag = Write("flag", kCluster + users + kContext);
  Write("home/.kube/config", kCluster + users + kContext);
  variables_["HOME"] = directory_ + "/nobody";
  EXPECT_THAT(FindConnection("", "", Variables()).status().message(), HasSubstr("KUBECONFIG"));
  variables_["HOME"] = directory_ + "/home";
  EXPECT_EQ(FindConnection("", "", Variables())->origin, directory_ + "/home/.kube/config");
  variables_["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
  EXPECT_FALSE(FindConnection("", "", Variables()).ok()) << "a pod without a service account";
  variables_["KUBECONFIG"] = ":" + flag + ":" + directory_ + "/none";
  EXPECT_EQ(FindConnection("", "", Variables())->origin, flag + ":" + directory_ + "/none");
  EXPECT_TRUE(absl::IsNotFound(FindConnection(directory_ + "/no", "", Variables()).status()));
}

TEST_F(KubeconfigTest, ANullIsLikeAFieldThatIsLeftOut) {
  const auto connection = WithUser("{token: null, tokenFile: ~}");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->token + connection->token_file, "");
}

TEST_F(KubeconfigTest, PassesOverPathsThatAreEmpty) {
  const std::string path = Write("config", std::string(kCluster) + kContext + "users: []\n");
  EXPECT_THAT(KubeconfigConnection({"", path}, "").status().message(), HasSubstr("\"me\""));
  EXPECT_TRUE(absl::IsNotFound(KubeconfigConnection({""}, "").status()));
}

TEST_F(KubeconfigTest, AFileThatCannotBeOpenedIsNotPassedOver) {
  const std::string path = Write("config", kContext);
  const absl::Status status = KubeconfigConnection({path + "/below-a-file", path}, "").status();
  EXPECT_FALSE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("cannot open " + path + "/below-a-file"));
}

TEST_F(KubeconfigTest, NamesTheClusterThatAContextHasAndNoFile) {
  const absl::Status status = KubeconfigConnection({Write("config", kContext)}, "").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("no cluster named \"there\""));
}

TEST_F(KubeconfigTest, APodWithoutANamespaceFileIsInTheDefaultNamespace) {
  Write("sa/token", "secret");
  Write("sa/ca.crt", "CA");
  variables_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  EXPECT_EQ(InClusterConnection(Variables(), directory_ + "/sa")->ns, "default");
}

TEST_F(KubeconfigTest, AnEmptyListOfFilesIsLikeNone) {
  Write("home/.kube/config", std::string(kCluster) + "users: [{name: me, user: {}}]" + kContext);
  variables_ = {{"KUBECONFIG", ""}, {"HOME", directory_ + "/home"}};
  EXPECT_EQ(FindConnection("", "", Variables())->origin, directory_ + "/home/.kube/config");
}

TEST(ProcessEnvironment, TellsAVariableThatIsEmptyFromOneThatIsNotSet) {
  ASSERT_EQ(setenv("OMDB_KUBECONFIG_TEST", "", 1), 0);
  EXPECT_EQ(ProcessEnvironment()("OMDB_KUBECONFIG_TEST"), "");
  ASSERT_EQ(unsetenv("OMDB_KUBECONFIG_TEST"), 0);
  EXPECT_EQ(ProcessEnvironment()("OMDB_KUBECONFIG_TEST"), std::nullopt);
}

}  // namespace
}  // namespace omdb::kube

// Whom the transport trusts and how it shows who it is, against a TLS server on loopback.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operator/kube/cpprest_transport.h"
#include "tests/unit/kube/loopback_server.h"

namespace omdb::kube {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A certificate that signs itself, and its key.
class Certificate {
 public:
  Certificate(const std::string& common_name, const std::string& alternative_names)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    X509* x509 = certificate_.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_set_pubkey(x509, key_.get());
    Extend(NID_basic_constraints, "critical,CA:TRUE");
    if (!alternative_names.empty()) Extend(NID_subject_alt_name, alternative_names);
    X509_sign(x509, key_.get(), EVP_sha256());
  }

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }
  std::string pem() const {
    return Text([this](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }
  std::string key_pem() const {
    return Text([this](BIO* out) {
      PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

 private:
  void Extend(int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }

  static std::string Text(const std::function<void(BIO*)>& write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    write(out.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, size);
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    connection_.ca_pem = server_.pem();
  }

  void Present(const Certificate& certificate) {
    SSL_CTX_use_certificate(context_.get(), certificate.certificate());
    SSL_CTX_use_PrivateKey(context_.get(), certificate.key());
  }

  // One request; the body is the common name of the client's certificate.
  absl::StatusOr<HttpResponse> Request() {
    LoopbackServer server([this](LoopbackServer::Peer& peer) { Serve(peer.fd()); });
    connection_.server = absl::StrCat("https://", server.address());
    const auto transport = NewCpprestTransport(connection_, "test");
    EXPECT_TRUE(transport.ok()) << transport.status();
    return (*transport)->Send({"GET", "/"}, stop_);
  }

  void Serve(int fd) {
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1) return;
    char buffer[4096];
    if (SSL_read(ssl.get(), buffer, sizeof(buffer)) <= 0) return;
    std::string name;
    if (X509* peer = SSL_get0_peer_certificate(ssl.get())) {
      char text[64] = "";
      X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, text, sizeof(text));
      name = text;
    }
    const std::string answer =
        absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", name.size(), "\r\n\r\n", name);
    SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
    SSL_shutdown(ssl.get());
  }

  const Certificate server_{"server", "IP:127.0.0.1"};
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  Connection connection_;
  StopSignal stop_;
};

TEST_F(TlsTest, TrustsTheClustersAuthority) {
  Present(server_);
  const auto response = Request();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->code, 200);
}

TEST_F(TlsTest, RefusesAServerOfAnotherAuthority) {
  Present(Certificate("server", "IP:127.0.0.1"));
  const absl::Status status = Request().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(TlsTest, RefusesACertificateForAnotherName) {
  const Certificate elsewhere("server", "DNS:elsewhere.test");
  Present(elsewhere);
  connection_.ca_pem = elsewhere.pem();
  EXPECT_TRUE(absl::IsUnavailable(Request().status()));
  connection_.tls_server_name = "elsewhere.test";
  EXPECT_TRUE(Request().ok()) << "unless that is the name to verify";
  connection_.tls_server_name = "third.test";
  EXPECT_TRUE(absl::IsUnavailable(Request().status()));
}

TEST_F(TlsTest, TrustsAnyoneOnlyWhenToldSo) {
  Present(Certificate("server", "DNS:elsewhere.test"));
  connection_.ca_pem.clear();
  EXPECT_TRUE(absl::IsUnavailable(Request().status()));
  connection_.insecure_skip_tls_verify = true;
  EXPECT_TRUE(Request().ok());
}

TEST_F(TlsTest, ShowsItsCertificate) {
  Present(server_);
  const Certificate client("openmldb-operator", "");
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), client.certificate());
  EXPECT_TRUE(absl::IsUnavailable(Request().status()));
  connection_.client_certificate_pem = client.pem();
  connection_.client_key_pem = client.key_pem();
  const auto response = Request();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "openmldb-operator");
}

TEST_F(TlsTest, ReadsFilesAnewForEachConnection) {
  Present(server_);
  const Certificate client("from-a-file", "");
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), client.certificate());
  const std::string directory = ::testing::TempDir();
  connection_.ca_pem.clear();
  connection_.ca_file = directory + "/tls-test-ca.crt";
  connection_.client_certificate_file = directory + "/tls-test.crt";
  connection_.client_key_file = directory + "/tls-test.key";
  std::ofstream(connection_.client_certificate_file) << client.pem();
  std::ofstream(connection_.client_key_file) << client.key_pem();

  LoopbackServer server([this](LoopbackServer::Peer& peer) { Serve(peer.fd()); });
  connection_.server = absl::StrCat("https://", server.address());
  const auto transport = *NewCpprestTransport(connection_, "test");
  std::ofstream(connection_.ca_file) << Certificate("old", "").pem();
  EXPECT_TRUE(absl::IsUnavailable(transport->Send({"GET", "/"}, stop_).status()));
  std::ofstream(connection_.ca_file) << server_.pem();
  const auto response = transport->Send({"GET", "/"}, stop_);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "from-a-file");
  std::remove(connection_.ca_file.c_str());
  const absl::Status missing = transport->Send({"GET", "/"}, stop_).status();
  EXPECT_TRUE(absl::IsUnavailable(missing));
  EXPECT_THAT(missing.message(), AllOf(HasSubstr(connection_.ca_file), HasSubstr("No such file")));
  std::ofstream(connection_.ca_file) << "no certificate";
  EXPECT_THAT(transport->Send({"GET", "/"}, stop_).status().message(),
              HasSubstr(absl::StrCat("the certificate authority in ", connection_.ca_file)));
  std::remove(connection_.ca_file.c_str());
  std::remove(connection_.client_certificate_file.c_str());
  std::remove(connection_.client_key_file.c_str());
}

}  // namespace
}  // namespace omdb::kube

// What goes on below the calls: nothing but TLS 1.2 and 1.3 with a certificate of ours, and no
// session is ever resumed, so that every connection is looked at anew.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/rpc/credentials.h"
#include "tests/integration/roles/generic_call.h"
#include "tests/integration/roles/world.h"

namespace norroy::roles {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;

int Connect(const std::string& address) {
  int port = 0;
  NORROY_CHECK(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  NORROY_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
  const timeval limit = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  return fd;
}

Context NewContext(const std::string& identity_file, int version) {
  Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  // A client that would like to resume.
  SSL_CTX_clear_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
  const unsigned char h2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context.get(), h2, sizeof(h2));
  if (!identity_file.empty()) {
    NORROY_CHECK(SSL_CTX_use_certificate_chain_file(context.get(), identity_file.c_str()) == 1);
    NORROY_CHECK(
        SSL_CTX_use_PrivateKey_file(context.get(), identity_file.c_str(), SSL_FILETYPE_PEM) == 1);
  }
  return context;
}

struct Shake {
  bool talked = false;  // the server spoke HTTP/2 to us
  bool resumed = false;
  bool has_ticket = false;
  Session session{nullptr, SSL_SESSION_free};
};

Shake Handshake(SSL_CTX* context, const std::string& address, SSL_SESSION* before = nullptr) {
  const int fd = Connect(address);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context), SSL_free);
  SSL_set_fd(ssl.get(), fd);
  if (before != nullptr) SSL_set_session(ssl.get(), before);
  Shake shake;
  if (SSL_connect(ssl.get()) == 1) {
    // Its first frame comes after whatever tickets it gives.
    char frame[256];
    shake.talked = SSL_read(ssl.get(), frame, sizeof(frame)) > 0;
    shake.resumed = SSL_session_reused(ssl.get()) == 1;
    shake.session.reset(SSL_get1_session(ssl.get()));
    shake.has_ticket = SSL_SESSION_has_ticket(shake.session.get()) == 1;
  }
  close(fd);
  return shake;
}

class TransportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new World(); }
  static void TearDownTestSuite() { delete std::exchange(world_, nullptr); }

  static std::string Ours(const Listener& listener) {
    return world_->Identity(listener.name == "agents" ? types::v1::ROLE_AGENT
                                                      : types::v1::ROLE_OPERATOR);
  }
  static std::shared_ptr<grpc::Channel> Dial(const Listener& listener) {
    const auto credentials = rpc::ClientCredentials({Ours(listener), world_->core_root_file()},
                                                    world_->deployment(), listener.server);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return rpc::NewChannel(listener.address, *credentials);
  }
  static World* world_;
};
World* TransportTest::world_ = nullptr;

TEST_F(TransportTest, NoSessionIsResumed) {
  for (const Listener& listener : world_->listeners()) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      SCOPED_TRACE(absl::StrCat(listener.name, version == TLS1_2_VERSION ? ", 1.2" : ", 1.3"));
      const Context context = NewContext(Ours(listener), version);
      Shake last = Handshake(context.get(), listener.address);
      ASSERT_TRUE(last.talked);
      // In TLS 1.2 a server names each session, and may forget it: asked for, it must not know it.
      for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(last.has_ticket);
        last = Handshake(context.get(), listener.address, last.session.get());
        EXPECT_TRUE(last.talked);
        EXPECT_FALSE(last.resumed);
      }
    }
  }
}

TEST_F(TransportTest, OnlyNewTlsAndOurCertificates) {
  for (const Listener& listener : world_->listeners()) {
    const std::string ours = Ours(listener);
    const std::string foreign = world_->Foreign(types::v1::ROLE_OPERATOR, world_->deployment());
    const struct {
      const char* what;
      std::string identity_file;
      int version;
      bool talks;
    } cases[] = {
        {"ours", ours, TLS1_3_VERSION, true},
        {"TLS 1.1", ours, TLS1_1_VERSION, false},
        {"TLS 1.0", ours, TLS1_VERSION, false},
        {"no certificate", "", TLS1_3_VERSION, false},
        {"no certificate, TLS 1.2", "", TLS1_2_VERSION, false},
        {"another CA", foreign, TLS1_3_VERSION, false},
        {"another CA, TLS 1.2", foreign, TLS1_2_VERSION, false},
    };
    for (const auto& c : cases) {
      const Context context = NewContext(c.identity_file, c.version);
      EXPECT_EQ(Handshake(context.get(), listener.address).talked, c.talks)
          << listener.name << ": " << c.what;
    }
  }
}

TEST_F(TransportTest, PlainTextIsNotAnswered) {
  for (const Listener& listener : world_->listeners()) {
    const int fd = Connect(listener.address);
    // RFC 9113 3.4: what an HTTP/2 client begins with, and an empty SETTINGS frame.
    const std::string preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
    ASSERT_EQ(send(fd, preface.data(), preface.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(preface.size()));
    char reply[9] = {};
    const ssize_t got = recv(fd, reply, sizeof(reply), MSG_WAITALL);
    // At most a TLS alert (RFC 8446 6: content type 21).
    EXPECT_TRUE(got <= 0 || reply[0] == 21) << listener.name;
    close(fd);
  }
}

TEST_F(TransportTest, HealthSaysNothingButServing) {
  for (const Listener& listener : world_->listeners()) {
    const auto channel = Dial(listener);
    const std::string check = "/grpc.health.v1.Health/Check";
    const Reply whole = CallOnce(channel, check);
    EXPECT_TRUE(whole.status.ok()) << listener.name << ": " << whole.status;
    // One field, SERVING, and nothing else.
    ASSERT_EQ(whole.messages.size(), 1u);
    EXPECT_EQ(whole.messages[0], "\x08\x01");
    // A service is not told from one that is not there.
    for (const char* service : {"norroy.issuer.v1.OrderService", "no.such.Service"}) {
      const std::string name(service);
      const std::string request = std::string("\x0a") + static_cast<char>(name.size()) + name;
      const Reply one = CallOnce(channel, check, request);
      EXPECT_EQ(one.status.code(), absl::StatusCode::kNotFound) << listener.name;
      EXPECT_EQ(one.status.message(), "service name unknown");
    }
  }
}

TEST_F(TransportTest, NoReflectionUnlessAsked) {
  for (const Listener& listener : world_->listeners()) {
    // Only where the configuration asks for it, and never at the agents' door.
    for (const char* method : {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                               "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                               "/grpc.channelz.v1.Channelz/GetServers"}) {
      EXPECT_EQ(CallOnce(Dial(listener), method).status.code(), absl::StatusCode::kUnimplemented)
          << listener.name << method;
    }
  }
}

}  // namespace
}  // namespace norroy::roles

#include "cli/sync_served.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/sync_test_ca.h"
#include "common/error/error.h"
#include "tests/harness/process.h"

namespace norroy::cli {
namespace {

using ::testing::HasSubstr;

ServeTarget Target(int port, const std::string& server_name = "", bool smtp = false) {
  return {{"127.0.0.1", port}, server_name, smtp, absl::Seconds(5)};
}

// A listener for one connection, which gets these words, each after a line of the other side's (the
// first at once); then it is closed, or left open.
class Speaker {
 public:
  Speaker(std::vector<std::string> words, bool hang) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, words = std::move(words), hang] {
      const int peer = accept(fd_, nullptr, nullptr);
      char buffer[4096];
      for (size_t i = 0; i < words.size(); ++i) {
        if (i > 0 && read(peer, buffer, sizeof(buffer)) <= 0) break;
        if (send(peer, words[i].data(), words[i].size(), MSG_NOSIGNAL) < 0) break;
      }
      while (hang && read(peer, buffer, sizeof(buffer)) > 0) {
      }
      close(peer);
    });
  }
  ~Speaker() {
    thread_.join();
    close(fd_);
  }
  int port() const { return port_; }

 private:
  const int fd_;
  int port_ = 0;
  std::thread thread_;
};

class ServedTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const CertificateSet& set) {
    std::string path = absl::StrCat(folder_, "/", name, ".pem");
    harness::WriteAll(path, absl::StrCat(set.key.ToPem().Expose(), set.chain.ToPem()), 0600);
    return path;
  }
  CertificateSet Issue(const std::string& name, absl::Duration life = absl::Hours(24)) {
    return ca_.Issue({{name}, absl::Now() - absl::Hours(2), life});
  }

  const SyncTestCa ca_;
  const std::string folder_ = NewSyncFolder();
};

TEST_F(ServedTest, IsWhatTheServerShowsForTheName) {
  const CertificateSet usual = Issue("a.example.com");
  // Nothing is believed or refused: also what ended long ago is what is served.
  const CertificateSet other = Issue("b.example.com", absl::Hours(1));
  const int port = harness::FreePort();
  const std::string a = Write("a", usual);
  const std::string b = Write("b", other);
  const auto server = harness::Process::Start(
      {"openssl", "s_server", "-accept", absl::StrCat("127.0.0.1:", port), "-cert", a, "-key", a,
       "-servername", "b.example.com", "-cert2", b, "-key2", b, "-quiet"},
      folder_ + "/log");
  ASSERT_TRUE(
      harness::Eventually([&] { return ServedCertificate(Target(port), absl::Seconds(5)).ok(); }));
  const struct {
    std::string server_name;
    const CertificateSet& shown;
  } cases[] = {{"", usual}, {"a.example.com", usual}, {"b.example.com", other}};
  for (const auto& c : cases) {
    const auto shown = ServedCertificate(Target(port, c.server_name), absl::Seconds(5));
    ASSERT_TRUE(shown.ok()) << shown.status();
    EXPECT_EQ(shown->fingerprint(), c.shown.chain.leaf().fingerprint()) << c.server_name;
  }
}

TEST_F(ServedTest, SaysWhatThereWasInstead) {
  const int port = harness::FreePort();
  const auto refused = ServedCertificate(Target(port), absl::Seconds(5));
  EXPECT_EQ(ErrorReason(refused.status()), "NOT_SERVED");
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("cannot connect"));

  const struct {
    std::vector<std::string> words;
    bool hang;
    bool smtp;
    std::string says;
  } cases[] = {
      {{"HTTP/1.1 400 Bad Request\r\n\r\n"}, false, false, "no TLS handshake"},
      {{}, false, false, "no TLS handshake"},
      {{""}, true, false, "no TLS handshake"},
      {{"554 no\r\n"}, true, true, "greets with 554 no"},
      {{"220-a\r\n220 b\r\n", "250-x\r\n250 STARTTLS\r\n", "454 not now\r\n"},
       true,
       true,
       "answers STARTTLS with 454 not now"},
      {{"220 b\r\n", "250 x\r\n"}, false, true, "ended before STARTTLS"},
      {{"220 b\r\n", "250 x\r\n", "220 go\r\n"}, false, true, "no TLS handshake"},
      {{std::string(100000, 'x')}, true, true, "without end"},
      {{""}, true, true, "no answer by SMTP"},
  };
  for (const auto& c : cases) {
    const Speaker speaker(c.words, c.hang);
    const absl::Time start = absl::Now();
    const auto shown = ServedCertificate(Target(speaker.port(), "", c.smtp), absl::Seconds(1));
    EXPECT_EQ(ErrorReason(shown.status()), "NOT_SERVED") << c.says;
    EXPECT_THAT(std::string(shown.status().message()), HasSubstr(c.says));
    EXPECT_LT(absl::Now() - start, absl::Seconds(5)) << c.says;
  }
}

}  // namespace
}  // namespace norroy::cli

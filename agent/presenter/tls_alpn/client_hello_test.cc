#include "agent/presenter/tls_alpn/client_hello.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr auto kIncomplete = ClientHelloState::kIncomplete;
constexpr auto kComplete = ClientHelloState::kComplete;
constexpr auto kBad = ClientHelloState::kBad;

std::string Sized(size_t width, const std::string& bytes) {
  std::string length;
  for (size_t i = width; i > 0; --i) length.push_back(char(bytes.size() >> (8 * (i - 1))));
  return length + bytes;
}

std::string Extension(int type, const std::string& data) {
  return std::string{char(type >> 8), char(type)} + Sized(2, data);
}

std::string ServerName(const std::string& name) {
  return Extension(0, Sized(2, std::string(1, '\0') + Sized(2, name)));
}

std::string Protocols(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list += Sized(1, protocol);
  return Extension(16, Sized(2, list));
}

std::string Versions(const std::string& versions) { return Extension(43, Sized(1, versions)); }

struct Parts {
  std::string version = "\x03\x03";
  std::string session_id;
  std::string cipher_suites = "\xc0\x2b";
  std::string compression = std::string(1, '\0');
  std::string extensions;
  std::string after;
};

std::string Message(const Parts& parts) {
  return "\x01" + Sized(3, parts.version + std::string(32, 'r') + Sized(1, parts.session_id) +
                               Sized(2, parts.cipher_suites) + Sized(1, parts.compression) +
                               Sized(2, parts.extensions) + parts.after);
}

std::string Record(const std::string& fragment, char type = 22) {
  return std::string{type, 3, 1} + Sized(2, fragment);
}

std::string Hello(const std::string& extensions) {
  return Record(Message({.extensions = extensions}));
}

TEST(ClientHello, SaysWhatItWants) {
  const auto parse = ParseClientHello(
      Record(Message({.extensions = absl::StrCat(ServerName("WWW.Example.com"),
                                                 Protocols({"h2", "acme-tls/1"}))})));
  ASSERT_EQ(parse.state, kComplete);
  EXPECT_EQ(parse.hello.server_name, "www.example.com");
  EXPECT_EQ(parse.hello.protocols, (std::vector<std::string>{"h2", "acme-tls/1"}));
  EXPECT_EQ(parse.hello.max_version, kTls12);
}

TEST(ClientHello, Versions) {
  const struct {
    const char* what;
    std::string version;
    std::string extensions;
    uint16_t max;
  } cases[] = {
      {"TLS 1.2", "\x03\x03", "", 0x0303},
      {"TLS 1.1", "\x03\x02", "", 0x0302},
      {"TLS 1.0", "\x03\x01", "", 0x0301},
      {"1.3 in the head alone", "\x03\x04", "", 0x0303},
      {"1.3 and 1.2", "\x03\x03", Versions("\x03\x04\x03\x03"), 0x0304},
      {"1.3 with 1.0 in the head", "\x03\x01", Versions("\x03\x04"), 0x0304},
      {"the list counts", "\x03\x03", Versions("\x03\x02"), 0x0302},
      {"grease and a draft", "\x03\x03", Versions("\x7a\x7a\x7f\x1c\x03\x03"), 0x0303},
      {"nothing known", "\x03\x03", Versions("\x7a\x7a"), 0},
  };
  for (const auto& c : cases) {
    const auto parse =
        ParseClientHello(Record(Message({.version = c.version, .extensions = c.extensions})));
    EXPECT_EQ(parse.state, kComplete) << c.what;
    EXPECT_EQ(parse.hello.max_version, c.max) << c.what;
  }
}

TEST(ClientHello, GoodAndBad) {
  const std::string nul(1, '\0');
  const struct {
    const char* what;
    std::string bytes;
    ClientHelloState state;
  } cases[] = {
      {"nothing", "", kIncomplete},
      {"no extensions", Hello(""), kComplete},
      {"HTTP", "G", kBad},
      {"SSLv2", absl::HexStringToBytes("802e010002"), kBad},
      {"an alert", Record("\x02\x28", 21), kBad},
      {"a server's hello", Record("\x02"), kBad},
      {"another major version", "\x16\x02", kBad},
      {"an empty record", Record(""), kBad},
      {"a record that is too long", "\x16\x03\x01\x40\x01", kBad},
      {"a message that is too long", Record(std::string("\x01\x00\x40\x00", 4)), kBad},
      {"another record between", Record(Message({}).substr(0, 9)) + Record("\x02\x28", 21), kBad},
      {"bytes after the message", Hello("") + "whatever", kComplete},
      {"bytes after the extensions", Record(Message({.after = "x"})), kBad},
      {"long session id", Record(Message({.session_id = std::string(33, 's')})), kBad},
      {"session id", Record(Message({.session_id = std::string(32, 's')})), kComplete},
      {"no cipher suite", Record(Message({.cipher_suites = ""})), kBad},
      {"half a cipher suite", Record(Message({.cipher_suites = "abc"})), kBad},
      {"no compression", Record(Message({.compression = ""})), kBad},
      {"an extension twice", Hello(Extension(99, "") + Extension(99, "")), kBad},
      {"an extension cut", Hello(Extension(99, "abc").substr(0, 5)), kBad},
      {"an empty name", Hello(ServerName("")), kBad},
      {"a name with a zero", Hello(ServerName("a.exam" + nul + "ple")), kBad},
      {"a name with a blank", Hello(ServerName("a b")), kBad},
      {"a name in UTF-8", Hello(ServerName("\xc3\xa4.example")), kBad},
      {"a name that is long", Hello(ServerName(std::string(255, 'a'))), kComplete},
      {"a name that is too long", Hello(ServerName(std::string(256, 'a'))), kBad},
      {"a name of another type", Hello(Extension(0, Sized(2, "\x01" + Sized(2, "a")))), kBad},
      {"two names", Hello(Extension(0, Sized(2, nul + Sized(2, "a") + nul + Sized(2, "b")))), kBad},
      {"an empty list of names", Hello(Extension(0, Sized(2, ""))), kBad},
      {"no protocol", Hello(Protocols({})), kBad},
      {"an empty protocol", Hello(Protocols({"acme-tls/1", ""})), kBad},
      {"protocols cut", Hello(Extension(16, Sized(2, "\x09h2"))), kBad},
      {"no versions", Hello(Versions("")), kBad},
      {"half a version", Hello(Versions("\x03")), kBad},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ParseClientHello(c.bytes).state, c.state) << c.what;
  }
}

TEST(ClientHello, TheCap) {
  // Record and message header, fixed fields, and an extension that fills up.
  const size_t fixed = Hello(Extension(99, "")).size();
  for (const size_t over : {0, 1}) {
    const size_t fill = kMaxClientHello - fixed + over;
    const std::string bytes = Hello(Extension(99, std::string(fill, 'x')));
    ASSERT_EQ(bytes.size(), kMaxClientHello + over);
    EXPECT_EQ(ParseClientHello(bytes).state, over == 0 ? kComplete : kBad) << over;
  }
}

TEST(ClientHello, InPieces) {
  const std::string message =
      Message({.extensions = ServerName("a.example") + Protocols({"acme-tls/1"})});
  for (const size_t fragment : {1, 3, 17, 60}) {
    std::string bytes;
    for (size_t at = 0; at < message.size(); at += fragment) {
      bytes += Record(message.substr(at, fragment));
    }
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_EQ(ParseClientHello(bytes.substr(0, cut)).state, kIncomplete) << cut;
    }
    const auto parse = ParseClientHello(bytes);
    ASSERT_EQ(parse.state, kComplete) << fragment;
    EXPECT_EQ(parse.hello.server_name, "a.example");
  }
}

}  // namespace
}  // namespace norroy::agent

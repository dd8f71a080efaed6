// The agent's HTTP-01 and TLS-ALPN-01 presenters behind the servers that people run, configured by
// the very files of deploy/examples/.

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "agent/presenter/http/http_listener.h"
#include "agent/presenter/http/webroot.h"
#include "agent/presenter/presenter_contract.h"
#include "agent/presenter/raw_client.h"
#include "agent/presenter/tls_alpn/alpn_probe.h"
#include "agent/presenter/tls_alpn/tls_alpn.h"
#include "gtest/gtest.h"
#include "tests/harness/process.h"

namespace norroy::agent {

// For its proofs alone: the presenters run the suite beside their code.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PresenterContract);

namespace {

using harness::Eventually;
using harness::FreePort;
using harness::Process;
using harness::ReadAll;
using harness::WriteAll;

constexpr char kSiteText[] = "the ordinary site\n";

bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound =
      fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  if (fd >= 0) close(fd);
  if (!bound) std::printf("did not run over IPv6: this machine has no [::1]\n");
  return bound;
}

using Values = std::map<std::string, std::string>;

// An example with its placeholders filled in; comments, which name them for people, go. So does a
// line that has nothing left to listen on (no IPv6).
std::string FillIn(const std::string& example, const Values& values) {
  std::string text = ReadAll(harness::Runfile(absl::StrCat("deploy/examples/", example)));
  EXPECT_TRUE(absl::StartsWith(text, "# ")) << example << " does not say what it does";
  for (const auto& [name, value] : values) {
    text = absl::StrReplaceAll(text, {{absl::StrCat("@", name, "@"), value}});
  }
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view words = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(words, "#") || words == "listen ;" || words == "bind") continue;
    lines.emplace_back(line);
  }
  const std::string filled = absl::StrJoin(lines, "\n");
  EXPECT_FALSE(absl::StrContains(filled, "@")) << "no value for a placeholder:\n" << filled;
  return filled;
}

// What a front end is told, and where it is then found.
struct World {
  std::string dir = harness::TempDir("front");
  bool ipv6 = HasIpv6();
  int port4 = FreePort();
  int port6 = FreePort();
  // Where the ordinary site listens, for front ends that serve no files.
  int site_port = FreePort();

  std::string address4() const { return absl::StrCat("127.0.0.1:", port4); }
  std::string address6() const { return ipv6 ? absl::StrCat("[::1]:", port6) : ""; }
  std::string path(absl::string_view name) const { return absl::StrCat(dir, "/", name); }
};

struct Server {
  std::unique_ptr<Process> process;
  std::unique_ptr<Process> behind;  // the ordinary site, where it is another program
};

// The program of that path, or the test is skipped.
#define NEEDS_PROGRAM(path) \
  if (access(path, X_OK) != 0) GTEST_SKIP() << path << " is not installed"

constexpr char kNginx[] = "/usr/sbin/nginx";
constexpr char kApache[] = "/usr/sbin/apache2";
constexpr char kCaddy[] = "/usr/bin/caddy";
constexpr char kHaproxy[] = "/usr/sbin/haproxy";
constexpr char kOpenssl[] = "/usr/bin/openssl";

bool Connects(int port) { return RawClient(absl::StrCat("http://127.0.0.1:", port)).connected(); }

void AwaitServer(Process& process, int port, const std::string& log) {
  EXPECT_TRUE(Eventually([&] { return !process.running() || Connects(port); }));
  EXPECT_TRUE(process.running() && Connects(port)) << ReadAll(log);
}

// nginx as a machine has it around the example: one process, so that ending it ends all.
std::unique_ptr<Process> StartNginx(const World& world, const std::string& http,
                                    const std::string& other = "") {
  const std::string main = world.path("nginx.conf");
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    absl::StrAppend(&temporary, "  ", kind, "_temp_path ", world.dir, "/", kind, ";\n");
  }
  const std::string load =
      other.empty() ? "" : "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n";
  // Its workers would be nobody's, who is not there in every sandbox.
  const std::string user = geteuid() == 0 ? "user root root;\n" : "";
  WriteAll(main, absl::StrCat(load, user, "daemon off;\nmaster_process off;\npid ", world.dir,
                              "/nginx.pid;\nerror_log stderr;\nevents {}\n", other,
                              "\nhttp {\n  access_log off;\n", temporary, http, "\n}\n"));
  return Process::Start({kNginx, "-p", world.dir, "-e", "stderr", "-c", main},
                        world.path("nginx.log"));
}

// Apache refuses to serve as root and cannot become another user everywhere: it runs as a user that
// is root's other name.
std::unique_ptr<Process> StartApache(const World& world, const std::string& example,
                                     const std::vector<std::string>& modules) {
  const std::string main = world.path("httpd.conf");
  std::string text =
      absl::StrCat("ServerRoot ", world.dir, "\nPidFile ", world.dir, "/httpd.pid\nErrorLog ",
                   world.dir, "/error.log\nServerName 127.0.0.1\nMutex file:", world.dir,
                   "\nListen ", world.address4(), "\n");
  if (world.ipv6) absl::StrAppend(&text, "Listen ", world.address6(), "\n");
  for (const std::string& module : modules) {
    absl::StrAppend(&text, "LoadModule ", module, "_module /usr/lib/apache2/modules/mod_", module,
                    ".so\n");
  }
  WriteAll(main, absl::StrCat(text, example, "\n"));
  std::vector<std::string> argv;
  if (geteuid() == 0) {
    argv = {"/usr/bin/unshare", "--user", "--map-user=1000", "--map-group=1000"};
  }
  // -X: one process.
  for (const std::string& word :
       {std::string(kApache), std::string("-X"), std::string("-f"), main}) {
    argv.push_back(word);
  }
  return Process::Start(argv, world.path("error.log"));
}

std::unique_ptr<Process> StartCaddy(const World& world, const std::string& example) {
  const std::string main = world.path("Caddyfile");
  WriteAll(main, absl::StrCat("{\n\tadmin off\n\tstorage file_system ", world.dir, "/storage\n}\n",
                              example, "\n"));
  return Process::Start(
      {kCaddy, "run", "--adapter", "caddyfile", "--config", main}, world.path("caddy.log"),
      {absl::StrCat("HOME=", world.dir), absl::StrCat("XDG_DATA_HOME=", world.dir),
       absl::StrCat("XDG_CONFIG_HOME=", world.dir)});
}

std::unique_ptr<Process> StartHaproxy(const World& world, const std::string& example) {
  const std::string main = world.path("haproxy.cfg");
  WriteAll(main, absl::StrCat("global\n    maxconn 100\ndefaults\n    timeout connect 5s\n"
                              "    timeout client 10s\n    timeout server 10s\n",
                              example, "\n"));
  return Process::Start({kHaproxy, "-db", "-f", main}, world.path("haproxy.log"));
}

// An ordinary web server for front ends that only pass on.
std::unique_ptr<Process> StartSite(const World& world) {
  World own = world;
  own.dir = harness::TempDir("site");
  return StartNginx(own, absl::StrCat("server { listen 127.0.0.1:", world.site_port, "; root ",
                                      world.dir, "/site; }"));
}

// HTTP-01 --------------------------------------------------------------------------------------

// One front end and how it gets to the proof.
struct HttpFrontEnd {
  const char* name;
  const char* program;
  bool webroot;  // else the listener
  Server (*start)(const World& world, const Values& values);
};

Server NginxProxy(const World& world, const Values& values) {
  return {StartNginx(world, FillIn("nginx/http01-proxy.conf", values)), nullptr};
}
Server NginxWebroot(const World& world, const Values& values) {
  return {StartNginx(world, FillIn("nginx/http01-webroot.conf", values)), nullptr};
}
Server ApacheProxy(const World& world, const Values& values) {
  return {StartApache(world, FillIn("apache/http01-proxy.conf", values),
                      {"mpm_event", "authz_core", "proxy", "proxy_http"}),
          nullptr};
}
Server ApacheWebroot(const World& world, const Values& values) {
  return {StartApache(world, FillIn("apache/http01-webroot.conf", values),
                      {"mpm_event", "authz_core", "alias"}),
          nullptr};
}
Server CaddyProxy(const World& world, const Values& values) {
  return {StartCaddy(world, FillIn("caddy/http01-proxy.Caddyfile", values)), nullptr};
}
Server CaddyWebroot(const World& world, const Values& values) {
  return {StartCaddy(world, FillIn("caddy/http01-webroot.Caddyfile", values)), nullptr};
}
Server HaproxyHttp(const World& world, const Values& values) {
  return {StartHaproxy(world, FillIn("haproxy/http01.cfg", values)), StartSite(world)};
}

const HttpFrontEnd kHttpFrontEnds[] = {
    {"NginxProxy", kNginx, false, &NginxProxy},    {"NginxWebroot", kNginx, true, &NginxWebroot},
    {"ApacheProxy", kApache, false, &ApacheProxy}, {"ApacheWebroot", kApache, true, &ApacheWebroot},
    {"CaddyProxy", kCaddy, false, &CaddyProxy},    {"CaddyWebroot", kCaddy, true, &CaddyWebroot},
    {"Haproxy", kHaproxy, false, &HaproxyHttp},
};

class Http01BehindFrontEnd : public testing::TestWithParam<HttpFrontEnd> {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM(GetParam().program);
    for (const char* folder : {"site", "webroot"}) {
      ASSERT_EQ(mkdir(world_.path(folder).c_str(), 0755), 0);
      // Ready to be looked into by any user.
      ASSERT_EQ(chmod(world_.path(folder).c_str(), 0755), 0);
    }
    ASSERT_EQ(chmod(world_.dir.c_str(), 0755), 0);
    WriteAll(world_.path("site/index.html"), kSiteText);
    listener_ = *HttpListener::Start({.listen = {"127.0.0.1:0"}});
    webroot_ = *Webroot::Open(world_.path("webroot"));
    // Caddy has one port for all addresses.
    const bool one_port = GetParam().program == std::string(kCaddy);
    if (one_port) world_.port6 = world_.port4;
    server_ =
        GetParam().start(world_, {{"HTTP4", world_.address4()},
                                  {"HTTP6", world_.address6()},
                                  {"PORT", absl::StrCat(world_.port4)},
                                  {"ADDRESS4", "127.0.0.1"},
                                  {"ADDRESS6", world_.ipv6 ? "::1" : ""},
                                  {"AGENT", listener_->places()[0].substr(7)},
                                  {"WEBROOT", world_.path("webroot")},
                                  {"SITE", world_.path("site")},
                                  {"SITE_HTTP", absl::StrCat("127.0.0.1:", world_.site_port)}});
    AwaitServer(*server_.process, world_.port4, Log());
    if (server_.behind != nullptr) AwaitServer(*server_.behind, world_.site_port, Log());
    places_.push_back(absl::StrCat("http://", world_.address4()));
    if (world_.ipv6) places_.push_back(absl::StrCat("http://", world_.address6()));
  }

  std::string Log() const {
    const std::string program = GetParam().program;
    if (program == kApache) return world_.path("error.log");
    return world_.path(absl::StrCat(program.substr(program.rfind('/') + 1), ".log"));
  }

  Presenter& presenter() {
    return GetParam().webroot ? static_cast<Presenter&>(*webroot_) : *listener_;
  }

  // What a CA reads; empty if it is no 200.
  std::string Ask(const std::string& place, const challenge::Proof& proof) {
    return Body(place, proof.name.identifier().value(), proof.http_path());
  }
  static std::string Body(const std::string& place, const std::string& host,
                          const std::string& path) {
    return BodyOf(Exchange(place, Request(host, path)));
  }
  static std::string StatusLine(const std::string& place, const challenge::Proof& proof) {
    return Exchange(place, Request(proof.name.identifier().value(), proof.http_path()))
        .substr(0, 12);
  }
  static std::string Request(const std::string& host, const std::string& path) {
    const bool v6 = absl::StrContains(host, "::");
    const std::string written = v6 ? absl::StrCat("[", host, "]") : host;
    return absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", written,
                        "\r\nConnection: close\r\n\r\n");
  }
  void ExpectOrdinarySite() {
    for (const std::string& place : places_) {
      EXPECT_EQ(Body(place, "www.example.com", "/index.html"), kSiteText) << place << "\n"
                                                                          << ReadAll(Log());
    }
  }

  World world_;
  std::unique_ptr<HttpListener> listener_;
  std::unique_ptr<Webroot> webroot_;
  Server server_;
  std::vector<std::string> places_;
};

TEST_P(Http01BehindFrontEnd, ComesAndGoesAndTheSiteStays) {
  ExpectOrdinarySite();
  const challenge::Proof proofs[] = {
      MakeProof("www.example.com", "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"),
      MakeProof("other.example.net", "-_token_that-begins_oddly"),
      MakeProof("192.0.2.7", "token-4"),
      MakeProof("2001:db8::7", "token-6"),
  };
  for (const auto& proof : proofs) {
    for (const std::string& place : places_) EXPECT_EQ(StatusLine(place, proof), "HTTP/1.1 404");
    ASSERT_TRUE(presenter().PutUp(proof, "").ok());
  }
  for (const auto& proof : proofs) {
    for (const std::string& place : places_) {
      EXPECT_EQ(Ask(place, proof), proof.key_authorization.value())
          << proof.name.text() << " at " << place << "\n"
          << ReadAll(Log());
    }
  }
  ExpectOrdinarySite();
  for (const auto& proof : proofs) {
    ASSERT_TRUE(presenter().TakeDown(proof, "").ok());
    for (const std::string& place : places_) EXPECT_EQ(StatusLine(place, proof), "HTTP/1.1 404");
  }
  ExpectOrdinarySite();
}

// What passes requests on to an agent.
class Http01BehindProxy : public Http01BehindFrontEnd {};

TEST_P(Http01BehindProxy, TheHostIsThatOfTheCa) {
  const auto proof = MakeProof("www.example.com", "token-1");
  ASSERT_TRUE(presenter().PutUp(proof, "").ok());
  EXPECT_EQ(Body(places_[0], "www.example.com", proof.http_path()),
            proof.key_authorization.value());
  EXPECT_EQ(Body(places_[0], "WWW.example.com:80", proof.http_path()),
            proof.key_authorization.value());
  EXPECT_EQ(Body(places_[0], "other.example.com", proof.http_path()), "");
  EXPECT_EQ(listener_->answers().served, 2);
  EXPECT_EQ(listener_->answers().unknown, 1);
}

TEST_P(Http01BehindProxy, AnAgentThatIsAwayIsNotRemembered) {
  const auto proof = MakeProof("www.example.com", "token-1");
  const std::string address = listener_->places()[0].substr(7);
  listener_.reset();
  EXPECT_EQ(Ask(places_[0], proof), "");
  ExpectOrdinarySite();
  listener_ = *HttpListener::Start({.listen = {address}});
  ASSERT_TRUE(listener_->PutUp(proof, "").ok());
  EXPECT_EQ(Ask(places_[0], proof), proof.key_authorization.value());
}

std::string NameOf(const testing::TestParamInfo<HttpFrontEnd>& info) { return info.param.name; }

std::vector<HttpFrontEnd> Proxies() {
  std::vector<HttpFrontEnd> proxies;
  for (const HttpFrontEnd& front_end : kHttpFrontEnds) {
    if (!front_end.webroot) proxies.push_back(front_end);
  }
  return proxies;
}

INSTANTIATE_TEST_SUITE_P(Each, Http01BehindFrontEnd, testing::ValuesIn(kHttpFrontEnds), NameOf);
INSTANTIATE_TEST_SUITE_P(Each, Http01BehindProxy, testing::ValuesIn(Proxies()), NameOf);

// TLS-ALPN-01 ----------------------------------------------------------------------------------

struct TlsFrontEnd {
  const char* name;
  const char* program;
  std::unique_ptr<Process> (*start)(const World& world, const Values& values);
  // Who gets a client that offers "acme-tls/1" besides others: the site, or the agent, who refuses
  // it. No CA does that (RFC 8737 3).
  bool mixed_goes_to_site;
};

std::unique_ptr<Process> NginxStream(const World& world, const Values& values) {
  return StartNginx(world, "", FillIn("nginx/tls-alpn01.conf", values));
}
std::unique_ptr<Process> HaproxyTls(const World& world, const Values& values) {
  return StartHaproxy(world, FillIn("haproxy/tls-alpn01.cfg", values));
}

const TlsFrontEnd kTlsFrontEnds[] = {
    {"NginxStream", kNginx, &NginxStream, true},
    {"Haproxy", kHaproxy, &HaproxyTls, false},
};

class TlsAlpn01BehindFrontEnd : public testing::TestWithParam<TlsFrontEnd> {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM(GetParam().program);
    agent_ = *TlsAlpn::Start({.listen = {"127.0.0.1:0"}});
    StartTlsSite();
    front_ = GetParam().start(world_, {{"TLS4", world_.address4()},
                                       {"TLS6", world_.address6()},
                                       {"AGENT_TLS", agent_->places()[0].substr(6)},
                                       {"SITE_TLS", absl::StrCat("127.0.0.1:", world_.site_port)}});
    const std::string program = GetParam().program;
    log_ = world_.path(absl::StrCat(program.substr(program.rfind('/') + 1), ".log"));
    AwaitServer(*front_, world_.port4, log_);
    places_.push_back(absl::StrCat("tls://", world_.address4()));
    if (world_.ipv6) places_.push_back(absl::StrCat("tls://", world_.address6()));
  }

  // An ordinary TLS server, which would also speak acme-tls/1 if it were let.
  void StartTlsSite() {
    const harness::Output made = harness::RunProgram(
        {kOpenssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=the-ordinary-site", "-days", "1", "-keyout", world_.path("key.pem"), "-out",
         world_.path("cert.pem")});
    ASSERT_EQ(made.code, 0) << made.err;
    site_ = Process::Start(
        {kOpenssl, "s_server", "-accept", absl::StrCat("127.0.0.1:", world_.site_port), "-key",
         world_.path("key.pem"), "-cert", world_.path("cert.pem"), "-www", "-quiet", "-alpn",
         "h2,http/1.1,acme-tls/1"},
        world_.path("s_server.log"));
    AwaitServer(*site_, world_.site_port, world_.path("s_server.log"));
  }

  // Who answers an ordinary client.
  void ExpectOrdinarySite(const std::vector<std::string>& protocols) {
    for (const std::string& place : places_) {
      const AlpnSight sight =
          LookByAlpn({.place = place, .server_name = "www.example.com", .protocols = protocols});
      EXPECT_EQ(sight.error, "") << place << "\n" << ReadAll(log_);
      EXPECT_TRUE(absl::StrContains(sight.certificate, "the-ordinary-site")) << place;
    }
  }

  World world_;
  std::unique_ptr<TlsAlpn> agent_;
  std::unique_ptr<Process> site_;
  std::unique_ptr<Process> front_;
  std::string log_;
  std::vector<std::string> places_;
};

challenge::Proof TlsProof(const std::string& name) {
  challenge::Proof proof = MakeProof(name, "token-1");
  proof.type = challenge::ChallengeType::kTlsAlpn01;
  return proof;
}

TEST_P(TlsAlpn01BehindFrontEnd, ComesAndGoesAndTheSiteStays) {
  for (const std::vector<std::string>& protocols :
       {std::vector<std::string>{}, {"http/1.1"}, {"h2", "http/1.1"}}) {
    ExpectOrdinarySite(protocols);
  }
  const std::vector<std::string> mixed = {"h2", "acme-tls/1"};
  if (GetParam().mixed_goes_to_site) {
    ExpectOrdinarySite(mixed);
  } else {
    EXPECT_EQ(
        LookByAlpn({.place = places_[0], .server_name = "www.example.com", .protocols = mixed})
            .error,
        "tlsv1 alert no application protocol");
  }
  const challenge::Proof proofs[] = {TlsProof("www.example.com"), TlsProof("192.0.2.7"),
                                     TlsProof("2001:db8::7")};
  for (const auto& proof : proofs) {
    for (const std::string& place : places_) EXPECT_EQ(AskByAlpn(place, proof), "");
    ASSERT_TRUE(agent_->PutUp(proof, "").ok());
    for (const std::string& place : places_) {
      EXPECT_EQ(AskByAlpn(place, proof), proof.key_authorization.value()) << place << "\n"
                                                                          << ReadAll(log_);
    }
  }
  ExpectOrdinarySite({"h2", "http/1.1"});
  for (const auto& proof : proofs) {
    ASSERT_TRUE(agent_->TakeDown(proof, "").ok());
    for (const std::string& place : places_) {
      EXPECT_EQ(LookByAlpn({.place = place, .server_name = proof.alpn_server_name()}).error,
                "tlsv1 unrecognized name");
    }
  }
  ExpectOrdinarySite({"h2", "http/1.1"});
}

TEST_P(TlsAlpn01BehindFrontEnd, EachVersion) {
  const auto proof = TlsProof("www.example.com");
  ASSERT_TRUE(agent_->PutUp(proof, "").ok());
  for (const int version : {0x0303, 0x0304}) {
    const AlpnSight sight = LookByAlpn({.place = places_[0],
                                        .server_name = "www.example.com",
                                        .min_version = version,
                                        .max_version = version});
    EXPECT_EQ(JudgeAlpn(sight, proof), proof.key_authorization.value());
    EXPECT_EQ(sight.version, version);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, TlsAlpn01BehindFrontEnd, testing::ValuesIn(kTlsFrontEnds),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace norroy::agent

#include "common/identity/issuing.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::identity {
namespace {

constexpr absl::string_view kServerAuth = "1.3.6.1.5.5.7.3.1";
constexpr absl::string_view kClientAuth = "1.3.6.1.5.5.7.3.2";
const absl::Time kNow = absl::FromUnixSeconds(1800000000);
const absl::Duration kDay = absl::Hours(24);
const std::string kId(32, 'e');

struct Deployment {
  Authority core = MakeRoot("core", "d", kNow, 3650 * kDay).value();
  Authority edge = MakeRoot("edge", "d", kNow, 3650 * kDay).value();
  Authority ci = MakeIntermediate(core, "ci", "ci.d", kNow, 365 * kDay).value();
  Authority site = MakeIntermediate(edge, "validator-1", "edge.d", kNow, 365 * kDay).value();
};

const Deployment& TheDeployment() {
  static const auto* const deployment = new Deployment;
  return *deployment;
}

const crypto::PrivateKey& TheKey() {
  static const auto* const key =
      new crypto::PrivateKey(crypto::PrivateKey::Generate(crypto::KeyType::kP256).value());
  return *key;
}

Identity Of(Role role) {
  const bool enrolled = role == types::v1::ROLE_AGENT || role == types::v1::ROLE_BOOTSTRAP;
  return Identity{"d", role, "name", enrolled ? kId : ""};
}

absl::StatusOr<crypto::Certificate> Issue(const Authority& authority, const Identity& identity,
                                          std::vector<std::string> hosts = {}) {
  return IssueLeaf(authority, TheKey().public_key(),
                   {.identity = identity, .hosts = hosts, .now = kNow, .lifetime = kDay});
}

TEST(MakeRoot, MakesAnAuthorityOfItsDomain) {
  for (const absl::string_view domain : {"core", "edge"}) {
    const auto root = MakeRoot(domain, "d", kNow, kDay);
    ASSERT_TRUE(root.ok()) << root.status();
    const crypto::Certificate& certificate = root->certificate;
    EXPECT_TRUE(certificate.is_ca());
    EXPECT_TRUE(certificate.IsSignedBy(certificate));
    EXPECT_EQ(certificate.subject_common_name(), absl::StrCat("Norroy ", domain, " root d"));
    EXPECT_EQ(certificate.not_before(), kNow - absl::Hours(1));
    EXPECT_EQ(certificate.not_after(), kNow + kDay);
    EXPECT_EQ(TrustDomain::OfAuthority(certificate)->Host(), absl::StrCat(domain, ".d"));
    EXPECT_EQ(certificate.spki_der(), root->key.public_key().spki_der());
  }
  EXPECT_FALSE(MakeRoot("ci", "d", kNow, kDay).ok());
  EXPECT_FALSE(MakeRoot("core", "D", kNow, kDay).ok());
  EXPECT_FALSE(MakeRoot("core", "d", kNow, absl::ZeroDuration()).ok());
  EXPECT_TRUE(MakeRoot("core", std::string(32, 'd'), kNow, kDay).ok());
}

TEST(MakeIntermediate, StaysBelowItsOwnRoot) {
  const Deployment& d = TheDeployment();
  struct Case {
    absl::string_view name;
    const Authority* root;
    std::string cn, domain;
    absl::string_view error;
  };
  const Case cases[] = {
      {"edge", &d.edge, "x", "edge.d", ""},
      {"ci", &d.core, "x", "ci.d", ""},
      {"edge below core", &d.core, "x", "edge.d", "cannot be below core.d"},
      {"ci below edge", &d.edge, "x", "ci.d", "cannot be below edge.d"},
      {"core below core", &d.core, "x", "core.d", "cannot be below"},
      {"another deployment", &d.edge, "x", "edge.e", "cannot be below"},
      {"no domain", &d.edge, "x", "edge", "deployment"},
      {"no name", &d.edge, "", "edge.d", "1 to 64"},
      {"long name", &d.edge, std::string(65, 'x'), "edge.d", "1 to 64"},
  };
  for (const Case& c : cases) {
    const auto made = MakeIntermediate(*c.root, c.cn, c.domain, kNow, kDay);
    EXPECT_EQ(made.ok(), c.error.empty()) << c.name << made.status();
    EXPECT_TRUE(absl::StrContains(made.status().message(), c.error)) << c.name << made.status();
  }
  const Authority swapped = {d.core.key, d.edge.certificate};
  EXPECT_TRUE(absl::StrContains(
      MakeIntermediate(swapped, "x", "edge.d", kNow, kDay).status().message(), "not that of"));
}

TEST(IssueLeaf, GivesEachRoleToItsAuthorityOnly) {
  const Deployment& d = TheDeployment();
  struct Case {
    Role role;
    const Authority* authority;
    bool server, client;
  };
  const Case cases[] = {
      {types::v1::ROLE_ISSUER, &d.core, true, true},
      {types::v1::ROLE_VALIDATOR, &d.core, true, true},
      {types::v1::ROLE_OPERATOR, &d.core, false, true},
      {types::v1::ROLE_AUDITOR, &d.core, false, true},
      {types::v1::ROLE_SEAL, &d.core, false, false},
      {types::v1::ROLE_REQUESTER, &d.ci, false, true},
      {types::v1::ROLE_AGENT, &d.site, false, true},
      {types::v1::ROLE_BOOTSTRAP, &d.site, false, true},
  };
  for (const Case& c : cases) {
    for (const Authority* authority : {&d.core, &d.ci, &d.site}) {
      const auto leaf = Issue(*authority, Of(c.role));
      ASSERT_EQ(leaf.ok(), authority == c.authority) << RoleName(c.role) << leaf.status();
      if (!leaf.ok()) continue;
      EXPECT_EQ(Identity::OfCertificate(*leaf).value(), Of(c.role));
      EXPECT_EQ(leaf->has_eku(kServerAuth), c.server) << RoleName(c.role);
      EXPECT_EQ(leaf->has_eku(kClientAuth), c.client) << RoleName(c.role);
      EXPECT_TRUE(leaf->has_any_eku());
      EXPECT_FALSE(leaf->is_ca());
      EXPECT_TRUE(leaf->IsSignedBy(authority->certificate));
    }
  }
}

TEST(IssueLeaf, ChecksItsRequest) {
  const Deployment& d = TheDeployment();
  const Identity issuer = Of(types::v1::ROLE_ISSUER);
  struct Case {
    absl::string_view name;
    Identity identity;
    std::vector<std::string> hosts;
    absl::string_view error;
  };
  Identity other = issuer, bad_name = issuer, enrolled = issuer, agent = Of(types::v1::ROLE_AGENT);
  other.deployment = "e";
  bad_name.name = "a,URI:x";
  enrolled.enrollment_id = kId;
  agent.enrollment_id = "";
  const Case cases[] = {
      {"hosts", issuer, {"issuer.example.net", "192.0.2.1", "2001:db8::1", "localhost"}, ""},
      {"hosts of an operator", Of(types::v1::ROLE_OPERATOR), {"x"}, "hosts are for issuer"},
      {"a host with a comma", issuer, {"a,DNS:b"}, "host \"a,DNS:b\""},
      {"a host with a port", issuer, {"a:1"}, "host \"a:1\""},
      {"an empty host", issuer, {""}, "host \"\""},
      {"a wildcard", issuer, {"*.example.net"}, "host"},
      {"a control character", issuer, {"a\n"}, "host \"a\\x0a\""},
      {"33 hosts", issuer, std::vector<std::string>(33, "a"), "more than 32"},
      {"another deployment", other, {}, "needs an authority of core.e"},
      {"a bad name", bad_name, {}, "name \"a,URI:x\""},
      {"an enrollment too many", enrolled, {}, "expected /ROLE/NAME"},
      {"an enrollment missing", agent, {}, "ENROLLMENT"},
      {"no role", Of(types::v1::ROLE_UNSPECIFIED), {}, "unknown role"},
  };
  for (const Case& c : cases) {
    const auto leaf = Issue(d.core, c.identity, c.hosts);
    EXPECT_EQ(leaf.ok(), c.error.empty()) << c.name << leaf.status();
    EXPECT_TRUE(absl::StrContains(leaf.status().message(), c.error)) << c.name << leaf.status();
  }
  const auto p384 = crypto::PrivateKey::Generate(crypto::KeyType::kP384).value();
  const LeafRequest request = {.identity = issuer, .hosts = {}, .now = kNow, .lifetime = kDay};
  EXPECT_TRUE(
      absl::StrContains(IssueLeaf(d.core, p384.public_key(), request).status().message(), "p256"));
}

TEST(IssueLeaf, EndsNoLaterThanItsAuthority) {
  const Authority root = MakeRoot("core", "d", kNow, 10 * kDay).value();
  LeafRequest request = {
      .identity = Of(types::v1::ROLE_OPERATOR), .hosts = {}, .now = kNow, .lifetime = 30 * kDay};
  EXPECT_EQ(IssueLeaf(root, TheKey().public_key(), request)->not_after(), kNow + 10 * kDay);
  request.lifetime = 5 * kDay;
  EXPECT_EQ(IssueLeaf(root, TheKey().public_key(), request)->not_after(), kNow + 5 * kDay);
  request.now = kNow + 10 * kDay;
  const auto late = IssueLeaf(root, TheKey().public_key(), request);
  EXPECT_EQ(ErrorReason(late.status()), "AUTHORITY_EXPIRED") << late.status();
}

TEST(IssueLeaf, UsesFreshSerials) {
  const auto first = Issue(TheDeployment().core, Of(types::v1::ROLE_OPERATOR)).value();
  const auto second = Issue(TheDeployment().core, Of(types::v1::ROLE_OPERATOR)).value();
  EXPECT_NE(first.serial(), second.serial());
  EXPECT_GT(first.serial().size(), 24u);
}

std::string PathOf(const std::string& name) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  unlink(path.c_str());
  return path;
}

mode_t ModeOf(const std::string& path) {
  struct stat file = {};
  EXPECT_EQ(stat(path.c_str(), &file), 0) << path;
  return file.st_mode & 07777;
}

TEST(IdentityFile, RoundTrips) {
  const Deployment& d = TheDeployment();
  const IdentityFile identity = {
      TheKey(), {Issue(d.site, Of(types::v1::ROLE_AGENT)).value(), d.site.certificate}};
  const std::string path = PathOf("identity.pem");
  // The second time over the first, and over what a killed writer left.
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(WriteIdentityFile(path, identity).ok());
    EXPECT_EQ(ModeOf(path), 0600u);
    const auto read = ReadIdentityFile(path);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->key.public_key(), identity.key.public_key());
    ASSERT_EQ(read->chain.size(), 2u);
    EXPECT_EQ(read->chain[0].der(), identity.chain[0].der());
    EXPECT_EQ(read->chain[1].der(), identity.chain[1].der());
    EXPECT_NE(access((path + ".new").c_str(), F_OK), 0);
    std::ofstream(path + ".new") << "half";
  }
}

TEST(IdentityFile, SaysWhatIsWrong) {
  const Deployment& d = TheDeployment();
  const auto leaf = Issue(d.core, Of(types::v1::ROLE_OPERATOR)).value();
  const std::string key(TheKey().ToPem().Expose());
  std::string many = key + leaf.ToPem();
  for (int i = 0; i < 8; ++i) many += leaf.ToPem();
  struct Case {
    absl::string_view name;
    std::string content;
    mode_t mode;
    absl::string_view error;
  };
  const Case cases[] = {
      {"good", key + leaf.ToPem(), 0600, ""},
      {"certificate first", leaf.ToPem() + key, 0600, ""},
      {"readable by all", key + leaf.ToPem(), 0644, "chmod 600"},
      {"no key", leaf.ToPem(), 0600, "no block \"PRIVATE KEY\""},
      {"no certificate", key, 0600, "no certificate"},
      {"another key's certificate", key + d.core.certificate.ToPem(), 0600, "not that of"},
      {"broken certificate", key + "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----",
       0600, "not X.509"},
      {"too many", many, 0600, "more than 8"},
      {"empty", "", 0600, "no block"},
  };
  for (const Case& c : cases) {
    const std::string path = PathOf("bad.pem");
    std::ofstream(path) << c.content;
    ASSERT_EQ(chmod(path.c_str(), c.mode), 0);
    const absl::Status status = ReadIdentityFile(path).status();
    EXPECT_EQ(status.ok(), c.error.empty()) << c.name << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << c.name << status;
    EXPECT_TRUE(status.ok() || absl::StrContains(status.message(), path)) << status;
  }
  // What would not be read is not written.
  const std::string path = PathOf("never.pem");
  EXPECT_FALSE(WriteIdentityFile(path, {TheKey(), {d.core.certificate}}).ok());
  EXPECT_FALSE(WriteIdentityFile(path, {TheKey(), {}}).ok());
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(Files, AreReadUpToTheirCap) {
  const std::string path = PathOf("file");
  for (const size_t size : {0, 1, 99, 100}) {
    ASSERT_TRUE(WriteFileAtomically(path, std::string(size, 'x'), 0644).ok());
    EXPECT_EQ(ModeOf(path), 0644u);
    EXPECT_EQ(ReadFile(path, 100).value().size(), size);
  }
  ASSERT_TRUE(WriteFileAtomically(path, std::string(101, 'x'), 0600).ok());
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_EQ(ErrorReason(ReadFile(path, 100).status()), "FILE_TOO_LONG");
  EXPECT_EQ(ErrorReason(ReadFile("/dev/zero", 100).status()), "FILE_TOO_LONG");
  EXPECT_EQ(ReadFile(PathOf("none"), 100).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadFile(std::getenv("TEST_TMPDIR"), 100).ok());
}

TEST(Files, FailWithoutLeavingAnything) {
  const std::string folder = PathOf("folder");
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  EXPECT_FALSE(WriteFileAtomically(folder, "x", 0600).ok());
  EXPECT_NE(access((folder + ".new").c_str(), F_OK), 0);
  const absl::Status status = WriteFileAtomically(folder + "/no/file", "x", 0600);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(status.message(), "/no/file.new")) << status;
}

}  // namespace
}  // namespace norroy::identity

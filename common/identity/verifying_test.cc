#include "common/identity/verifying.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/openssl.h"
#include "common/crypto/test_certificate.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"

namespace norroy::identity {
namespace {

using crypto::Certificate;
using crypto::MakeTestCertificate;
using crypto::TestCertificate;
using crypto::TestDraft;
using crypto::TestNow;

const absl::Duration kDay = absl::Hours(24);
const std::string kId(32, 'e');

struct World {
  Authority core = MakeRoot("core", "d", TestNow(), 3650 * kDay).value();
  Authority other_core = MakeRoot("core", "d", TestNow(), 3650 * kDay).value();
  Authority foreign_core = MakeRoot("core", "e", TestNow(), 3650 * kDay).value();
  Authority edge = MakeRoot("edge", "d", TestNow(), 3650 * kDay).value();
  Authority ci = MakeIntermediate(core, "ci", "ci.d", TestNow(), 100 * kDay).value();
  Authority site = MakeIntermediate(edge, "site", "edge.d", TestNow(), 100 * kDay).value();
};

const World& TheWorld() {
  static const auto* const world = new World;
  return *world;
}

// What an authority could sign if it did not mind IssueLeaf's rules.
Certificate Forge(const Authority& authority, const std::string& alternative_names,
                  const std::string& basic_constraints = "critical,CA:FALSE",
                  absl::Time not_after = TestNow() + kDay) {
  TestDraft draft;
  draft.alternative_names = alternative_names;
  draft.basic_constraints = basic_constraints;
  draft.not_after = not_after;
  // STRICT path validation wants key identifiers; the authority's is in its own certificate.
  const auto issuer = TestCertificate{authority.key, authority.certificate};
  draft.identifiers = true;
  return MakeTestCertificate(draft, &issuer).certificate;
}

TEST(VerifyIdentity, BelievesWhatWeIssue) {
  const World& w = TheWorld();
  struct Case {
    const Authority* authority;
    const Authority* root;
    Identity identity;
  };
  const Case cases[] = {
      {&w.core, &w.core, {"d", types::v1::ROLE_ISSUER, "i", ""}},
      {&w.core, &w.core, {"d", types::v1::ROLE_VALIDATOR, "v", ""}},
      {&w.core, &w.core, {"d", types::v1::ROLE_OPERATOR, "o", ""}},
      {&w.core, &w.core, {"d", types::v1::ROLE_AUDITOR, "a", ""}},
      {&w.core, &w.core, {"d", types::v1::ROLE_SEAL, "s", ""}},
      {&w.ci, &w.core, {"d", types::v1::ROLE_REQUESTER, "r", ""}},
      {&w.site, &w.edge, {"d", types::v1::ROLE_AGENT, "a", kId}},
      {&w.site, &w.edge, {"d", types::v1::ROLE_BOOTSTRAP, "b", kId}},
  };
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  for (const Case& c : cases) {
    const bool server = c.identity.role == types::v1::ROLE_ISSUER;
    const LeafRequest request = {
        .identity = c.identity,
        .hosts = server ? std::vector<std::string>{"localhost", "127.0.0.1"}
                        : std::vector<std::string>{},
        .now = TestNow(),
        .lifetime = kDay,
    };
    std::vector<Certificate> chain = {IssueLeaf(*c.authority, key.public_key(), request).value()};
    if (c.authority != c.root) {
      EXPECT_FALSE(VerifyIdentity(chain, c.root->certificate, "d", TestNow()).ok())
          << "without its intermediate";
      chain.push_back(c.authority->certificate);
    }
    EXPECT_EQ(VerifyIdentity(chain, c.root->certificate, "d", TestNow()).value(), c.identity);
    chain.push_back(c.root->certificate);
    EXPECT_TRUE(VerifyIdentity(chain, c.root->certificate, "d", TestNow()).ok())
        << "root sent along";
    // In its time and no other.
    for (const absl::Duration at : {-absl::Hours(1), kDay - absl::Seconds(1)}) {
      EXPECT_TRUE(VerifyIdentity(chain, c.root->certificate, "d", TestNow() + at).ok()) << at;
    }
    for (const absl::Duration at : {-absl::Hours(1) - absl::Seconds(1), kDay + absl::Seconds(1)}) {
      EXPECT_FALSE(VerifyIdentity(chain, c.root->certificate, "d", TestNow() + at).ok()) << at;
    }
  }
}

TEST(VerifyIdentity, RefusesEveryoneElse) {
  const World& w = TheWorld();
  const std::string agent = "URI:spiffe://edge.d/agent/a/" + kId;
  const std::string issuer = "URI:spiffe://core.d/issuer/i";
  const Certificate& site = w.site.certificate;
  struct Case {
    absl::string_view name;
    std::vector<Certificate> chain;
    const Authority* root;
    absl::string_view error;  // empty: believed, so that the other cases mean something
  };
  std::vector<Certificate> five(5, site);
  const Case cases[] = {
      {"a forged agent, but rightly", {Forge(w.site, agent), site}, &w.edge, ""},
      {"a forged issuer, but rightly", {Forge(w.core, issuer)}, &w.core, ""},
      {"nobody", {}, &w.core, "there is none"},
      {"a long chain", five, &w.edge, "more than 4"},
      {"edge intermediate signs a core identity",
       {Forge(w.site, issuer), site},
       &w.edge,
       "permitted subtree violation"},
      {"edge intermediate signs for ci",
       {Forge(w.site, "URI:spiffe://ci.d/requester/r"), site},
       &w.edge,
       "permitted subtree"},
      {"edge intermediate signs for another deployment",
       {Forge(w.site, "URI:spiffe://edge.e/agent/a/" + kId), site},
       &w.edge,
       "permitted subtree"},
      {"edge intermediate hides a host behind a port",
       {Forge(w.site, "URI:spiffe://edge.d:1/agent/a/" + kId), site},
       &w.edge,
       "deployment \"d:1\""},
      {"edge intermediate hides a host behind a user",
       {Forge(w.site, "URI:spiffe://edge.d@core.d/issuer/i"), site},
       &w.edge,
       "permitted subtree"},
      {"edge root itself signs a core identity",
       {Forge(w.edge, issuer)},
       &w.edge,
       "permitted subtree"},
      {"ci intermediate signs an operator",
       {Forge(w.ci, "URI:spiffe://core.d/operator/o"), w.ci.certificate},
       &w.core,
       "permitted subtree"},
      {"an intermediate makes an intermediate",
       {Forge(w.site, agent, "critical,CA:TRUE"), site},
       &w.edge,
       "not trusted"},
      {"a leaf sent along", {Forge(w.site, agent), Forge(w.site, agent), site}, &w.edge, ""},
      {"two URIs",
       {Forge(w.core, issuer + "," + "URI:spiffe://core.d/operator/o")},
       &w.core,
       "names 2 URIs"},
      {"the same URI twice", {Forge(w.core, issuer + "," + issuer)}, &w.core, "names 2 URIs"},
      {"no URI", {Forge(w.core, "DNS:issuer.example.net")}, &w.core, "names 0 URIs"},
      {"a role under the wrong domain",
       {Forge(w.core, "URI:spiffe://core.d/agent/a/" + kId)},
       &w.core,
       "only under edge"},
      {"expired",
       {Forge(w.core, issuer, "CA:FALSE", TestNow() - absl::Seconds(1))},
       &w.core,
       "certificate has expired"},
      {"another root of the same name", {Forge(w.other_core, issuer)}, &w.core, "not trusted"},
      {"another deployment's root",
       {Forge(w.foreign_core, issuer)},
       &w.foreign_core,
       "permitted subtree"},
      {"another deployment",
       {Forge(w.foreign_core, "URI:spiffe://core.e/issuer/i")},
       &w.foreign_core,
       "not of deployment d"},
      {"edge chain at a core listener", {Forge(w.site, agent), site}, &w.core, "not trusted"},
      {"the root itself", {w.core.certificate}, &w.core, "authority's"},
      {"the intermediate itself", {site}, &w.edge, "authority's"},
  };
  for (const Case& c : cases) {
    const auto identity = VerifyIdentity(c.chain, c.root->certificate, "d", TestNow());
    EXPECT_EQ(identity.ok(), c.error.empty()) << c.name << ": " << identity.status();
    if (identity.ok()) continue;
    EXPECT_EQ(identity.status().code(), absl::StatusCode::kPermissionDenied) << c.name;
    EXPECT_EQ(ErrorReason(identity.status()), "UNTRUSTED_IDENTITY") << c.name;
    EXPECT_TRUE(absl::StrContains(identity.status().message(), c.error))
        << c.name << ": " << identity.status();
  }
  EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left on OpenSSL's queue";
}

TEST(VerifyIdentity, RefusesAnAuthorityMadeByALeafOrBelowAnIntermediate) {
  const World& w = TheWorld();
  const std::string agent = "URI:spiffe://edge.d/agent/a/" + kId;
  struct Case {
    absl::string_view name, basic_constraints;
  };
  for (const Case& c : {Case{"a leaf signs", "critical,CA:FALSE"},
                        Case{"pathlen 0 is passed", "critical,CA:TRUE"}}) {
    TestDraft draft;
    draft.subject = "middle";
    draft.basic_constraints = std::string(c.basic_constraints);
    draft.key_usage = c.name == "a leaf signs" ? "digitalSignature" : "keyCertSign";
    draft.identifiers = true;
    draft.alternative_names = agent;
    const TestCertificate site = {w.site.key, w.site.certificate};
    const TestCertificate middle = MakeTestCertificate(draft, &site);
    const Certificate leaf = Forge({middle.key, middle.certificate}, agent);
    EXPECT_FALSE(VerifyIdentity({leaf, middle.certificate, w.site.certificate}, w.edge.certificate,
                                "d", TestNow())
                     .ok())
        << c.name;
  }
}

TEST(VerifyIdentity, WantsARootOfOurs) {
  TestDraft draft;
  draft.subject = "some CA";
  draft.basic_constraints = "critical,CA:TRUE";
  draft.key_usage = "critical,keyCertSign";
  draft.identifiers = true;
  const TestCertificate ca = MakeTestCertificate(draft, nullptr);
  const Certificate leaf = Forge({ca.key, ca.certificate}, "URI:spiffe://core.d/issuer/i");
  const auto identity = VerifyIdentity({leaf}, ca.certificate, "d", TestNow());
  EXPECT_TRUE(absl::StrContains(identity.status().message(), "not an authority of a trust domain"))
      << identity.status();
}

}  // namespace
}  // namespace norroy::identity

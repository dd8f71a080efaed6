#include "issuer/service/certificates.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::service {
namespace {

using issuer::v1::RevokeCertificateRequest;

const rpc::Caller kAlice = CallerOf("operator/alice");
const rpc::Caller kWeb = CallerOf("requester/web");
const rpc::Caller kDeploy = CallerOf("requester/deploy");
const rpc::Caller kOther = CallerOf("requester/other");
const rpc::Caller kAuditor = CallerOf("auditor/eve");

class CertificatesTest : public ::testing::Test {
 protected:
  // Of requester/web, with requester/deploy as a finalizer. The certificate's id.
  std::string Issue(const std::string& name, const crypto::PrivateKey& key) {
    issuer::v1::CreateOrderRequest request;
    request.add_names(name);
    request.set_csr(CsrFor(key, {name}));
    request.add_finalizers("requester/deploy");
    (*request.mutable_labels())["team"] = "shop";
    const auto created = f_.orders().Create(kWeb, request);
    EXPECT_TRUE(created.ok()) << created.status();
    f_.Work();
    return f_.Get(created->order().id()).certificate_id();
  }
  absl::StatusOr<issuer::v1::Certificate> Get(const rpc::Caller& caller, const std::string& id) {
    issuer::v1::GetCertificateRequest request;
    request.set_id(id);
    auto response = f_.certificates().Get(caller, request);
    if (!response.ok()) return response.status();
    return response->certificate();
  }
  absl::Status Revoke(const rpc::Caller& caller, const std::string& id,
                      issuer::v1::RevocationReason reason) {
    RevokeCertificateRequest request;
    request.set_id(id);
    request.set_reason(reason);
    return f_.certificates().Revoke(caller, request).status();
  }

  ServiceFixture f_;
};

TEST_F(CertificatesTest, ShowsWhatWasIssued) {
  const std::string id = Issue("www.example.com", KeyA());
  const auto certificate = Get(kWeb, id);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->names(0), "www.example.com");
  EXPECT_EQ(certificate->ca(), "main");
  EXPECT_EQ(certificate->creator(), "requester/web");
  EXPECT_EQ(certificate->key_type(), "p256");
  EXPECT_EQ(certificate->public_key_sha256(), KeyA().public_key().spki_sha256());
  EXPECT_EQ(certificate->chains_pem_size(), 2);
  EXPECT_EQ(certificate->labels().at("team"), "shop");
  EXPECT_FALSE(certificate->has_revoke_time());
  EXPECT_LT(certificate->not_before().seconds(), certificate->not_after().seconds());
  const int64_t lifetime = certificate->not_after().seconds() - certificate->not_before().seconds();
  EXPECT_GT(certificate->renewal_time().seconds(), certificate->not_before().seconds());
  EXPECT_LE(certificate->renewal_time().seconds(),
            certificate->not_before().seconds() + lifetime * 2 / 3);
}

TEST_F(CertificatesTest, OnlyThoseConcernedSeeIt) {
  const std::string id = Issue("www.example.com", KeyA());
  for (const rpc::Caller& caller : {kAlice, kAuditor, kWeb, kDeploy}) {
    EXPECT_TRUE(Get(caller, id).ok()) << caller.identity.Principal();
  }
  EXPECT_TRUE(absl::IsNotFound(Get(kOther, id).status()));
  EXPECT_TRUE(absl::IsNotFound(Get(kAlice, std::string(32, '0')).status()));
  EXPECT_TRUE(absl::IsNotFound(Get(kAlice, "x").status()));
  EXPECT_TRUE(absl::IsNotFound(Revoke(kOther, id, issuer::v1::REVOCATION_REASON_KEY_COMPROMISE)));
  EXPECT_EQ(ErrorReason(Revoke(kDeploy, id, issuer::v1::REVOCATION_REASON_SUPERSEDED)),
            "NOT_OWNER");
  EXPECT_TRUE(f_.ca().revocations().empty());
}

TEST_F(CertificatesTest, RevokesOnce) {
  const std::string id = Issue("www.example.com", KeyA());
  EXPECT_EQ(ErrorReason(Revoke(kWeb, id, static_cast<issuer::v1::RevocationReason>(99))),
            "BAD_FIELD");
  ASSERT_TRUE(Revoke(kWeb, id, issuer::v1::REVOCATION_REASON_SUPERSEDED).ok());
  ASSERT_TRUE(Revoke(kAlice, id, issuer::v1::REVOCATION_REASON_KEY_COMPROMISE).ok());
  EXPECT_EQ(f_.ca().revocations(), std::vector<int>{4});
  const auto certificate = Get(kWeb, id);
  EXPECT_TRUE(certificate->has_revoke_time());
  EXPECT_EQ(certificate->revocation_reason(), issuer::v1::REVOCATION_REASON_SUPERSEDED);
}

TEST_F(CertificatesTest, ARevocationWhoseNoteWasLostIsRepeated) {
  const std::string id = Issue("www.example.com", KeyA());
  f_.ca().Script(fakes::Endpoint::kRevoke, fakes::Fault::LostReply());
  EXPECT_FALSE(Revoke(kWeb, id, issuer::v1::REVOCATION_REASON_UNSPECIFIED).ok());
  EXPECT_TRUE(Revoke(kWeb, id, issuer::v1::REVOCATION_REASON_UNSPECIFIED).ok());
  EXPECT_TRUE(Get(kWeb, id)->has_revoke_time());
}

TEST_F(CertificatesTest, ListsInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(Issue(absl::StrCat("w", i, ".example.com"), KeyA()));
  std::vector<std::string> seen;
  issuer::v1::ListCertificatesRequest request;
  request.set_page_size(1);
  do {
    const auto page = f_.certificates().List(kDeploy, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& certificate : page->certificates()) {
      EXPECT_EQ(certificate.chains_pem_size(), 0);
      seen.insert(seen.begin(), certificate.id());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, ids);
  EXPECT_EQ(f_.certificates().List(kOther, {})->certificates_size(), 0);
  request.Clear();
  request.set_name("W1.example.com");
  EXPECT_EQ(f_.certificates().List(kAlice, request)->certificates_size(), 1);
  request.set_page_token("forged");
  EXPECT_EQ(ErrorReason(f_.certificates().List(kAlice, request).status()), "BAD_PAGE_TOKEN");
}

TEST(AccountAdminTest, ShowsAndRegisters) {
  ServiceFixture f;
  issuer::v1::ListAccountsRequest list;
  list.set_page_size(1);
  const auto first = f.account_admin().List(kAlice, list);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->accounts_size(), 1);
  EXPECT_EQ(first->accounts(0).ca(), "main");
  EXPECT_FALSE(first->accounts(0).url().empty());
  list.set_page_token(first->next_page_token());
  const auto second = f.account_admin().List(kAlice, list);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->accounts(0).ca(), "second");
  EXPECT_EQ(second->accounts(0).url(), "");
  EXPECT_FALSE(second->accounts(0).has_create_time());
  EXPECT_EQ(second->next_page_token(), "");

  issuer::v1::CreateAccountRequest create;
  create.set_ca("second");
  EXPECT_EQ(ErrorReason(f.account_admin().Create(kAlice, create).status()), "TOS_NOT_AGREED");
  create.set_agree_tos(true);
  const auto created = f.account_admin().Create(kAlice, create);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(f.account_admin().Create(kAlice, create)->account().url(), created->account().url());
  issuer::v1::GetAccountRequest get;
  get.set_ca("second");
  EXPECT_EQ(f.account_admin().Get(kAuditor, get)->account().url(), created->account().url());
  get.set_ca("third");
  EXPECT_EQ(ErrorReason(f.account_admin().Get(kAuditor, get).status()), "CA_UNKNOWN");
}

}  // namespace
}  // namespace norroy::service

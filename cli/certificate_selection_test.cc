#include "cli/certificate_selection.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "absl/strings/match.h"
#include "common/crypto/test_certificate.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

using issuer::v1::Certificate;

const std::string kKey(64, 'b');

absl::Time Now() { return absl::FromUnixSeconds(1'800'000'000); }

Certificate Www() {
  Certificate certificate;
  certificate.set_id("1");
  certificate.add_names("*.api.example.com");
  certificate.add_names("www.example.com");
  certificate.set_serial("a1b2");
  certificate.set_public_key_sha256(kKey);
  certificate.set_ca("letsencrypt");
  certificate.set_creator("requester/web");
  certificate.mutable_labels()->insert({"team", "web"});
  certificate.mutable_labels()->insert({"tier", "1"});
  certificate.mutable_not_after()->set_seconds(absl::ToUnixSeconds(Now()) + 1);
  return certificate;
}

bool Selects(const SelectionOptions& options, const Certificate& certificate) {
  const absl::StatusOr<Selection> selection = Selection::Parse(options);
  EXPECT_TRUE(selection.ok()) << selection.status();
  return selection.ok() && selection->Has(certificate, Now());
}

TEST(Selection, EveryCriterionMustHold) {
  const struct {
    const char* what;
    SelectionOptions options;
    bool selects;
  } cases[] = {
      {"a name", {.name = "www.example.com"}, true},
      {"as people write it", {.name = "WWW.Example.com."}, true},
      {"its wildcard", {.name = "*.api.example.com"}, true},
      {"what the wildcard covers is another name", {.name = "v1.api.example.com"}, false},
      {"a part of a name", {.name = "example.com"}, false},
      {"a domain", {.under = "example.com"}, true},
      {"a domain that is a name itself", {.under = "www.example.com"}, true},
      {"the domain of the wildcard", {.under = "api.example.com"}, true},
      {"a domain that ends alike", {.under = "ample.com"}, false},
      {"a domain below", {.under = "a.www.example.com"}, false},
      {"a serial", {.serial = "a1b2"}, true},
      {"a serial as openssl prints it", {.serial = "00:A1:B2"}, true},
      {"a part of the serial", {.serial = "a1"}, false},
      {"a key", {.public_key = kKey}, true},
      {"a key in capitals", {.public_key = std::string(64, 'B')}, true},
      {"another key", {.public_key = std::string(64, 'c')}, false},
      {"a CA", {.ca = "letsencrypt"}, true},
      {"another CA", {.ca = "letsencrypt-staging"}, false},
      {"a creator", {.creator = "requester/web"}, true},
      {"another creator", {.creator = "requester/we"}, false},
      {"a label", {.labels = {"team=web"}}, true},
      {"two labels", {.labels = {"team=web", "tier=1"}}, true},
      {"one of two labels", {.labels = {"team=web", "tier=2"}}, false},
      {"a label that it has not", {.labels = {"stage="}}, false},
      {"two criteria", {.name = "www.example.com", .ca = "letsencrypt"}, true},
      {"one of two criteria", {.name = "www.example.com", .ca = "zerossl"}, false},
  };
  for (const auto& c : cases) EXPECT_EQ(Selects(c.options, Www()), c.selects) << c.what;
}

TEST(Selection, WhatIsRevokedOrOverIsNotMeant) {
  Certificate revoked = Www();
  revoked.mutable_revoke_time()->set_seconds(1);
  EXPECT_FALSE(Selects({.name = "www.example.com"}, revoked));
  Certificate over = Www();
  over.mutable_not_after()->set_seconds(absl::ToUnixSeconds(Now()));
  EXPECT_FALSE(Selects({.name = "www.example.com"}, over));
}

TEST(Selection, AKeyIsKnownByACertificatesFile) {
  const crypto::TestCertificate made = crypto::MakeTestCertificate({}, nullptr);
  const std::string path = testing::TempDir() + "/cert.pem";
  std::ofstream(path) << made.certificate.ToPem();
  Certificate same = Www();
  same.set_public_key_sha256(made.certificate.spki_sha256());
  EXPECT_TRUE(Selects({.public_key = path}, same));
  EXPECT_FALSE(Selects({.public_key = path}, Www()));
}

TEST(Selection, MistakesSayWhatToGive) {
  const struct {
    SelectionOptions options;
    const char* says;
  } cases[] = {
      {{.name = "bad_name.example.com"}, "--name: "},
      {{.under = "*.example.com"}, "without \"*.\""},
      {{.serial = "0xA1"}, "--serial: give it in hexadecimal"},
      {{.public_key = "abc"}, "--public-key: give the SHA-256"},
      {{.public_key = testing::TempDir() + "/none.pem"}, "none.pem"},
      {{.labels = {"team"}}, "\"team\" is not KEY=VALUE"},
      {{.labels = {"=web"}}, "is not KEY=VALUE"},
      {{.labels = {"team=web", "team=ops"}}, "team comes twice"},
  };
  for (const auto& c : cases) {
    const absl::Status status = Selection::Parse(c.options).status();
    EXPECT_EQ(ErrorReason(status), "BAD_USAGE") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.says)) << status;
  }
  EXPECT_TRUE(SelectionOptions().empty());
}

}  // namespace
}  // namespace norroy::cli

#include "issuer/keys/seal_pair.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/challenge/proof.h"
#include "common/challenge/seal.h"
#include "common/clock/clock.h"
#include "common/crypto/encoding.h"
#include "common/crypto/test_token.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "tests/harness/process.h"

namespace norroy::keys {
namespace {

using config::v1::KeyConfig;
using crypto::TestToken;

const absl::Time kNow = absl::FromUnixSeconds(1'772'366'400);

TestToken& Token() {
  static TestToken* const token = [] {
    auto* made = new TestToken("norroy");
    made->AddKey("seal", "EC:prime256v1", "01");
    made->AddKey("other", "EC:prime256v1", "02");
    made->AddKey("p384", "EC:secp384r1", "03");
    return made;
  }();
  return *token;
}

TestToken& LockedToken() {
  static TestToken* const token = [] {
    auto* made = new TestToken("locked");
    made->AddKey("seal", "EC:prime256v1", "01");
    return made;
  }();
  return *token;
}

KeyConfig Key(const std::string& uri, const std::string& passphrase_file = "",
              const std::string& credential = "") {
  KeyConfig config;
  config.set_uri(uri);
  config.set_passphrase_file(passphrase_file);
  config.set_credential(credential);
  return config;
}

class SealPairTest : public ::testing::Test {
 protected:
  SealPairTest() : dir_(harness::TempDir("seal")) {
    Token();
    LockedToken();
    root_ = identity::MakeRoot("core", "test", kNow, absl::Hours(24 * 365)).value();
    harness::WriteAll(dir_ + "/core.pem", root_->certificate.ToPem());
  }

  crypto::Certificate Leaf(const crypto::PublicKey& key, identity::Role role) {
    identity::LeafRequest request;
    request.identity.deployment = "test";
    request.identity.role = role;
    request.identity.name = "main";
    request.now = kNow;
    request.lifetime = absl::Hours(24);
    if (role == types::v1::ROLE_ISSUER) request.hosts = {"127.0.0.1"};
    return identity::IssueLeaf(*root_, key, request).value();
  }

  absl::StatusOr<std::unique_ptr<crypto::Signer>> OpenConfigured(const KeyConfig& config) {
    auto location = ReadKeyConfig(config, TestToken::kModule, dir_ + "/issuer.yaml");
    if (!location.ok()) return location.status();
    return OpenKey(*location);
  }

  // With `seal_file`'s text, which holds what it says.
  absl::StatusOr<SealPair> Open(const KeyConfig& config, const std::string& seal_file) {
    harness::WriteAll(dir_ + "/seal.pem", seal_file, 0600);
    auto location = ReadKeyConfig(config, TestToken::kModule, dir_ + "/issuer.yaml");
    if (!location.ok()) return location.status();
    return OpenSealPair({.seal_file = dir_ + "/seal.pem",
                         .seal_key = *location,
                         .core_root_file = dir_ + "/core.pem",
                         .deployment = "test"},
                        kNow);
  }

  const std::string dir_;
  std::optional<identity::Authority> root_;
};

TEST_F(SealPairTest, ATokensSealIsBelieved) {
  const KeyConfig config = Key("pkcs11:token=norroy;object=seal", Token().pin_file());
  const auto key = OpenConfigured(config);
  ASSERT_TRUE(key.ok()) << key.status();
  const auto certificate = Leaf((*key)->public_key(), types::v1::ROLE_SEAL);
  auto pair = Open(config, certificate.ToPem());
  ASSERT_TRUE(pair.ok()) << pair.status();
  const auto token = challenge::Token::Parse("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0").value();
  const auto authorization = challenge::KeyAuthorization::Make(token, std::string(43, 'A'));
  ASSERT_TRUE(authorization.ok()) << authorization.status();
  const challenge::SealBody body{
      "test",
      challenge::SealKind::kChallenge,
      "p-1",
      1,
      challenge::Proof{challenge::Name::Parse("www.example.test").value(),
                       challenge::ChallengeType::kHttp01, token, *authorization},
      kNow,
      kNow + absl::Minutes(15)};
  const auto sealed = challenge::Seal(body, *pair->signer, pair->certificate);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  const challenge::SealVerifier verifier("test", root_->certificate);
  const auto read = verifier.Verify(*sealed, kNow);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->presentation_id, "p-1");
  auto forged = *sealed;
  forged.set_signature(
      (*OpenConfigured(Key("pkcs11:token=norroy;object=other", Token().pin_file())))
          ->Sign("norroy")
          .value());
  EXPECT_EQ(ErrorReason(verifier.Verify(forged, kNow).status()), "REJECTED_SEAL");
}

// As docs/configuration.md says.
TEST_F(SealPairTest, OpensslMakesACertificateForATokensKey) {
  const auto run = [](const std::vector<std::string>& argv) {
    const harness::Output output =
        harness::RunProgram(argv, {absl::StrCat("SOFTHSM2_CONF=", std::getenv("SOFTHSM2_CONF"))});
    EXPECT_EQ(output.code, 0) << output.out << output.err;
  };
  // OpenSSL's certificates begin to be valid now.
  const absl::Time now = SystemClock().Now();
  const auto root = identity::MakeRoot("core", "test", now, absl::Hours(24 * 365)).value();
  harness::WriteAll(dir_ + "/core.pem", root.certificate.ToPem());
  harness::WriteAll(dir_ + "/root.key", std::string(root.key.ToPem().Expose()), 0600);
  run({"/usr/bin/pkcs11-tool", "--module", TestToken::kModule, "--token-label", "norroy", "--login",
       "--pin", TestToken::kPin, "--read-object", "--type", "pubkey", "--label", "seal",
       "--output-file", dir_ + "/seal.der"});
  run({"/usr/bin/openssl", "pkey", "-pubin", "-inform", "DER", "-in", dir_ + "/seal.der", "-out",
       dir_ + "/seal.pub"});
  harness::WriteAll(dir_ + "/seal.ext",
                    "subjectKeyIdentifier = hash\n"
                    "authorityKeyIdentifier = keyid:always\n"
                    "basicConstraints = critical,CA:FALSE\n"
                    "keyUsage = critical,digitalSignature\n"
                    "extendedKeyUsage = 1.3.6.1.5.5.7.3.36\n"
                    "subjectAltName = URI:spiffe://core.test/seal/issuer\n");
  run({"/usr/bin/openssl", "x509", "-new", "-force_pubkey", dir_ + "/seal.pub", "-subj", "/CN=seal",
       "-days", "90", "-extfile", dir_ + "/seal.ext", "-CA", dir_ + "/core.pem", "-CAkey",
       dir_ + "/root.key", "-out", dir_ + "/seal.pem"});
  const auto key = ReadKeyConfig(Key("pkcs11:token=norroy;object=seal", Token().pin_file()),
                                 TestToken::kModule, dir_ + "/issuer.yaml");
  const auto pair = OpenSealPair({.seal_file = dir_ + "/seal.pem",
                                  .seal_key = *key,
                                  .core_root_file = dir_ + "/core.pem",
                                  .deployment = "test"},
                                 now + absl::Minutes(1));
  EXPECT_TRUE(pair.ok()) << pair.status();
}

TEST_F(SealPairTest, AnEncryptedFileHoldsTheKey) {
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  harness::WriteAll(dir_ + "/plain.pem", std::string(key.ToPem().Expose()), 0600);
  harness::WriteAll(dir_ + "/word", "sesame\n", 0600);
  ASSERT_EQ(harness::RunProgram({"/usr/bin/openssl", "pkcs8", "-topk8", "-in", dir_ + "/plain.pem",
                                 "-out", dir_ + "/key.pem", "-passout", "file:" + dir_ + "/word"})
                .code,
            0);
  chmod((dir_ + "/key.pem").c_str(), 0600);
  const std::string certificate = Leaf(key.public_key(), types::v1::ROLE_SEAL).ToPem();
  // Paths are relative to the configuration.
  auto pair = Open(Key("key.pem", "word"), certificate);
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_EQ(pair->signer->public_key(), key.public_key());
  EXPECT_TRUE(Open(Key("file:" + dir_ + "/key.pem", dir_ + "/word"), certificate).ok());
  EXPECT_TRUE(Open(Key("plain.pem"), certificate).ok());
}

TEST_F(SealPairTest, SaysWhatIsWrong) {
  const std::string& pin = Token().pin_file();
  const std::string uri = "pkcs11:token=norroy;object=seal";
  const auto key = OpenConfigured(Key(uri, pin));
  ASSERT_TRUE(key.ok()) << key.status();
  const std::string good = Leaf((*key)->public_key(), types::v1::ROLE_SEAL).ToPem();
  const auto stray = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  const std::string stray_pem(stray.ToPem().Expose());
  harness::WriteAll(dir_ + "/wrong", "0000-not-it\n", 0600);
  harness::WriteAll(dir_ + "/open.pin", "0000-not-it\n", 0644);
  harness::WriteAll(dir_ + "/stray.pem", stray_pem, 0600);
  std::vector<std::string> lines;
  log::SetSink([&](absl::string_view line) { lines.emplace_back(line); });
  const struct {
    KeyConfig key;
    std::string seal_file, reason, message;
  } cases[] = {
      {Key("pkcs11:token=norroy;object=other", pin), good, "BAD_SEAL_KEY",
       "object=other is not that of the certificate in"},
      {Key("stray.pem"), good, "BAD_SEAL_KEY", "stray.pem is not that of"},
      {Key("pkcs11:token=norroy;object=p384", pin), good, "BAD_SEAL_KEY",
       "is a p384 key; seals are made with p256"},
      {Key(uri, pin), good + stray_pem, "BAD_SEAL_KEY", "leave only the certificate"},
      {Key(uri, pin), "", "", "certificate"},
      {Key(uri, pin), Leaf((*key)->public_key(), types::v1::ROLE_ISSUER).ToPem(), "BAD_CONFIG",
       "one of role seal is needed"},
      {Key(uri, pin),
       identity::MakeRoot("core", "test", kNow, absl::Hours(24))->certificate.ToPem(), "",
       "seal.pem"},
      {Key("pkcs11:token=locked;object=seal", dir_ + "/wrong"), good, "WRONG_PIN",
       "refuses the PIN"},
      {Key(uri, dir_ + "/open.pin"), good, "UNSAFE_FILE", "open.pin: has mode 0644"},
      {Key(uri, dir_ + "/nowhere.pin"), good, "", "nowhere.pin"},
      {Key("pkcs11:token=nowhere;object=seal", pin), good, "NO_TOKEN", "no such token"},
      {Key("pkcs11:token=norroy;object=nothing", pin), good, "NO_TOKEN_KEY", "no such private key"},
      {Key("nowhere.pem"), good, "", "nowhere.pem"},
      {Key("stray.pem", dir_ + "/wrong"), good, "BAD_KEY", "is not encrypted"},
      {Key("stray.pem", "", "word"), good, "NO_CREDENTIAL", "LoadCredential=word:"},
  };
  std::string said;
  for (const auto& row : cases) {
    SCOPED_TRACE(row.key.uri() + " " + row.message);
    const absl::Status status = Open(row.key, row.seal_file).status();
    ASSERT_FALSE(status.ok());
    if (!row.reason.empty()) {
      EXPECT_EQ(ErrorReason(status), row.reason) << status;
    }
    EXPECT_TRUE(absl::StrContains(status.message(), row.message)) << status;
    log::Error("main", "cannot run", {{"error", status.message()}});
    absl::StrAppend(&said, status.ToString(), "\n");
  }
  log::SetSink({});
  EXPECT_EQ(lines.size(), std::size(cases));
  for (const std::string& line : lines) absl::StrAppend(&said, line, "\n");
  // Neither a key's bytes, in whatever form, nor a PIN.
  const std::string der = crypto::PemDecode(stray_pem)->at(0).der;
  const std::string base64 = stray_pem.substr(stray_pem.find('\n') + 1, 64);
  for (const std::string& secret :
       {der.substr(36, 16), crypto::Hex(der.substr(36, 16)), crypto::Base64Url(der.substr(36, 15)),
        base64.substr(48, 16), std::string("0000-not-it"), std::string(TestToken::kPin)}) {
    EXPECT_FALSE(absl::StrContains(said, secret)) << said;
  }
}

TEST(ReadKeyConfig, ErrorsSayWhatIsNeeded) {
  const struct {
    KeyConfig key;
    std::string module, message;
  } cases[] = {
      {Key(""), "", "is empty"},
      {Key("https://vault.test/k"), "", "\"https:\" is unknown"},
      {Key("k.pem", "a", "b"), "", "not both"},
      {Key("k.pem", "", "../b"), "", "credential \"../b\""},
      {Key("pkcs11:token=t;object=o"), "/lib/m.so", "PIN is needed from one place"},
      {Key("pkcs11:token=t;object=o", "a", "b"), "/lib/m.so", "PIN is needed from one place"},
      {Key("pkcs11:token=t;object=o?pin-source=/a", "a"), "/lib/m.so", "from one place"},
      {Key("pkcs11:token=t;object=o", "a"), "", "needs pkcs11_module"},
      {Key("pkcs11:token=t;object=o", "a"), "m.so", "needs pkcs11_module"},
      {Key("pkcs11:token=t", "a"), "/lib/m.so", "which key"},
  };
  for (const auto& row : cases) {
    const absl::Status status = ReadKeyConfig(row.key, row.module, "/etc/issuer.yaml").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), row.message)) << status;
  }
  const auto pin = ReadKeyConfig(Key("pkcs11:token=t;object=o?pin-source=/run/pin"), "/lib/m.so",
                                 "/etc/norroy/issuer.yaml");
  ASSERT_TRUE(pin.ok()) << pin.status();
  EXPECT_EQ(pin->passphrase.file, "/run/pin");
  const auto file = ReadKeyConfig(Key("k.pem", "word"), "", "/etc/norroy/issuer.yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->text(), "/etc/norroy/k.pem");
  EXPECT_EQ(file->passphrase.file, "/etc/norroy/word");
}

}  // namespace
}  // namespace norroy::keys

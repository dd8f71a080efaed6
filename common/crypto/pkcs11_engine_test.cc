#include "common/crypto/pkcs11_engine.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>

#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/crypto/test_token.h"
#include "common/error/error.h"
#include "tests/harness/process.h"

namespace norroy::crypto {
namespace {

struct Tokens {
  TestToken main{"norroy"};
  TestToken other{"other"};
  TestToken ed25519{"trap"};
  TestToken vanishing{"vanishing"};
  Tokens() {
    main.AddKey("p256", "EC:prime256v1", "01");
    main.AddKey("p384", "EC:secp384r1", "02");
    main.AddKey("rsa", "rsa:2048", "03");
    main.AddKey("p521", "EC:secp521r1", "04");
    main.AddKey("rsa1024", "rsa:1024", "05");
    other.AddKey("p256", "EC:prime256v1", "01");
    ed25519.AddKey("p256", "EC:prime256v1", "01");
    ed25519.AddKey("ed", "EC:edwards25519", "02");
    vanishing.AddKey("p256", "EC:prime256v1", "01");
  }
};

Tokens& TheTokens() {
  static Tokens* const tokens = new Tokens;
  return *tokens;
}

absl::StatusOr<std::unique_ptr<Signer>> Open(const std::string& uri,
                                             const std::string& pin = TestToken::kPin) {
  TheTokens();
  return OpenTokenSigner(TestToken::kModule, KeyUri::Parse(uri).value(), Secret(pin));
}

// What `openssl dgst -verify` takes.
std::string ForOpenssl(const std::string& signature, KeyType type) {
  if (type != KeyType::kP256 && type != KeyType::kP384) return signature;
  const int half = static_cast<int>(signature.size() / 2);
  const EcdsaSigPtr pair(ECDSA_SIG_new());
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(Bytes(signature), half, nullptr),
                 BN_bin2bn(Bytes(signature) + half, half, nullptr));
  return ToDer<i2d_ECDSA_SIG>(pair.get());
}

// Keys in files are made, opened and used beside the engine as without it.
TEST(TokenSigner, KeysOutsideTheTokenGoOnWorking) {
  ASSERT_TRUE(Open("pkcs11:token=norroy;object=p256").ok());
  // As libcurl does when it starts.
  ASSERT_EQ(OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_ALL_BUILTIN, nullptr), 1);
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kRsa2048}) {
    const auto key = PrivateKey::Generate(type);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(PrivateKey::ParsePem(key->ToPem()).ok());
  }
}

TEST(TokenSigner, SignsWhatOpensslVerifies) {
  const struct {
    std::string uri, algorithm, digest;
    KeyType type;
    size_t size;
  } cases[] = {
      {"pkcs11:token=norroy;object=p256", "ES256", "-sha256", KeyType::kP256, 64},
      {"pkcs11:token=norroy;object=p384;type=private", "ES384", "-sha384", KeyType::kP384, 96},
      {"pkcs11:token=norroy;object=rsa", "RS256", "-sha256", KeyType::kRsa2048, 256},
      {"pkcs11:token=norroy;id=%02", "ES384", "-sha384", KeyType::kP384, 96},
      {"pkcs11:model=SoftHSM%20v2;token=other;id=%01", "ES256", "-sha256", KeyType::kP256, 64},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.uri);
    const auto signer = Open(row.uri);
    ASSERT_TRUE(signer.ok()) << signer.status();
    const PublicKey& key = (*signer)->public_key();
    EXPECT_EQ(key.type(), row.type);
    EXPECT_EQ(SignatureAlgorithm(key.type()), row.algorithm);
    const std::string signature = (*signer)->Sign("header.payload").value();
    EXPECT_EQ(signature.size(), row.size);
    EXPECT_TRUE(key.Verify("header.payload", signature));
    EXPECT_FALSE(key.Verify("header.payload2", signature));
    const std::string dir = harness::TempDir("verify");
    harness::WriteAll(dir + "/key.pem", PemEncode("PUBLIC KEY", key.spki_der()));
    harness::WriteAll(dir + "/signature", ForOpenssl(signature, row.type));
    harness::WriteAll(dir + "/data", "header.payload");
    const harness::Output openssl =
        harness::RunProgram({"/usr/bin/openssl", "dgst", row.digest, "-verify", dir + "/key.pem",
                             "-signature", dir + "/signature", dir + "/data"});
    EXPECT_EQ(openssl.code, 0) << openssl.out << openssl.err;
  }
}

TEST(TokenSigner, SaysWhatIsMissing) {
  // Before anything opens this token: a token that is open does not ask for the PIN again.
  const struct {
    std::string uri, pin, reason, message;
  } cases[] = {
      {"pkcs11:token=vanishing;object=p256", "0000", "WRONG_PIN", "refuses the PIN"},
      {"pkcs11:token=vanishing;object=p256", std::string(kMaxPin + 1, '1'), "BAD_PASSPHRASE",
       "1 to 32 bytes"},
      {"pkcs11:token=vanishing;object=p256", "", "BAD_PASSPHRASE", "1 to 32 bytes"},
      {"pkcs11:token=nowhere;object=p256", TestToken::kPin, "NO_TOKEN", "no such token"},
      {"pkcs11:token=norroy;object=nothing", TestToken::kPin, "NO_TOKEN_KEY",
       "no such private key"},
      {"pkcs11:token=norroy;id=%ff", TestToken::kPin, "NO_TOKEN_KEY", "no such private key"},
      {"pkcs11:token=norroy;object=p521", TestToken::kPin, "BAD_KEY", "use P-256"},
      {"pkcs11:token=norroy;object=rsa1024", TestToken::kPin, "BAD_KEY", "RSA of 1024 bits"},
      {"pkcs11:token=trap;object=p256", TestToken::kPin, "NO_TOKEN", "Ed25519"},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.uri);
    const absl::Status status = Open(row.uri, row.pin).status();
    EXPECT_EQ(ErrorReason(status), row.reason) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), row.message)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), row.uri)) << status;
    if (row.pin.size() > 3) {
      EXPECT_FALSE(absl::StrContains(status.message(), row.pin)) << status;
    }
  }
  EXPECT_TRUE(Open("pkcs11:token=vanishing;object=p256").ok());
}

TEST(TokenSigner, HasOneModuleInAProcess) {
  ASSERT_TRUE(Open("pkcs11:token=norroy;object=p256").ok());
  for (const std::string module : {"/nowhere/module.so", "/usr/lib/x86_64-linux-gnu/libz.so.1"}) {
    const absl::Status status =
        OpenTokenSigner(module, KeyUri::Parse("pkcs11:token=norroy;object=p256").value(),
                        Secret(TestToken::kPin))
            .status();
    EXPECT_EQ(ErrorReason(status), "NO_ENGINE") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), module)) << status;
  }
}

TEST(TokenSigner, SignsForManyThreadsAtOnce) {
  const auto p256 = Open("pkcs11:token=norroy;object=p256");
  const auto rsa = Open("pkcs11:token=norroy;object=rsa");
  ASSERT_TRUE(p256.ok() && rsa.ok());
  std::vector<int> good(4, 0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([&, i] {
      Signer& signer = i % 2 == 0 ? **p256 : **rsa;
      for (int round = 0; round < 20; ++round) {
        const std::string data = absl::StrCat(i, round);
        const auto signature = signer.Sign(data);
        good[i] += signature.ok() && signer.public_key().Verify(data, *signature) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 20));
}

// The last one: SoftHSM does not forget that a token was gone while somebody asked for it.
TEST(TokenSigner, OutlivesATokenThatVanishes) {
  const auto signer = Open("pkcs11:token=vanishing;object=p256");
  ASSERT_TRUE(signer.ok()) << signer.status();
  // Gone and back while nobody asked.
  TheTokens().vanishing.Vanish();
  TheTokens().vanishing.ComeBack();
  EXPECT_TRUE((*signer)->Sign("data").ok());

  TheTokens().vanishing.Vanish();
  for (int i = 0; i < 3; ++i) {
    const absl::Status status = (*signer)->Sign("data").status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_EQ(ErrorReason(status), "TOKEN_FAILED") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "pkcs11:token=vanishing")) << status;
  }
  // Other tokens are as before.
  const auto other = Open("pkcs11:token=other;object=p256");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE((*other)->Sign("data").ok());
  TheTokens().vanishing.ComeBack();
  EXPECT_EQ(ErrorReason((*signer)->Sign("data").status()), "TOKEN_FAILED");
}

}  // namespace
}  // namespace norroy::crypto

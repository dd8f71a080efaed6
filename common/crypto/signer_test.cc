#include "common/crypto/signer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "common/crypto/encoding.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"
#include "tests/harness/process.h"

namespace norroy::crypto {
namespace {

std::string PathOf(const std::string& name) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
  unlink(path.c_str());
  return path;
}

void Write(const std::string& path, absl::string_view text, mode_t mode) {
  std::ofstream(path) << text;
  ASSERT_EQ(chmod(path.c_str(), mode), 0);
}

// An encrypted PKCS#8 PEM of a key, as openssl pkcs8 makes it.
std::string Encrypted(const PrivateKey& key, const std::string& passphrase) {
  const std::string plain = PathOf("plain.pem");
  const std::string out = PathOf("encrypted.pem");
  EXPECT_TRUE(CreateSecretFile(plain, key.ToPem()).ok());
  const harness::Output openssl =
      harness::RunProgram({"/usr/bin/openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in",
                           plain, "-out", out, "-passout", "pass:" + passphrase});
  EXPECT_EQ(openssl.code, 0) << openssl.err;
  return harness::ReadAll(out);
}

TEST(KeySigner, SignsByTheKeysOwnAlgorithm) {
  const struct {
    KeyType type;
    absl::string_view algorithm;
    size_t size;
  } cases[] = {
      {KeyType::kP256, "ES256", 64},     {KeyType::kP384, "ES384", 96},
      {KeyType::kRsa2048, "RS256", 256}, {KeyType::kRsa3072, "RS256", 384},
      {KeyType::kRsa4096, "RS256", 512},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(KeyTypeName(row.type));
    const auto signer = NewKeySigner(PrivateKey::Generate(row.type).value());
    const PublicKey& key = signer->public_key();
    EXPECT_EQ(SignatureAlgorithm(key.type()), row.algorithm);
    std::string signature = signer->Sign("data").value();
    EXPECT_EQ(signature.size(), row.size);
    EXPECT_TRUE(key.Verify("data", signature));
    EXPECT_EQ(key.VerifyEs256("data", signature), row.type == KeyType::kP256);
    EXPECT_FALSE(key.Verify("dat", signature));
    EXPECT_FALSE(key.Verify("data", signature + "x"));
    EXPECT_FALSE(key.Verify("data", ""));
    signature[3] ^= 1;
    EXPECT_FALSE(key.Verify("data", signature));
  }
}

TEST(FileSigner, OpensAnEncryptedKey) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const std::string path = PathOf("locked.pem");
  Write(path, Encrypted(key, "open sesame"), 0600);
  const std::string plain = PathOf("open.pem");
  ASSERT_TRUE(CreateSecretFile(plain, key.ToPem()).ok());
  const std::string word = PathOf("word");
  struct Case {
    std::string key_file, passphrase;
    mode_t mode;
    absl::string_view reason, message;
  };
  const Case cases[] = {
      {path, "open sesame", 0600, "", ""},
      {path, "open sesame\n", 0400, "", ""},
      {path, "open sesame\r\n", 0600, "", ""},
      {path, "open sesame ", 0600, "WRONG_PASSPHRASE", "does not open it"},
      {path, "Open Sesame", 0600, "WRONG_PASSPHRASE", "does not open it"},
      {path, "open sesame\nsecond", 0600, "BAD_PASSPHRASE", "more than one line"},
      {path, "", 0600, "BAD_PASSPHRASE", "is empty"},
      {path, "\n", 0600, "BAD_PASSPHRASE", "is empty"},
      {path, std::string(kMaxPassphrase + 1, 'x'), 0600, "BAD_PASSPHRASE", "1024"},
      {path, "open sesame", 0640, "UNSAFE_FILE", "has mode 0640"},
      {path, "open sesame", 0604, "UNSAFE_FILE", "has mode 0604"},
      {plain, "open sesame", 0600, "BAD_KEY", "is not encrypted"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.passphrase);
    unlink(word.c_str());
    Write(word, c.passphrase, c.mode);
    const auto signer = OpenFileSigner(c.key_file, {word, ""});
    EXPECT_EQ(ErrorReason(signer.status()), c.reason) << signer.status();
    EXPECT_TRUE(absl::StrContains(signer.status().message(), c.message)) << signer.status();
    EXPECT_FALSE(absl::StrContains(signer.status().message(), "sesame")) << signer.status();
    if (signer.ok()) {
      EXPECT_EQ((*signer)->public_key(), key.public_key());
    }
  }
  EXPECT_TRUE(absl::IsNotFound(OpenFileSigner(path, {PathOf("nowhere"), ""}).status()));
  std::string cut = Encrypted(key, "open sesame");
  const std::string broken = PathOf("broken.pem");
  Write(broken, PemEncode("ENCRYPTED PRIVATE KEY", PemDecode(cut)->at(0).der.substr(0, 100)), 0600);
  Write(word, "open sesame", 0600);
  EXPECT_EQ(ErrorReason(OpenFileSigner(broken, {word, ""}).status()), "BAD_KEY");
}

TEST(FileSigner, TakesItsPassphraseFromSystemd) {
  const std::string path = PathOf("locked-by-systemd.pem");
  Write(path, Encrypted(*PrivateKey::Generate(KeyType::kP384), "from systemd"), 0600);
  const std::string dir = harness::TempDir("credentials");
  const auto open = [&](const std::string& name) {
    return OpenFileSigner(path, {"", name}).status();
  };
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(ErrorReason(open("word")), "NO_CREDENTIAL") << open("word");
  EXPECT_TRUE(absl::StrContains(open("word").message(), "LoadCredential=word:")) << open("word");
  setenv("CREDENTIALS_DIRECTORY", "relative", 1);
  EXPECT_EQ(ErrorReason(open("word")), "NO_CREDENTIAL") << open("word");
  setenv("CREDENTIALS_DIRECTORY", (dir + "/gone").c_str(), 1);
  EXPECT_EQ(ErrorReason(open("word")), "NO_CREDENTIAL") << open("word");
  setenv("CREDENTIALS_DIRECTORY", dir.c_str(), 1);
  EXPECT_EQ(ErrorReason(open("word")), "NO_CREDENTIAL") << open("word");
  for (const auto& [mode, reason] : std::map<mode_t, std::string>{
           {0400, ""}, {0440, ""}, {0460, "UNSAFE_FILE"}, {0444, "UNSAFE_FILE"}}) {
    unlink((dir + "/word").c_str());
    Write(dir + "/word", "from systemd", mode);
    EXPECT_EQ(ErrorReason(open("word")), reason) << mode;
  }
  for (const std::string name : {"..", ".", "a/b", "a b", "../word"}) {
    EXPECT_EQ(ErrorReason(open(name)), "BAD_CREDENTIAL") << name;
  }
  unsetenv("CREDENTIALS_DIRECTORY");
}

TEST(FileSigner, KeepsItsKeyAcrossOpenings) {
  const std::string path = PathOf("key.pem");
  auto made = CreateFileSigner(path);
  ASSERT_TRUE(made.ok()) << made.status();
  struct stat file;
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600u);
  auto opened = OpenFileSigner(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->public_key(), (*made)->public_key());
  const std::string signature = (*opened)->Sign("data").value();
  EXPECT_TRUE((*made)->public_key().VerifyEs256("data", signature));
  EXPECT_FALSE((*made)->public_key().VerifyEs256("other", signature));
}

TEST(KeySigner, SignsForManyThreadsAtOnce) {
  const std::unique_ptr<Signer> signer = NewKeySigner(PrivateKey::Generate(KeyType::kP256).value());
  std::vector<int> good(4, 0);
  std::vector<std::thread> threads;
  for (int& mine : good) {
    threads.emplace_back([&signer, &mine] {
      for (int i = 0; i < 50; ++i) {
        const std::string data = std::to_string(i);
        mine += signer->public_key().VerifyEs256(data, signer->Sign(data).value()) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 50));
}

TEST(FileSigner, DoesNotOverwrite) {
  const std::string path = PathOf("exists.pem");
  Write(path, "precious", 0600);
  EXPECT_EQ(CreateFileSigner(path).status().code(), absl::StatusCode::kAlreadyExists);
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "precious");
}

TEST(FileSigner, IsAlwaysPrivateWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    const std::string path = PathOf("umask.pem");
    const mode_t before = umask(mask);
    const auto made = CreateFileSigner(path);
    umask(before);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_TRUE(OpenFileSigner(path).ok()) << mask;
  }
}

TEST(FileSigner, SaysWhatIsWrongWithAFile) {
  const std::string good(PrivateKey::Generate(KeyType::kP256)->ToPem().Expose());
  const std::string p384(PrivateKey::Generate(KeyType::kP384)->ToPem().Expose());
  const std::string encrypted = Encrypted(*PrivateKey::Generate(KeyType::kP256), "sesame");
  struct Case {
    absl::string_view name;
    std::string content;
    mode_t mode;
    absl::string_view reason, message;
  };
  const Case cases[] = {
      {"group may read", good, 0640, "UNSAFE_FILE", "has mode 0640"},
      {"others may write", good, 0602, "UNSAFE_FILE", "chmod 600 "},
      {"everybody", good, 0777, "UNSAFE_FILE", "has mode 0777"},
      {"too long", std::string(kMaxSecretFile + 1, 'x'), 0600, "UNSAFE_FILE", "at most"},
      {"empty", "", 0600, "BAD_KEY", "no block"},
      {"no key", "-----BEGIN X-----\nZm9v\n-----END X-----\n", 0600, "BAD_KEY", "no block"},
      {"half a key", good.substr(0, good.size() / 2), 0600, "BAD_PEM", "no END"},
      {"encrypted", encrypted, 0600, "BAD_KEY", "nothing says where its passphrase is"},
      {"another curve", p384, 0600, "", ""},
      {"good, read-only", good, 0400, "", ""},
      {"good", good, 0600, "", ""},
  };
  for (const Case& c : cases) {
    const std::string path = PathOf("case.pem");
    Write(path, c.content, c.mode);
    const absl::Status status = OpenFileSigner(path).status();
    EXPECT_EQ(status.ok(), c.reason.empty()) << c.name << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << c.name << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.message)) << c.name << ": " << status;
    if (!status.ok()) {
      EXPECT_TRUE(absl::StrContains(status.message(), path)) << status;
    }
  }
}

TEST(SecretFile, RefusesWhatIsNoFile) {
  const std::string fifo = PathOf("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(ErrorReason(ReadSecretFile(fifo).status()), "UNSAFE_FILE");
  EXPECT_EQ(ErrorReason(ReadSecretFile(std::getenv("TEST_TMPDIR")).status()), "UNSAFE_FILE");
  EXPECT_EQ(ReadSecretFile(PathOf("missing")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CreateSecretFile(PathOf("no/folder"), Secret("x")).code(), absl::StatusCode::kNotFound);
}

TEST(SecretFile, HoldsUpToItsCap) {
  for (const size_t size : {size_t{0}, size_t{1}, kMaxSecretFile - 1, kMaxSecretFile}) {
    const std::string path = PathOf("cap");
    const Secret content{absl::string_view(std::string(size, 's'))};
    ASSERT_TRUE(CreateSecretFile(path, content).ok());
    EXPECT_TRUE(ReadSecretFile(path).value().Equals(content)) << size;
  }
}

}  // namespace
}  // namespace norroy::crypto

#include "common/crypto/signer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"

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
      {"another curve", p384, 0600, "BAD_KEY", "p256 key is needed, this is p384"},
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

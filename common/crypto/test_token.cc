#include "common/crypto/test_token.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/harness/process.h"

namespace norroy::crypto {
namespace {

// The folder of this process's tokens, and SoftHSM told of it.
const std::string& TokensFolder() {
  static const std::string* const folder = [] {
    const std::string dir = harness::TempDir("softhsm");
    const std::string config = dir + "/softhsm2.conf";
    NORROY_CHECK(std::filesystem::create_directory(dir + "/tokens"));
    harness::WriteAll(config, absl::StrCat("directories.tokendir = ", dir, "/tokens\n",
                                           "objectstore.backend = file\nlog.level = ERROR\n"));
    NORROY_CHECK(setenv("SOFTHSM2_CONF", config.c_str(), 1) == 0);
    return new std::string(dir);
  }();
  return *folder;
}

void Run(const std::vector<std::string>& argv) {
  const harness::Output output =
      harness::RunProgram(argv, {absl::StrCat("SOFTHSM2_CONF=", std::getenv("SOFTHSM2_CONF"))});
  if (output.code != 0) std::fprintf(stderr, "%s%s", output.out.c_str(), output.err.c_str());
  NORROY_CHECK(output.code == 0);
}

}  // namespace

TestToken::TestToken(const std::string& label) : label_(label) {
  const std::string tokens = TokensFolder() + "/tokens";
  Run({"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678",
       "--pin", kPin});
  // The newest: each token has a folder of its own.
  std::filesystem::file_time_type newest{};
  for (const auto& entry : std::filesystem::directory_iterator(tokens)) {
    if (!folder_.empty() && entry.last_write_time() < newest) continue;
    newest = entry.last_write_time();
    folder_ = entry.path().string();
  }
  pin_file_ = absl::StrCat(TokensFolder(), "/", label, ".pin");
  harness::WriteAll(pin_file_, absl::StrCat(kPin, "\n"), 0600);
}

void TestToken::AddKey(const std::string& name, const std::string& type, const std::string& id) {
  Run({"/usr/bin/pkcs11-tool", "--module", kModule, "--token-label", label_, "--login", "--pin",
       kPin, "--keypairgen", "--key-type", type, "--label", name, "--id", id});
}

std::string TestToken::KeyUri(const std::string& name) const {
  return absl::StrCat("pkcs11:token=", label_, ";object=", name);
}

void TestToken::Vanish() {
  std::filesystem::rename(
      folder_, TokensFolder() + "/" + std::filesystem::path(folder_).filename().string());
}

void TestToken::ComeBack() {
  std::filesystem::rename(TokensFolder() + "/" + std::filesystem::path(folder_).filename().string(),
                          folder_);
}

}  // namespace norroy::crypto

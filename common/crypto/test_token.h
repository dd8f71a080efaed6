#ifndef NORROY_COMMON_CRYPTO_TEST_TOKEN_H_
#define NORROY_COMMON_CRYPTO_TEST_TOKEN_H_

// SoftHSM tokens in a folder of the test's own, for tests.

#include <string>

namespace norroy::crypto {

// The module sees what was made before it was first used in this process: make tokens first.
class TestToken {
 public:
  static constexpr char kModule[] = "/usr/lib/softhsm/libsofthsm2.so";
  static constexpr char kPin[] = "4711-0815";

  explicit TestToken(const std::string& label);

  // `type` as pkcs11-tool has it: "EC:secp384r1", "rsa:2048".
  void AddKey(const std::string& name, const std::string& type, const std::string& id);
  std::string KeyUri(const std::string& name) const;
  // A file with the PIN, mode 0600.
  const std::string& pin_file() const { return pin_file_; }

  // Takes the token's files away, and puts them back.
  void Vanish();
  void ComeBack();

 private:
  std::string label_;
  std::string folder_;
  std::string pin_file_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_TEST_TOKEN_H_

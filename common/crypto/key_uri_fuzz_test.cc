#include <gtest/gtest.h>

#include "tests/fuzz/replay.h"

namespace norroy::crypto {
namespace {

TEST(KeyUriFuzz, HoldsOverUrisAndTheirMutations) {
  fuzz::Replay(
      {
          "",
          "keys/le.pem",
          "file:/etc/norroy/le.pem",
          "file:///etc/a%20b.pem",
          "pkcs11:token=norroy;object=seal",
          "pkcs11:id=%01%aF;type=private;serial=12ab",
          "pkcs11:token=my%20token;model=M;manufacturer=X;object=a%3Bb?pin-source=/run/pin",
          "pkcs11:token=t;object=o?pin-source=file:///run/a%25b",
          "pkcs11:token=t;object=o?pin-value=1234",
          "pkcs11:token=t;object=o?module-path=/m.so&pin-source=/p",
          "https://vault.test/key",
          std::string(2049, 'a'),
      },
      3000);
}

}  // namespace
}  // namespace norroy::crypto

#include <gtest/gtest.h>

#include "common/crypto/encoding.h"
#include "tests/fuzz/replay.h"

namespace norroy::crypto {
namespace {

TEST(EncodingFuzz, HoldsOverPemTextsAndTheirMutations) {
  const std::string block = PemEncode("CERTIFICATE", std::string(100, 'x'));
  fuzz::Replay(
      {
          "",
          "Zm9vYmFy",
          "-__-",
          block,
          "text\n" + block + "text\n" + PemEncode("X509 CRL", "y"),
          "\xEF\xBB\xBF" + block,
          "-----BEGIN X-----\r\nZm9v\r\n-----END X-----\r\n",
          "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nZm9v\n-----END X-----\n",
          "-----BEGIN X-----\n-----BEGIN X-----\n-----END X-----\n",
          std::string(1000, '-'),
      },
      3000);
}

}  // namespace
}  // namespace norroy::crypto

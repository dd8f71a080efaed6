#include <gtest/gtest.h>

#include "issuer/acme/hostile_json.h"
#include "tests/fuzz/replay.h"

namespace norroy::acme {
namespace {

TEST(DirectoryFuzz, HoldsOverItsCorpusAndMutations) {
  fuzz::Replay({R"({"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a",
          "newOrder":"https://ca.example/o","revokeCert":"https://cdn.example:8443/r","meta":
          {"termsOfService":"https://t","caaIdentities":["c"],"profiles":{"p":"d"},
          "externalAccountRequired":true}})",
                "https://ca.example/x?y=1", "https://CDN.example:8443/"},
               2000);
}

TEST(DirectoryFuzz, HoldsOverHostileBodies) {
  for (const HostileJson& c : HostileJsonTable()) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(c.text.data()), c.text.size());
  }
}

}  // namespace
}  // namespace norroy::acme

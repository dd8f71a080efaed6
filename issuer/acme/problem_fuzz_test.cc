#include <gtest/gtest.h>

#include "issuer/acme/hostile_json.h"
#include "tests/fuzz/replay.h"

namespace norroy::acme {
namespace {

TEST(ProblemFuzz, HoldsOverItsCorpusAndMutations) {
  fuzz::Replay(
      {R"({"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many","status":429,
          "subproblems":[{"type":"urn:ietf:params:acme:error:dns","detail":"SERVFAIL",
          "identifier":{"type":"dns","value":"www.example.com"}}]})",
       "<html>login</html>", "3600"},
      2000);
}

TEST(ProblemFuzz, HoldsOverHostileBodies) {
  for (const HostileJson& c : HostileJsonTable()) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(c.text.data()), c.text.size());
  }
}

}  // namespace
}  // namespace norroy::acme

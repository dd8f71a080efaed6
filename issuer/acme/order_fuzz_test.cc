#include <gtest/gtest.h>

#include "issuer/acme/hostile_json.h"
#include "tests/fuzz/replay.h"

namespace norroy::acme {
namespace {

TEST(OrderFuzz, HoldsOverItsCorpusAndMutations) {
  fuzz::Replay(
      {R"({"status":"pending","expires":"2026-03-08T12:00:00Z","identifiers":[{"type":"dns",
          "value":"*.example.com"},{"type":"ip","value":"192.0.2.1"}],"authorizations":
          ["https://ca.example/authz/1"],"finalize":"https://ca.example/f"})",
       R"({"status":"valid",
          "identifiers":[{"type":"dns","value":"a.example.com"}],"certificate":
          "https://ca.example/c","finalize":"https://ca.example/f","error":{"type":"x"}})"},
      2000);
}

TEST(OrderFuzz, HoldsOverHostileBodies) {
  for (const HostileJson& c : HostileJsonTable()) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(c.text.data()), c.text.size());
  }
}

}  // namespace
}  // namespace norroy::acme

#include <gtest/gtest.h>

#include "issuer/acme/hostile_json.h"
#include "tests/fuzz/replay.h"

namespace norroy::acme {
namespace {

TEST(AuthorizationFuzz, HoldsOverItsCorpusAndMutations) {
  fuzz::Replay({R"({"status":"pending","expires":"2026-03-08T12:00:00Z","wildcard":true,
          "identifier":{"type":"dns","value":"example.com"},"challenges":[{"type":"dns-01",
          "url":"https://ca.example/c","status":"invalid","token":"DGyRejmCefe7v4N",
          "error":{"type":"x","detail":"y"}},{"type":"http-01","url":"https://ca.example/d",
          "status":"pending","token":"DGyRejmCefe7v4N"}]})"},
               2000);
}

TEST(AuthorizationFuzz, HoldsOverHostileBodies) {
  for (const HostileJson& c : HostileJsonTable()) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(c.text.data()), c.text.size());
  }
}

}  // namespace
}  // namespace norroy::acme

#include <gtest/gtest.h>

#include "issuer/acme/hostile_json.h"
#include "tests/fuzz/replay.h"

namespace norroy::acme {
namespace {

TEST(RenewalInfoFuzz, HoldsOverItsCorpusAndMutations) {
  fuzz::Replay({R"({"suggestedWindow":{"start":"2026-01-02T04:00:00Z",
          "end":"2026-01-03T04:00:00.5+01:00"},"explanationURL":"https://ca.example/why"})",
                R"({"suggestedWindow":{"end":"2026-01-03T04:00:00Z"}})"},
               2000);
}

TEST(RenewalInfoFuzz, HoldsOverHostileBodies) {
  for (const HostileJson& c : HostileJsonTable()) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(c.text.data()), c.text.size());
  }
}

}  // namespace
}  // namespace norroy::acme

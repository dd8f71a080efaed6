#include <gtest/gtest.h>

#include "issuer/acme/hostile_json.h"
#include "tests/fuzz/replay.h"

namespace norroy::acme {
namespace {

TEST(AccountFuzz, HoldsOverItsCorpusAndMutations) {
  fuzz::Replay({R"({"status":"valid","contact":["mailto:admin@example.com","tel:+1"],
          "orders":"https://ca.example/orders"})"},
               2000);
}

TEST(AccountFuzz, HoldsOverHostileBodies) {
  for (const HostileJson& c : HostileJsonTable()) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(c.text.data()), c.text.size());
  }
}

}  // namespace
}  // namespace norroy::acme

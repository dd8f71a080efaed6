#include <gtest/gtest.h>

#include "tests/fuzz/replay.h"

namespace norroy::identity {
namespace {

TEST(IdentityFuzz, HoldsOverUrisAndTheirMutations) {
  const std::string id(32, 'a');
  fuzz::Replay(
      {
          "spiffe://core.d/issuer/i1",
          "spiffe://core.my-site/operator/alice",
          "spiffe://ci.d/requester/build",
          "spiffe://edge.d/agent/web-1/" + id,
          "spiffe://edge.d/bootstrap/web-1/" + id,
          "spiffe://edge.d:1/issuer/x",
          std::string(300, '/'),
      },
      5000);
}

}  // namespace
}  // namespace norroy::identity

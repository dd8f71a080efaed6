#include <gtest/gtest.h>

#include "tests/fuzz/replay.h"

namespace norroy::audit {
namespace {

TEST(ExportLineFuzz, HoldsOverLinesAndTheirMutations) {
  const std::vector<std::string> corpus = {
      R"({"export":{"version":1,"deployment":"test","process":"issuer/main","time":"2027-01-15T08:00:00Z"}})",
      R"({"end":{"checkpoints":"2","records":"16"}})",
      R"({"record":{"writer":"issuer/main","seq":"1","time":"2027-01-15T08:00:00.001Z","principal":"operator/alice","peer":"192.0.2.7:51000","action":"order.create","object":"order/1","outcome":"ok","policyVersion":"3","requestId":"r1","previousHash":"AAAA","hash":"AAAA","format":2}})",
      R"({"record":{"outcome":"denied","policy_version":1}})",
      R"({"record":{"time":"0001-01-01T00:00:00Z"}})",
      R"({"record":{"time":"9999-12-31T23:59:59.999999999Z"}})",
      R"({"checkpoint":{"body":"CgR0ZXN0EAE=","signature":"AAAA","certificateChain":["MAA="]}})",
      R"({"checkpoint":{}})",
      R"({"record":null})",
      R"({"record":{}}})",
      "",
      "{",
      "null"};
  fuzz::Replay(corpus, 300);
}

}  // namespace
}  // namespace norroy::audit

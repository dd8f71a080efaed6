#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "norroy/types/v1/proof.pb.h"
#include "tests/fuzz/replay.h"

namespace norroy::challenge {
namespace {

// As a seal of now would be; the target seals it itself.
types::v1::SealBody Body(absl::string_view name, types::v1::ChallengeType type) {
  types::v1::SealBody body;
  body.set_deployment("prod");
  body.set_kind(types::v1::SEAL_KIND_CHALLENGE);
  body.set_presentation_id("p-1");
  body.set_generation(1);
  body.mutable_proof()->mutable_identifier()->set_type(types::v1::IDENTIFIER_TYPE_DNS);
  body.mutable_proof()->mutable_identifier()->set_value(std::string(name));
  body.mutable_proof()->set_type(type);
  body.mutable_proof()->set_token("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0");
  body.mutable_proof()->set_key_authorization(
      absl::StrCat(body.proof().token(), ".NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
  body.mutable_not_before()->set_seconds(1772366300);
  body.mutable_not_after()->set_seconds(1772367200);
  return body;
}

TEST(SealFuzz, HoldsOverSealsAndTheirMutations) {
  std::vector<std::string> corpus = {"", "s", "b", "s\x0a", "s\xFF"};
  types::v1::SealedProof sealed;
  sealed.set_signature(std::string(64, 's'));
  sealed.set_certificate(std::string(300, 'c'));
  sealed.set_body(Body("www.example.test", types::v1::CHALLENGE_TYPE_HTTP_01).SerializeAsString());
  corpus.push_back("s" + sealed.SerializeAsString());
  sealed.clear_certificate();
  corpus.push_back("s" + sealed.SerializeAsString());
  types::v1::SealBody wildcard = Body("example.test", types::v1::CHALLENGE_TYPE_DNS_01);
  wildcard.mutable_proof()->set_wildcard(true);
  corpus.push_back("b" + wildcard.SerializeAsString());
  sealed.Clear();
  sealed.set_body(wildcard.SerializeAsString());
  corpus.push_back("s" + sealed.SerializeAsString());
  fuzz::Replay(corpus, 200);
}

}  // namespace
}  // namespace norroy::challenge

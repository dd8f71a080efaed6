// Seals: whatever arrives, nothing is believed that was not sealed. The input is 's' and a
// SealedProof, or 'b' and a body alone; the body is also sealed by a genuine key, to reach what
// comes after the signature.

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/challenge/seal.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "tests/fuzz/proto_mutator.h"

namespace {

using norroy::challenge::ReadUnverified;
using norroy::challenge::SealBody;
using norroy::challenge::SealVerifier;

absl::Time Now() { return absl::FromUnixSeconds(1772366400); }

struct Genuine {
  Genuine()
      : root(norroy::identity::MakeRoot("core", "prod", Now() - absl::Hours(48),
                                        absl::Hours(24 * 365))
                 .value()),
        key(norroy::crypto::PrivateKey::Generate(norroy::crypto::KeyType::kP256).value()),
        signer(norroy::crypto::NewKeySigner(key)),
        verifier("prod", root.certificate) {
    norroy::identity::LeafRequest request;
    request.identity = {"prod", norroy::types::v1::ROLE_SEAL, "one", ""};
    request.now = Now() - absl::Hours(24);
    request.lifetime = absl::Hours(24 * 30);
    certificate = norroy::identity::IssueLeaf(root, key.public_key(), request).value().der();
  }
  norroy::identity::Authority root;
  norroy::crypto::PrivateKey key;
  std::unique_ptr<norroy::crypto::Signer> signer;
  SealVerifier verifier;
  std::string certificate;
};

void CheckSane(const SealBody& body) {
  NORROY_CHECK(body.generation >= 1);
  NORROY_CHECK(!body.presentation_id.empty() && body.presentation_id.size() <= 64);
  NORROY_CHECK(body.not_before < body.not_after);
  NORROY_CHECK(body.not_after - body.not_before <= norroy::challenge::kMaxSealLifetime);
  const auto proto = norroy::challenge::ToProto(body.proof);
  NORROY_CHECK(norroy::challenge::FromProto(proto).value() == body.proof);
}

}  // namespace

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

// Half of the time a body stays one, with one field changed.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  norroy::types::v1::SealBody body;
  const bool parses = size > 1 && data[0] == 'b' && seed % 2 == 0 &&
                      body.ParseFromArray(data + 1, static_cast<int>(size - 1));
  if (!parses) return LLVMFuzzerMutate(data, size, max_size);
  norroy::fuzz::MutateOneField(body, seed);
  const std::string bytes = "b" + body.SerializeAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Genuine* const genuine = new Genuine;
  if (size == 0 || (data[0] != 's' && data[0] != 'b')) return -1;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  norroy::types::v1::SealedProof sealed;
  if (data[0] == 'b') {
    sealed.set_body(std::string(input));
    sealed.set_signature(std::string(64, 's'));
    sealed.set_certificate(genuine->certificate);
    // Signatures are dear: most bodies are not worth one.
    if (size % 16 != 0 && !ReadUnverified(sealed).ok()) return 0;
  } else if (!sealed.ParseFromArray(input.data(), static_cast<int>(input.size()))) {
    return 0;
  }
  // The key is fresh, so no input can have been sealed by it.
  const absl::Status forged = genuine->verifier.Verify(sealed, Now()).status();
  NORROY_CHECK(norroy::ErrorReason(forged) == "REJECTED_SEAL");
  const absl::StatusOr<SealBody> unverified = ReadUnverified(sealed);
  if (unverified.ok()) CheckSane(*unverified);

  sealed.set_signature(
      genuine->signer->Sign(absl::StrCat(std::string("norroy seal v1\0", 15), sealed.body()))
          .value());
  sealed.set_certificate(genuine->certificate);
  const absl::StatusOr<SealBody> body = genuine->verifier.Verify(sealed, Now());
  if (!body.ok()) return 0;
  CheckSane(*body);
  NORROY_CHECK(body->deployment == "prod" && Now() < body->not_after);
#ifdef PLANTED
  NORROY_CHECK(body->generation < 5);
#endif
  NORROY_CHECK(unverified.ok() || sealed.body().size() <= norroy::challenge::kMaxSealBody);
  return 0;
}

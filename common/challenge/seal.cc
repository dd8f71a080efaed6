#include "common/challenge/seal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/key.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"

namespace norroy::challenge {
namespace {

constexpr absl::string_view kContext("norroy seal v1\0", 15);
constexpr size_t kSignatureSize = 64;
constexpr size_t kMaxCertificate = 4096;
constexpr size_t kMaxPresentationId = 64;
constexpr absl::Duration kClockSkew = absl::Minutes(5);
// Timestamp's range: years 1 to 9999.
constexpr int64_t kMinSeconds = -62135596800;
constexpr int64_t kMaxSeconds = 253402300799;

absl::Status BadSeal(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SEAL", absl::StrCat("seal: ", problem));
}

absl::Status Rejected(absl::string_view problem) {
  return MakeError(absl::StatusCode::kPermissionDenied, "REJECTED_SEAL",
                   absl::StrCat("seal refused: ", problem));
}

// What was sealed; a change in `body`, in the context or between the two is another message.
std::string SignedBytes(absl::string_view body) { return absl::StrCat(kContext, body); }

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

absl::StatusOr<absl::Time> TimeFromProto(absl::string_view field,
                                         const google::protobuf::Timestamp& proto) {
  if (proto.seconds() < kMinSeconds || proto.seconds() > kMaxSeconds || proto.nanos() < 0 ||
      proto.nanos() > 999999999) {
    return BadSeal(absl::StrCat(field, " is no time between the years 1 and 9999"));
  }
  return absl::FromUnixSeconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

absl::StatusOr<SealKind> KindFromProto(types::v1::SealKind kind) {
  switch (kind) {
    case types::v1::SEAL_KIND_CHALLENGE:
      return SealKind::kChallenge;
    case types::v1::SEAL_KIND_REHEARSAL:
      return SealKind::kRehearsal;
    default:
      return BadSeal(absl::StrCat("kind ", static_cast<int>(kind),
                                  " is not known; challenge is 1, rehearsal is 2"));
  }
}

// A field that we do not know could be one that we should heed.
bool HasUnknownFields(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  return std::any_of(fields.begin(), fields.end(), [&](const auto* field) {
    return field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE &&
           HasUnknownFields(reflection.GetMessage(message, field));
  });
}

// What is true of every seal, made or read. The proof has been checked where it was parsed.
absl::Status CheckBody(const SealBody& body) {
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(body.deployment));
  const std::string& id = body.presentation_id;
  if (id.empty() || id.size() > kMaxPresentationId ||
      !std::all_of(id.begin(), id.end(), [](char c) {
        return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
      })) {
    return BadSeal(absl::StrCat("presentation id \"", Printable(id, kMaxPresentationId),
                                "\" is not 1 to 64 of a-z, 0-9 and \"-\""));
  }
  if (body.generation < 1) {
    return BadSeal(absl::StrCat("generation ", body.generation, "; the first is 1"));
  }
  // A rehearsal must be worth nothing at a CA, and a challenge must not be mistaken for one.
  if (body.proof.key_authorization.is_rehearsal() != (body.kind == SealKind::kRehearsal)) {
    return BadSeal("its kind and its key authorization do not agree");
  }
  if (body.not_after <= body.not_before) return BadSeal("ends before it begins");
  if (body.not_after - body.not_before > kMaxSealLifetime) {
    return BadSeal(absl::StrCat("lives for ",
                                absl::FormatDuration(body.not_after - body.not_before),
                                "; at most ", absl::FormatDuration(kMaxSealLifetime)));
  }
  return absl::OkStatus();
}

absl::StatusOr<SealBody> ParseBody(const std::string& bytes) {
  types::v1::SealBody proto;
  if (!proto.ParseFromString(bytes)) return BadSeal("the body does not parse");
  if (HasUnknownFields(proto)) return BadSeal("the body has fields that are not known here");
  NORROY_ASSIGN_OR_RETURN(const SealKind kind, KindFromProto(proto.kind()));
  NORROY_ASSIGN_OR_RETURN(Proof proof, FromProto(proto.proof()));
  NORROY_ASSIGN_OR_RETURN(const absl::Time not_before,
                          TimeFromProto("not_before", proto.not_before()));
  NORROY_ASSIGN_OR_RETURN(const absl::Time not_after,
                          TimeFromProto("not_after", proto.not_after()));
  SealBody body{
      proto.deployment(), kind,     proto.presentation_id(), proto.generation(), std::move(proof),
      not_before,         not_after};
  NORROY_RETURN_IF_ERROR(CheckBody(body));
  return body;
}

absl::Status CheckSizes(const types::v1::SealedProof& sealed) {
  if (sealed.body().empty() || sealed.body().size() > kMaxSealBody) {
    return BadSeal(absl::StrCat("body of ", sealed.body().size(), " bytes; 1 to ", kMaxSealBody));
  }
  if (sealed.signature().size() != kSignatureSize) {
    return BadSeal(absl::StrCat("signature of ", sealed.signature().size(), " bytes; ES256 has ",
                                kSignatureSize));
  }
  if (sealed.certificate().empty() || sealed.certificate().size() > kMaxCertificate) {
    return BadSeal(absl::StrCat("certificate of ", sealed.certificate().size(), " bytes; 1 to ",
                                kMaxCertificate));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<types::v1::SealedProof> Seal(const SealBody& body, crypto::Signer& signer,
                                            const crypto::Certificate& certificate) {
  if (certificate.spki_der() != signer.public_key().spki_der()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_SEAL",
                     "seal: the certificate is not the seal key's");
  }
  types::v1::SealBody proto;
  proto.set_deployment(body.deployment);
  proto.set_kind(body.kind == SealKind::kChallenge ? types::v1::SEAL_KIND_CHALLENGE
                                                   : types::v1::SEAL_KIND_REHEARSAL);
  proto.set_presentation_id(body.presentation_id);
  proto.set_generation(body.generation);
  *proto.mutable_proof() = ToProto(body.proof);
  *proto.mutable_not_before() = ToProto(body.not_before);
  *proto.mutable_not_after() = ToProto(body.not_after);
  types::v1::SealedProof sealed;
  sealed.set_body(proto.SerializeAsString());
  // Nothing leaves here that a reader would refuse.
  NORROY_RETURN_IF_ERROR(ParseBody(sealed.body()).status());
  NORROY_ASSIGN_OR_RETURN(*sealed.mutable_signature(), signer.Sign(SignedBytes(sealed.body())));
  sealed.set_certificate(certificate.der());
  NORROY_RETURN_IF_ERROR(CheckSizes(sealed));
  return sealed;
}

absl::StatusOr<SealBody> ReadUnverified(const types::v1::SealedProof& sealed) {
  NORROY_RETURN_IF_ERROR(CheckSizes(sealed));
  return ParseBody(sealed.body());
}

struct SealVerifier::SealKey {
  crypto::Certificate certificate;
  crypto::PublicKey key;
};

struct SealVerifier::Roots {
  Mutex mutex;
  std::vector<crypto::Certificate> all ABSL_GUARDED_BY(mutex);
  // Of the seal that was read last: the next one is of the same issuer as a rule.
  std::shared_ptr<const SealKey> last ABSL_GUARDED_BY(mutex);
};

SealVerifier::SealVerifier(std::string deployment, crypto::Certificate core_root)
    : SealVerifier(std::move(deployment), std::vector<crypto::Certificate>{std::move(core_root)}) {}

SealVerifier::SealVerifier(std::string deployment, std::vector<crypto::Certificate> core_roots)
    : deployment_(std::move(deployment)), roots_(std::make_shared<Roots>()) {
  SetRoots(std::move(core_roots));
}

void SealVerifier::SetRoots(std::vector<crypto::Certificate> core_roots) {
  MutexLock lock(&roots_->mutex);
  roots_->all = std::move(core_roots);
}

void SealVerifier::OnRoot(std::function<void(const crypto::Certificate& root)> on_root) {
  on_root_ = std::move(on_root);
}

// The root under which it is a seal's.
absl::StatusOr<crypto::Certificate> SealVerifier::VerifyCertificate(
    const crypto::Certificate& certificate, absl::Time now) const {
  std::vector<crypto::Certificate> roots;
  {
    MutexLock lock(&roots_->mutex);
    roots = roots_->all;
  }
  absl::Status last = Rejected("no root is believed");
  for (const crypto::Certificate& root : roots) {
    const absl::StatusOr<identity::Identity> identity =
        identity::VerifyIdentity({certificate}, root, deployment_, now);
    if (!identity.ok()) {
      last = Rejected(identity.status().message());
      continue;
    }
    if (identity->role == types::v1::ROLE_SEAL) return root;
    return Rejected(
        absl::StrCat("its certificate is ", identity->Principal(), "'s, which may not seal"));
  }
  return last;
}

absl::StatusOr<SealBody> SealVerifier::Verify(const types::v1::SealedProof& sealed,
                                              absl::Time now) const {
  if (const absl::Status sizes = CheckSizes(sealed); !sizes.ok()) return Rejected(sizes.message());
  NORROY_RETURN_IF_ERROR(VerifySignature(sealed, now));
  // These very bytes are what the issuer sealed; only now are they looked into.
  absl::StatusOr<SealBody> body = ParseBody(sealed.body());
  if (!body.ok()) return Rejected(body.status().message());
  if (body->deployment != deployment_) {
    return Rejected(
        absl::StrCat("it is of deployment ", body->deployment, ", not of ", deployment_));
  }
  if (now < body->not_before - kClockSkew) {
    return MakeError(absl::StatusCode::kPermissionDenied, "NOT_YET_VALID",
                     absl::StrCat("seal refused: it begins at ",
                                  absl::FormatTime(body->not_before, absl::UTCTimeZone()),
                                  ", and here it is ", absl::FormatTime(now, absl::UTCTimeZone())));
  }
  if (now >= body->not_after) {
    return MakeError(absl::StatusCode::kPermissionDenied, "EXPIRED",
                     absl::StrCat("seal refused: it ended at ",
                                  absl::FormatTime(body->not_after, absl::UTCTimeZone())));
  }
  return body;
}

// Read, not believed.
absl::StatusOr<std::shared_ptr<const SealVerifier::SealKey>> SealVerifier::ReadCertificate(
    const std::string& der) const {
  {
    MutexLock lock(&roots_->mutex);
    if (roots_->last != nullptr && roots_->last->certificate.der() == der) return roots_->last;
  }
  const absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::ParseDer(der);
  if (!certificate.ok()) return Rejected(certificate.status().message());
  const absl::StatusOr<crypto::PublicKey> key = certificate->public_key();
  if (!key.ok()) return Rejected(key.status().message());
  const auto read = std::make_shared<const SealKey>(SealKey{*certificate, *key});
  MutexLock lock(&roots_->mutex);
  roots_->last = read;
  return read;
}

absl::Status SealVerifier::VerifySignature(const types::v1::SealedProof& sealed,
                                           absl::Time now) const {
  NORROY_ASSIGN_OR_RETURN(const std::shared_ptr<const SealKey> read,
                          ReadCertificate(sealed.certificate()));
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root,
                          VerifyCertificate(read->certificate, now));
  if (!read->key.VerifyEs256(SignedBytes(sealed.body()), sealed.signature())) {
    return Rejected("the signature is not of these bytes");
  }
  if (on_root_) on_root_(root);
  return absl::OkStatus();
}

}  // namespace norroy::challenge

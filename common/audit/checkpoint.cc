#include "common/audit/checkpoint.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/audit/to_proto.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"
#include "norroy/audit/v1/audit_service.pb.h"

namespace norroy::audit {
namespace {

constexpr absl::string_view kPrefix("norroy audit checkpoint v1\0", 27);
constexpr size_t kSignatureBytes = 64;

absl::Status Bad(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CHECKPOINT",
                   absl::StrCat("this is no checkpoint: ", what));
}

absl::Status Broken(int64_t number, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "CHECKPOINT_BROKEN",
                   absl::StrCat("checkpoint ", number, ": ", what),
                   {{"checkpoint", absl::StrCat(number)}});
}

// A validator that is lost must not vouch for an issuer's chains.
absl::Status CheckChainsAreOfRole(const Statement& statement, const identity::Identity& signer) {
  if (signer.role != types::v1::ROLE_ISSUER && signer.role != types::v1::ROLE_VALIDATOR) {
    return Broken(statement.number, absl::StrCat("signed by ", signer.Principal(),
                                                 ", and only issuers and validators may"));
  }
  const std::string prefix = absl::StrCat(identity::RoleName(signer.role), "/");
  for (const Head& head : statement.heads) {
    if (absl::StartsWith(head.writer, prefix)) continue;
    return Broken(statement.number,
                  absl::StrCat(signer.Principal(), " signed for the chain of ",
                               Printable(head.writer, 64), ", which is not of its role"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Checkpoint> SignCheckpoint(const Statement& statement,
                                          const identity::IdentityFile& signer) {
  v1::CheckpointBody body;
  body.set_deployment(statement.deployment);
  body.set_number(statement.number);
  *body.mutable_time() = ToTimestamp(statement.time);
  for (const Head& head : statement.heads) *body.add_heads() = ToProto(head);
  body.set_previous_sha256(statement.previous_sha256);
  Checkpoint checkpoint;
  checkpoint.body = body.SerializeAsString();
  NORROY_ASSIGN_OR_RETURN(checkpoint.signature,
                          signer.key.SignEs256(absl::StrCat(kPrefix, checkpoint.body)));
  for (const crypto::Certificate& certificate : signer.chain) {
    checkpoint.chain.push_back(certificate.der());
  }
  return checkpoint;
}

absl::StatusOr<Statement> ReadStatement(const Checkpoint& checkpoint) {
  if (checkpoint.body.size() > kMaxCheckpointBody) return Bad("its body is over 1 MiB");
  v1::CheckpointBody body;
  if (!body.ParseFromString(checkpoint.body)) return Bad("its body is cut or altered");
  if (body.heads_size() > static_cast<int>(kMaxCheckpointHeads)) return Bad("over 1000 chains");
  if (body.number() < 1) return Bad("its number is not positive");
  Statement statement;
  statement.deployment = body.deployment();
  statement.number = body.number();
  statement.time = FromTimestamp(body.time());
  for (const v1::AuditHead& head : body.heads()) statement.heads.push_back(FromProto(head));
  statement.previous_sha256 = body.previous_sha256();
  return statement;
}

absl::StatusOr<VerifiedCheckpoint> VerifyCheckpoint(const Checkpoint& checkpoint,
                                                    const Trust& trust) {
  NORROY_ASSIGN_OR_RETURN(Statement statement, ReadStatement(checkpoint));
  const int64_t number = statement.number;
  if (checkpoint.chain.empty() || checkpoint.chain.size() > kMaxCheckpointChain) {
    return Broken(number, "it has no certificate, or more than 8");
  }
  std::vector<crypto::Certificate> chain;
  for (const std::string& der : checkpoint.chain) {
    absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::ParseDer(der);
    if (!certificate.ok()) return Broken(number, certificate.status().message());
    chain.push_back(*std::move(certificate));
  }
  const absl::StatusOr<crypto::PublicKey> key = chain.front().public_key();
  if (!key.ok() || checkpoint.signature.size() != kSignatureBytes ||
      !key->VerifyEs256(absl::StrCat(kPrefix, checkpoint.body), checkpoint.signature)) {
    return Broken(number, "its signature is not that of its certificate");
  }
  if (trust.core_roots.empty()) return Broken(number, "there is no core root to trust");
  // As of its own time: an identity that has ended since did not undo what it signed.
  absl::StatusOr<identity::Identity> signer =
      identity::VerifyIdentity(chain, trust.core_roots, trust.deployment, statement.time);
  if (!signer.ok()) return Broken(number, signer.status().message());
  if (statement.deployment != trust.deployment) {
    return Broken(number, absl::StrCat("it is of deployment ", Printable(statement.deployment, 64),
                                       ", not of ", trust.deployment));
  }
  NORROY_RETURN_IF_ERROR(CheckChainsAreOfRole(statement, *signer));
  return VerifiedCheckpoint{std::move(statement), *std::move(signer)};
}

absl::Status Series::ResumeAfter(const Checkpoint& kept) {
  NORROY_ASSIGN_OR_RETURN(VerifiedCheckpoint verified, VerifyCheckpoint(kept, trust_));
  last_ = std::move(verified.statement);
  last_sha256_ = crypto::Sha256(kept.body);
  return absl::OkStatus();
}

absl::StatusOr<VerifiedCheckpoint> Series::Add(const Checkpoint& checkpoint) {
  NORROY_ASSIGN_OR_RETURN(VerifiedCheckpoint verified, VerifyCheckpoint(checkpoint, trust_));
  NORROY_RETURN_IF_ERROR(CheckFollows(verified.statement));
  last_ = verified.statement;
  last_sha256_ = crypto::Sha256(checkpoint.body);
  return verified;
}

absl::Status Series::CheckFollows(const Statement& statement) const {
  if (statement.number != last_.number + 1) {
    return Broken(last_.number + 1,
                  absl::StrCat("it is missing: number ", statement.number, " stands in its place"));
  }
  if (statement.previous_sha256 != last_sha256_) {
    return Broken(statement.number,
                  last_.number == 0 ? std::string("it follows another, and none is before it")
                                    : absl::StrCat("it follows another checkpoint ", last_.number));
  }
  for (const Head& before : last_.heads) {
    const Head* now = nullptr;
    for (const Head& head : statement.heads) {
      if (head.writer == before.writer) now = &head;
    }
    if (now == nullptr || now->seq < before.seq ||
        (now->seq == before.seq && now->hash != before.hash)) {
      return Broken(statement.number,
                    absl::StrCat("the chain of ", Printable(before.writer, 64), " ends at entry ",
                                 now == nullptr ? 0 : now->seq, "; checkpoint ", last_.number,
                                 " had it up to entry ", before.seq, ", or with another ending"));
    }
  }
  return absl::OkStatus();
}

}  // namespace norroy::audit

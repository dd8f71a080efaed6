#include "common/audit/checkpoints.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/chain.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/status_macros.h"

namespace norroy::audit {
namespace {

constexpr int kComparedAtOnce = 1000;

// Certificates lie in the column one behind the other, PEM.
std::string ChainColumn(const Checkpoint& checkpoint) {
  std::string pem;
  for (const std::string& der : checkpoint.chain) {
    absl::StrAppend(&pem, crypto::PemEncode("CERTIFICATE", der));
  }
  return pem;
}

absl::StatusOr<KeptCheckpoint> Parse(const sql::Row& row) {
  KeptCheckpoint kept;
  kept.number = row.Int(0);
  kept.checkpoint.body = row.Bytes(1);
  kept.checkpoint.signature = row.Bytes(2);
  absl::StatusOr<std::vector<crypto::PemBlock>> blocks = crypto::PemDecode(row.Bytes(3));
  if (!blocks.ok()) {
    return MakeError(absl::StatusCode::kDataLoss, "CHECKPOINT_BROKEN",
                     absl::StrCat("checkpoint ", kept.number, ": its certificates cannot be read: ",
                                  blocks.status().message()));
  }
  for (crypto::PemBlock& block : *blocks) kept.checkpoint.chain.push_back(std::move(block.der));
  return kept;
}

absl::StatusOr<std::optional<Checkpoint>> ReadNewest(sql::Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT number, body, signature, chain FROM audit_checkpoints "
                       "ORDER BY number DESC LIMIT 1",
                       {}));
  if (rows.empty()) return std::optional<Checkpoint>();
  NORROY_ASSIGN_OR_RETURN(KeptCheckpoint kept, Parse(rows.front()));
  return std::optional<Checkpoint>(std::move(kept.checkpoint));
}

absl::Status Keep(sql::Connection& connection, const Statement& statement,
                  const Checkpoint& checkpoint) {
  return connection
      .Execute(
          "INSERT INTO audit_checkpoints (number, time, body, signature, chain) "
          "VALUES ($1, $2, $3, $4, $5)",
          {statement.number, sql::TimeColumn(statement.time), sql::Blob{checkpoint.body},
           sql::Blob{checkpoint.signature}, sql::Blob{ChainColumn(checkpoint)}})
      .status();
}

absl::Status CompareHead(sql::Connection& connection, int64_t number, const Head& head) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                          connection.Query("SELECT hash FROM audit WHERE writer = $1 AND seq = $2",
                                           {head.writer, head.seq}));
  if (!rows.empty() && crypto::Hex(rows.front().Bytes(0)) == head.hash) return absl::OkStatus();
  return ChainBroken(
      head.writer, head.seq,
      absl::StrCat(rows.empty() ? "it is missing, and checkpoint "
                                : "it, or one before it, is another than the one that checkpoint ",
                   number, " saw"));
}

}  // namespace

absl::StatusOr<Checkpoint> SignHeads(sql::Connection& connection, const std::string& deployment,
                                     const identity::IdentityFile& signer, absl::Time now) {
  Statement statement{
      .deployment = deployment, .number = 1, .time = now, .heads = {}, .previous_sha256 = ""};
  NORROY_ASSIGN_OR_RETURN(statement.heads, ReadHeads(connection));
  NORROY_ASSIGN_OR_RETURN(const std::optional<Checkpoint> newest, ReadNewest(connection));
  if (newest.has_value()) {
    NORROY_ASSIGN_OR_RETURN(const Statement before, ReadStatement(*newest));
    if (before.heads == statement.heads) return *newest;
    // A log that has lost what was signed is not signed again: that would be to agree.
    for (const Head& head : before.heads) {
      NORROY_RETURN_IF_ERROR(CompareHead(connection, before.number, head));
    }
    statement.number = before.number + 1;
    statement.previous_sha256 = crypto::Sha256(newest->body);
  }
  NORROY_ASSIGN_OR_RETURN(Checkpoint checkpoint, SignCheckpoint(statement, signer));
  NORROY_RETURN_IF_ERROR(Keep(connection, statement, checkpoint));
  return checkpoint;
}

absl::StatusOr<std::vector<KeptCheckpoint>> ListCheckpoints(sql::Connection& connection,
                                                            int64_t after, int limit) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT number, body, signature, chain FROM audit_checkpoints "
                       "WHERE number > $1 ORDER BY number LIMIT $2",
                       {after, static_cast<int64_t>(limit)}));
  std::vector<KeptCheckpoint> checkpoints;
  for (const sql::Row& row : rows) {
    NORROY_ASSIGN_OR_RETURN(KeptCheckpoint kept, Parse(row));
    checkpoints.push_back(std::move(kept));
  }
  return checkpoints;
}

absl::Status CompareWithCheckpoints(sql::Connection& connection) {
  int64_t after = 0;
  while (true) {
    NORROY_ASSIGN_OR_RETURN(const std::vector<KeptCheckpoint> page,
                            ListCheckpoints(connection, after, kComparedAtOnce));
    for (const KeptCheckpoint& kept : page) {
      NORROY_ASSIGN_OR_RETURN(const Statement statement, ReadStatement(kept.checkpoint));
      for (const Head& head : statement.heads) {
        NORROY_RETURN_IF_ERROR(CompareHead(connection, kept.number, head));
      }
      after = kept.number;
    }
    if (page.size() < static_cast<size_t>(kComparedAtOnce)) return absl::OkStatus();
  }
}

}  // namespace norroy::audit

#include "common/rpc/audit_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/audit/to_proto.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/sql/time_column.h"
#include "common/status_macros.h"

namespace norroy::rpc {
namespace {

using audit::v1::ListCheckpointsRequest;
using audit::v1::ListCheckpointsResponse;
using audit::v1::ListRecordsRequest;
using audit::v1::ListRecordsResponse;

constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 1000;
constexpr size_t kMaxPageBytes = 2 * 1024 * 1024;
constexpr size_t kMaxFilter = 512;
constexpr size_t kDigestBytes = 8;

absl::Status BadField(absl::string_view field, absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FIELD", absl::StrCat(field, ": ", what),
                   {{"field", std::string(field)}});
}

absl::Status BadToken() {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN",
                   "page_token: it is not one of this list; begin without one");
}

absl::StatusOr<int> PageSize(int32_t size) {
  if (size < 0) return BadField("page_size", "it is negative");
  return size == 0 ? kDefaultPage : std::min(size, kMaxPage);
}

// What a list is of: a token is good for this list alone.
std::string QueryOf(const ListRecordsRequest& request) {
  return absl::StrJoin({request.writer(), request.principal(), request.action(), request.object(),
                        absl::StrCat(request.oldest_first(), request.after_seq())},
                       absl::string_view("\0", 1));
}

std::string Token(const audit::Place& place, const std::string& query) {
  const std::string text = absl::StrCat(place.time, "|", place.seq, "|", place.writer);
  const std::string digest = crypto::Sha256(absl::StrCat(text, "|", query)).substr(0, kDigestBytes);
  return crypto::Base64Url(digest + text);
}

// Unset: from the beginning.
absl::StatusOr<std::optional<audit::Place>> ParseToken(const std::string& token,
                                                       const std::string& query) {
  if (token.empty()) return std::optional<audit::Place>();
  const absl::StatusOr<std::string> bytes = crypto::Base64UrlDecode(token);
  if (!bytes.ok() || bytes->size() < kDigestBytes) return BadToken();
  const std::vector<std::string> parts =
      absl::StrSplit(bytes->substr(kDigestBytes), absl::MaxSplits('|', 2));
  audit::Place place;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &place.time) ||
      !absl::SimpleAtoi(parts[1], &place.seq)) {
    return BadToken();
  }
  place.writer = parts[2];
  if (Token(place, query) != token) return BadToken();
  return std::optional<audit::Place>(std::move(place));
}

absl::StatusOr<audit::Filter> ParseFilter(const ListRecordsRequest& request) {
  for (const std::string* text :
       {&request.writer(), &request.principal(), &request.action(), &request.object()}) {
    if (text->size() > kMaxFilter) return BadField("filter", "it is over 512 bytes");
  }
  if (request.after_seq() < 0) return BadField("after_seq", "it is negative");
  if (request.after_seq() > 0 && request.writer().empty()) {
    return BadField("after_seq", "numbers are those of one chain: name its writer");
  }
  return audit::Filter{.writer = request.writer(),
                       .principal = request.principal(),
                       .action = request.action(),
                       .object = request.object(),
                       .after_seq = request.after_seq()};
}

absl::StatusOr<ListRecordsResponse> ListRecords(audit::Log& log,
                                                const ListRecordsRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const audit::Filter filter, ParseFilter(request));
  NORROY_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  const std::string query = QueryOf(request);
  NORROY_ASSIGN_OR_RETURN(const std::optional<audit::Place> from,
                          ParseToken(request.page_token(), query));
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<audit::Record> records,
      log.List(filter, request.oldest_first(), from.has_value() ? &*from : nullptr, size + 1));
  ListRecordsResponse response;
  audit::Place last;
  size_t bytes = 0;
  for (const audit::Record& record : records) {
    audit::v1::AuditRecord proto = audit::ToProto(record);
    bytes += proto.ByteSizeLong();
    const bool full = response.records_size() >= size || bytes > kMaxPageBytes;
    if (full && response.records_size() > 0) {
      response.set_next_page_token(Token(last, query));
      break;
    }
    last = {.time = sql::TimeColumn(record.entry.time), .writer = record.writer, .seq = record.seq};
    *response.add_records() = std::move(proto);
  }
  return response;
}

absl::StatusOr<ListCheckpointsResponse> ListCheckpoints(audit::Log& log,
                                                        const ListCheckpointsRequest& request) {
  const std::string query = "checkpoints";
  NORROY_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  NORROY_ASSIGN_OR_RETURN(const std::optional<audit::Place> from,
                          ParseToken(request.page_token(), query));
  NORROY_ASSIGN_OR_RETURN(const std::vector<audit::KeptCheckpoint> kept,
                          log.Checkpoints(from.has_value() ? from->seq : 0, size + 1));
  ListCheckpointsResponse response;
  int64_t last = 0;
  size_t bytes = 0;
  for (const audit::KeptCheckpoint& one : kept) {
    audit::v1::Checkpoint proto = audit::ToProto(one.checkpoint);
    bytes += proto.ByteSizeLong();
    const bool full = response.checkpoints_size() >= size || bytes > kMaxPageBytes;
    if (full && response.checkpoints_size() > 0) {
      response.set_next_page_token(Token({.time = 0, .writer = "", .seq = last}, query));
      break;
    }
    last = one.number;
    *response.add_checkpoints() = std::move(proto);
  }
  return response;
}

absl::StatusOr<audit::v1::VerifyChainsResponse> Verify(audit::Log& log) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<audit::Head> heads, log.Verify());
  audit::v1::VerifyChainsResponse response;
  for (const audit::Head& head : heads) *response.add_heads() = audit::ToProto(head);
  return response;
}

absl::StatusOr<audit::v1::CreateCheckpointResponse> Sign(audit::Log& log) {
  NORROY_ASSIGN_OR_RETURN(const audit::Checkpoint checkpoint, log.Sign());
  audit::v1::CreateCheckpointResponse response;
  *response.mutable_checkpoint() = audit::ToProto(checkpoint);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* AuditService::ListRecords(grpc::CallbackServerContext* context,
                                                    const ListRecordsRequest* request,
                                                    ListRecordsResponse* response) {
  return Unary(env_, context, request, response,
               [this](const Call&, const ListRecordsRequest& request) {
                 return rpc::ListRecords(log_, request);
               });
}

grpc::ServerUnaryReactor* AuditService::VerifyChains(grpc::CallbackServerContext* context,
                                                     const audit::v1::VerifyChainsRequest* request,
                                                     audit::v1::VerifyChainsResponse* response) {
  return Unary(env_, context, request, response,
               [this](const Call&, const audit::v1::VerifyChainsRequest&) { return Verify(log_); });
}

grpc::ServerUnaryReactor* AuditService::CreateCheckpoint(
    grpc::CallbackServerContext* context, const audit::v1::CreateCheckpointRequest* request,
    audit::v1::CreateCheckpointResponse* response) {
  return Unary(
      env_, context, request, response,
      [this](const Call&, const audit::v1::CreateCheckpointRequest&) { return Sign(log_); });
}

grpc::ServerUnaryReactor* AuditService::ListCheckpoints(grpc::CallbackServerContext* context,
                                                        const ListCheckpointsRequest* request,
                                                        ListCheckpointsResponse* response) {
  return Unary(env_, context, request, response,
               [this](const Call&, const ListCheckpointsRequest& request) {
                 return rpc::ListCheckpoints(log_, request);
               });
}

std::function<void(const Refusal&)> AuditRefusals(audit::Refusals& refusals) {
  return [&refusals](const Refusal& refusal) {
    const std::string reason = ErrorReason(refusal.why);
    refusals.Note(
        {.principal = refusal.principal.empty() ? "unknown" : refusal.principal,
         .action = "call.refused",
         .object = absl::StrCat("method/", refusal.method),
         .detail = absl::StrCat(reason, reason.empty() ? "" : ": ", refusal.why.message()),
         .peer = refusal.peer,
         .outcome = audit::kDenied,
         .trace_id = refusal.trace_id});
  };
}

}  // namespace norroy::rpc

#include "common/rpc/status.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "common/error/error.h"
#include "google/rpc/status.pb.h"
#include "norroy/types/v1/error_info.pb.h"
#include "norroy/types/v1/problem.pb.h"

namespace norroy::rpc {
namespace {

// Peers take at most 8 KiB of trailing metadata by default: the message travels twice (as itself
// and in the details), the details in base64.
constexpr size_t kMaxMessage = 2048;
constexpr size_t kMaxInfo = 1024;
constexpr size_t kMaxProblem = 1024;
constexpr size_t kMaxMetadataValue = 256;
constexpr size_t kMaxProblemText = 512;
// What we read from a peer.
constexpr size_t kMaxDetails = 64 * 1024;
constexpr size_t kMaxReason = 63;

bool IsReason(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxReason &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isupper(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

types::v1::ErrorInfo InfoOf(const absl::Status& status) {
  types::v1::ErrorInfo info;
  const std::string reason = ErrorReason(status);
  info.set_reason(IsReason(reason) ? reason : absl::StatusCodeToString(status.code()));
  info.set_domain("norroy");
  for (const auto& [key, value] : ErrorMetadataOf(status)) {
    auto& metadata = *info.mutable_metadata();
    metadata[Printable(key, kMaxReason)] = Printable(value, kMaxMetadataValue);
    if (info.ByteSizeLong() > kMaxInfo) metadata.erase(Printable(key, kMaxReason));
  }
  return info;
}

// As much of the CA's problem as fits; its last subproblems go first.
types::v1::Problem Fitting(types::v1::Problem problem) {
  problem.set_type(Printable(problem.type(), kMaxProblemText / 2));
  problem.set_detail(Printable(problem.detail(), kMaxProblemText));
  while (problem.subproblems_size() > 0 && problem.ByteSizeLong() > kMaxProblem) {
    problem.mutable_subproblems()->RemoveLast();
  }
  return problem;
}

// A payload that we know, made fit for use; empty for any other.
std::string KnownPayload(const google::protobuf::Any& detail) {
  if (detail.type_url() == kErrorInfoPayload) {
    types::v1::ErrorInfo info;
    if (!info.ParseFromString(detail.value()) || !IsReason(info.reason())) return "";
    return info.SerializeAsString();
  }
  types::v1::Problem problem;
  if (detail.type_url() != kProblemPayload || !problem.ParseFromString(detail.value())) return "";
  return problem.SerializeAsString();
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = Printable(status.message(), kMaxMessage);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::protobuf::Any* info = details.add_details();
  info->set_type_url(kErrorInfoPayload);
  info->set_value(InfoOf(status).SerializeAsString());
  types::v1::Problem problem;
  const absl::optional<absl::Cord> payload = status.GetPayload(kProblemPayload);
  if (payload.has_value() && problem.ParseFromString(std::string(*payload))) {
    google::protobuf::Any* detail = details.add_details();
    detail->set_type_url(kProblemPayload);
    detail->set_value(Fitting(std::move(problem)).SerializeAsString());
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      Printable(status.error_message(), kMaxMessage));
  google::rpc::Status details;
  if (status.error_details().size() > kMaxDetails ||
      !details.ParseFromString(status.error_details())) {
    return result;
  }
  for (const google::protobuf::Any& detail : details.details()) {
    const std::string payload = KnownPayload(detail);
    if (!payload.empty()) result.SetPayload(detail.type_url(), absl::Cord(payload));
  }
  return result;
}

}  // namespace norroy::rpc

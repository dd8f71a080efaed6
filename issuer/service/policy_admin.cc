#include "issuer/service/policy_admin.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/fields.h"
#include "issuer/service/page.h"
#include "issuer/service/policy_convert.h"

namespace norroy::service {
namespace {

using policy::GrantText;

constexpr char kListQuery[] = "policies";

absl::Status CheckComment(const std::string& comment) {
  // Of UTF-8, each character has one byte that does not continue another.
  const auto characters =
      std::count_if(comment.begin(), comment.end(), [](char c) { return (c & 0xc0) != 0x80; });
  if (characters > kMaxPolicyComment) {
    return BadField("comment", absl::StrCat("has ", characters, " characters; at most ",
                                            kMaxPolicyComment, " are allowed"));
  }
  if (Printable(comment, 4 * kMaxPolicyComment) != comment) {
    return BadField("comment", "contains control characters or is not UTF-8");
  }
  return absl::OkStatus();
}

size_t BytesOf(const GrantText& grant) {
  size_t bytes = grant.principal.size();
  for (const auto* list : {&grant.names, &grant.key_types, &grant.cas, &grant.profiles}) {
    for (const std::string& text : *list) bytes += text.size() + 1;
  }
  return bytes;
}

absl::StatusOr<GrantText> ReadGrant(const issuer::v1::IssuanceGrant& grant,
                                    const std::vector<std::string>& cas, int index) {
  const std::string where = absl::StrCat("grants[", index, "]");
  if (grant.names_size() > kMaxNamesPerGrant) {
    return BadField(absl::StrCat(where, ".names"),
                    absl::StrCat("has ", grant.names_size(), " entries; at most ",
                                 kMaxNamesPerGrant, " are allowed: make two grants of it"));
  }
  NORROY_ASSIGN_OR_RETURN(const GrantText text, GrantTextOf(grant, where));
  NORROY_ASSIGN_OR_RETURN(const policy::Grant parsed, policy::ParseGrant(text, where));
  const GrantText normal = policy::NormalForm(text, parsed);
  const absl::Status known = policy::CheckCas({normal}, cas, "grants");
  // That list has one entry; the caller's has more.
  if (!known.ok()) return BadField(absl::StrCat(where, ".cas"), known.message());
  return normal;
}

// Sorted, each once, those of the configuration left out.
absl::StatusOr<std::vector<GrantText>> ReadGrants(const issuer::v1::ApplyPolicyRequest& request,
                                                  const std::vector<std::string>& cas) {
  if (request.grants_size() > kMaxGrants) {
    return BadField("grants", absl::StrCat("has ", request.grants_size(), " entries; at most ",
                                           kMaxGrants, " are allowed"));
  }
  std::vector<GrantText> grants;
  size_t bytes = 0;
  for (int i = 0; i < request.grants_size(); ++i) {
    if (request.grants(i).from_configuration()) continue;
    NORROY_ASSIGN_OR_RETURN(GrantText grant, ReadGrant(request.grants(i), cas, i));
    bytes += BytesOf(grant);
    grants.push_back(std::move(grant));
  }
  if (bytes > kMaxPolicyBytes) {
    return BadField("grants", absl::StrCat("has ", bytes, " bytes of text; at most ",
                                           kMaxPolicyBytes, " are allowed"));
  }
  std::sort(grants.begin(), grants.end());
  grants.erase(std::unique(grants.begin(), grants.end()), grants.end());
  return grants;
}

using GrantProtos = google::protobuf::RepeatedPtrField<issuer::v1::IssuanceGrant>;

// What `all` has and `without` has not; both sorted.
void Difference(const std::vector<GrantText>& all, const std::vector<GrantText>& without,
                GrantProtos& out) {
  std::vector<GrantText> rest;
  std::set_difference(all.begin(), all.end(), without.begin(), without.end(),
                      std::back_inserter(rest));
  for (const GrantText& grant : rest) *out.Add() = ToProto(grant);
}

}  // namespace

absl::StatusOr<issuer::v1::GetPolicyResponse> PolicyAdmin::Get(
    const rpc::Caller&, const issuer::v1::GetPolicyRequest& request) {
  if (request.version() < 0) {
    return BadField("version", "is negative; 0 is the one in force");
  }
  issuer::v1::GetPolicyResponse response;
  int64_t version = request.version();
  if (version == 0) {
    NORROY_ASSIGN_OR_RETURN(version, policies_.Current());
  }
  store::PolicyVersion found;
  if (version > 0) {
    NORROY_ASSIGN_OR_RETURN(found, policies_.Get(version));
  }
  *response.mutable_policy() = ToProto(found);
  if (request.version() == 0) {
    for (const GrantText& grant : configured_.texts) {
      issuer::v1::IssuanceGrant& proto = *response.mutable_policy()->add_grants();
      proto = ToProto(grant);
      proto.set_from_configuration(true);
    }
  }
  for (const GrantText& grant : found.grants) {
    *response.mutable_policy()->add_grants() = ToProto(grant);
  }
  return response;
}

absl::StatusOr<issuer::v1::ApplyPolicyResponse> PolicyAdmin::Apply(
    const rpc::Caller& caller, const issuer::v1::ApplyPolicyRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckComment(request.comment()));
  store::PolicyVersion next;
  NORROY_ASSIGN_OR_RETURN(next.grants, ReadGrants(request, configured_.cas));
  NORROY_ASSIGN_OR_RETURN(const int64_t current, policies_.Current());
  if (current != request.expected_version()) {
    return store::VersionMismatch(request.expected_version(), current);
  }
  absl::StatusOr<store::PolicyVersion> before = store::PolicyVersion();
  if (current > 0) before = policies_.Get(current);
  // One that this program cannot read can only be replaced whole: what it said is not shown.
  const bool unreadable = ErrorReason(before.status()) == "POLICY_UNREADABLE";
  if (!before.ok() && !unreadable) return before.status();
  std::vector<GrantText> old = unreadable ? std::vector<GrantText>() : before->grants;
  std::sort(old.begin(), old.end());
  issuer::v1::ApplyPolicyResponse response;
  response.set_version(current);
  Difference(next.grants, old, *response.mutable_added());
  Difference(old, next.grants, *response.mutable_removed());
  const bool same = response.added().empty() && response.removed().empty() && !unreadable;
  if (request.dry_run() || same) return response;

  next.create_time = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
  next.creator = caller.identity.Principal();
  next.comment = request.comment();
  const std::string detail =
      absl::StrCat("grants added: ", response.added_size(), ", removed: ", response.removed_size(),
                   next.comment.empty() ? "" : absl::StrCat("; ", next.comment));
  NORROY_ASSIGN_OR_RETURN(
      const int64_t version,
      policies_.Apply(next, current, AuditOf(caller, "policy.apply", "", detail)));
  response.set_version(version);
  return response;
}

absl::StatusOr<issuer::v1::ListPoliciesResponse> PolicyAdmin::List(
    const rpc::Caller&, const issuer::v1::ListPoliciesRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const Page page,
                          ParsePage(request.page_size(), request.page_token(), kListQuery));
  // The token names the last version of the page before.
  int64_t before = 0;
  if (!absl::SimpleAtoi(page.after.id, &before)) before = std::numeric_limits<int64_t>::max();
  NORROY_ASSIGN_OR_RETURN(const std::vector<store::PolicyVersion> versions,
                          policies_.List(before, page.limit + 1));
  issuer::v1::ListPoliciesResponse response;
  for (const store::PolicyVersion& version : versions) {
    if (response.policies_size() == page.limit) {
      const int64_t last = response.policies(page.limit - 1).version();
      response.set_next_page_token(PageToken({absl::UnixEpoch(), absl::StrCat(last)}, kListQuery));
      break;
    }
    *response.add_policies() = ToProto(version);
  }
  return response;
}

}  // namespace norroy::service

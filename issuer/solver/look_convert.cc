#include "issuer/solver/look_convert.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::solver {
namespace {

absl::Status Protocol(absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, "VALIDATOR_PROTOCOL",
                   absl::StrCat("the validator's answer to a look ", what));
}

// With room for the "..." of a text that is cut.
std::string Cut(absl::string_view text, size_t max) { return Printable(text, max - 3); }

types::v1::Finding Kept(const types::v1::Finding& finding) {
  types::v1::Finding kept;
  kept.set_severity(types::v1::Severity_IsValid(finding.severity()) ? finding.severity()
                                                                    : types::v1::SEVERITY_ERROR);
  kept.set_code(Cut(finding.code(), kMaxFindingText));
  kept.set_message(Cut(finding.message(), kMaxFindingText));
  kept.set_advice(Cut(finding.advice(), kMaxFindingText));
  return kept;
}

absl::StatusOr<types::v1::View> Kept(const types::v1::View& view, const std::string& address) {
  if (!types::v1::Verdict_IsValid(view.verdict()) ||
      view.verdict() == types::v1::VERDICT_UNSPECIFIED) {
    return Protocol("has a view without a verdict");
  }
  types::v1::View kept;
  kept.set_viewpoint(Cut(view.viewpoint().empty() ? address : view.viewpoint(), kMaxViewpoint));
  kept.set_verdict(view.verdict());
  for (const types::v1::Finding& finding : view.findings()) {
    if (kept.findings_size() == kMaxFindings) break;
    *kept.add_findings() = Kept(finding);
  }
  if (view.has_look_time()) *kept.mutable_look_time() = view.look_time();
  kept.set_again_after_ms(std::max<int64_t>(view.again_after_ms(), 0));
  return kept;
}

}  // namespace

validator::v1::LookRequest ToLookRequest(const LookOrder& order) {
  validator::v1::LookRequest request;
  for (const challenge::Proof& proof : order.proofs) {
    *request.add_proofs() = challenge::ToProto(proof);
  }
  request.mutable_ca()->mutable_caa_identities()->Assign(order.caa_identities.begin(),
                                                         order.caa_identities.end());
  request.mutable_ca()->set_account_uri(order.account_uri);
  return request;
}

absl::StatusOr<std::vector<NameView>> FromProto(const std::vector<challenge::Proof>& proofs,
                                                const validator::v1::LookResponse& response,
                                                const std::string& address) {
  if (response.views_size() != static_cast<int>(proofs.size())) {
    return Protocol("has another number of views than proofs were shown");
  }
  std::vector<NameView> views;
  for (int i = 0; i < response.views_size(); ++i) {
    NORROY_ASSIGN_OR_RETURN(types::v1::View view, Kept(response.views(i), address));
    views.push_back({proofs[i].name, proofs[i].type, std::move(view)});
  }
  return views;
}

validator::v1::LookPersistRequest ToLookRequest(const PersistLook& look) {
  validator::v1::LookPersistRequest request;
  request.set_name(look.name);
  request.set_value(look.value);
  request.set_wildcard(look.wildcard);
  return request;
}

absl::StatusOr<types::v1::View> FromProto(const validator::v1::LookPersistResponse& response,
                                          const std::string& address) {
  return Kept(response.view(), address);
}

types::v1::View Unseen(const std::string& address, const absl::Status& why, absl::Time now) {
  types::v1::View view;
  view.set_viewpoint(Cut(address, kMaxViewpoint));
  view.set_verdict(types::v1::VERDICT_UNKNOWN);
  types::v1::Finding& finding = *view.add_findings();
  finding.set_severity(types::v1::SEVERITY_WARNING);
  finding.set_code("VIEWPOINT_UNREACHABLE");
  finding.set_message(
      Cut(absl::StrCat("validator ", address, " could not be asked to look: ", why.message()),
          kMaxFindingText));
  finding.set_advice("start that validator, or take it out of the issuer's configuration");
  view.mutable_look_time()->set_seconds(absl::ToUnixSeconds(now));
  return view;
}

std::vector<NameView> Unseen(const std::vector<challenge::Proof>& proofs,
                             const std::string& address, const absl::Status& why, absl::Time now) {
  const types::v1::View view = Unseen(address, why, now);
  std::vector<NameView> views;
  for (const challenge::Proof& proof : proofs) views.push_back({proof.name, proof.type, view});
  return views;
}

}  // namespace norroy::solver

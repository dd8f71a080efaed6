#include "cli/revoke.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/certificate_text.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::Certificate;
using issuer::v1::RevocationReason;
using Certificates = issuer::v1::CertificateService;

constexpr int kPage = 1000;
// Of those that are named in a sentence.
constexpr size_t kMostNamed = 10;

absl::StatusOr<Certificate> Revoke(Context& context, Certificates::Stub& stub,
                                   const std::string& id, RevocationReason reason) {
  issuer::v1::RevokeCertificateRequest request;
  request.set_id(id);
  request.set_reason(reason);
  NORROY_ASSIGN_OR_RETURN(auto response,
                          context.Call(stub, &Certificates::Stub::RevokeCertificate, request));
  return std::move(*response.mutable_certificate());
}

absl::StatusOr<std::vector<Certificate>> AllThatCount(Context& context, Certificates::Stub& stub) {
  const absl::Time now = context.clock().Now();
  issuer::v1::ListCertificatesRequest request;
  request.set_page_size(kPage);
  std::vector<Certificate> all;
  do {
    NORROY_ASSIGN_OR_RETURN(auto response,
                            context.Call(stub, &Certificates::Stub::ListCertificates, request));
    for (Certificate& certificate : *response.mutable_certificates()) {
      if (Counts(certificate, now)) all.push_back(std::move(certificate));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

struct Chosen {
  std::vector<Certificate> selected;
  std::vector<std::string> of_same_key;  // ids of others
};

absl::StatusOr<Chosen> Choose(Context& context, Certificates::Stub& stub,
                              const Selection& selection) {
  // The whole list: who shares a key is elsewhere.
  NORROY_ASSIGN_OR_RETURN(const std::vector<Certificate> all, AllThatCount(context, stub));
  const absl::Time now = context.clock().Now();
  Chosen chosen;
  std::set<std::string> keys;
  for (const Certificate& certificate : all) {
    if (!selection.Has(certificate, now)) continue;
    chosen.selected.push_back(certificate);
    keys.insert(certificate.public_key_sha256());
  }
  for (const Certificate& certificate : all) {
    const bool same_key = keys.count(certificate.public_key_sha256()) > 0;
    if (same_key && !selection.Has(certificate, now)) {
      chosen.of_same_key.push_back(certificate.id());
    }
  }
  return chosen;
}

std::string Some(const std::vector<std::string>& ids) {
  const size_t named = std::min(ids.size(), kMostNamed);
  std::string text = absl::StrJoin(ids.begin(), ids.begin() + static_cast<long>(named), ", ");
  if (ids.size() > named) absl::StrAppend(&text, " and ", ids.size() - named, " more");
  return text;
}

std::string Number(size_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

std::vector<std::string> Row(const Certificate& certificate, const std::string& state) {
  return {certificate.id(),
          NamesText(certificate),
          certificate.ca(),
          certificate.creator(),
          TimeText(certificate.not_after()),
          certificate.replaced_by().empty() ? "none" : certificate.replaced_by(),
          state};
}

List MakeList(Context& context) {
  return List(context.output(),
              {"CERTIFICATE", "NAMES", "CA", "CREATOR", "NOT AFTER", "SUCCESSOR", "STATE"});
}

void SayWhatElse(Context& context, const Chosen& chosen, RevocationReason reason) {
  std::vector<std::string> alone;
  for (const Certificate& certificate : chosen.selected) {
    if (certificate.replaced_by().empty()) alone.push_back(certificate.id());
  }
  if (!alone.empty()) {
    context.output().Say(absl::StrCat(
        Number(alone.size(), "certificate"), " without a successor: ", Some(alone),
        "; get one first, with \"norroy cert renew\" or \"norroy sync\" where the key is"));
  }
  if (chosen.of_same_key.empty()) return;
  const bool compromised = reason == issuer::v1::REVOCATION_REASON_KEY_COMPROMISE;
  context.output().Say(absl::StrCat(
      "The same keys have ", Number(chosen.of_same_key.size(), "certificate"),
      " that the selection has not", compromised ? ", whose keys are compromised, too" : "", ": ",
      Some(chosen.of_same_key)));
}

void Show(Context& context, const Chosen& chosen, RevocationReason reason) {
  List list = MakeList(context);
  for (const Certificate& certificate : chosen.selected) {
    list.Add(certificate, Row(certificate, "would be revoked"));
  }
  list.Finish();
  SayWhatElse(context, chosen, reason);
  context.output().Say(chosen.selected.empty()
                           ? "No certificate that is neither revoked nor over is like that."
                           : absl::StrCat("Nothing is revoked yet. To revoke them, add --confirm ",
                                          chosen.selected.size(), "."));
}

absl::Status RevokeAll(Context& context, Certificates::Stub& stub, const Chosen& chosen,
                       RevocationReason reason) {
  List list = MakeList(context);
  size_t failed = 0;
  absl::Status first;
  for (const Certificate& certificate : chosen.selected) {
    const absl::StatusOr<Certificate> revoked = Revoke(context, stub, certificate.id(), reason);
    list.Add(revoked.ok() ? *revoked : certificate,
             Row(certificate, revoked.ok() ? "revoked" : "failed"));
    if (revoked.ok()) continue;
    ++failed;
    context.output().Say(absl::StrCat(certificate.id(), ": ", revoked.status().message()));
    if (first.ok()) first = revoked.status();
  }
  list.Finish();
  SayWhatElse(context, chosen, reason);
  if (failed == 0) return absl::OkStatus();
  return WithContext(
      first, absl::StrCat(failed, " of ", chosen.selected.size(), " were not revoked; the first"));
}

}  // namespace

absl::Status CertRevoke(Context& context, const CertRevokeOptions& options) {
  RevocationReason reason = issuer::v1::REVOCATION_REASON_UNSPECIFIED;
  if (!options.reason.empty()) {
    NORROY_ASSIGN_OR_RETURN(reason, ParseEnum<RevocationReason>("--reason", options.reason));
  }
  if (options.id.empty() == options.selection.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     "give a certificate's id, or what they have in common: --name, --under, "
                     "--serial, --public-key, --ca, --creator, --label");
  }
  NORROY_ASSIGN_OR_RETURN(const Selection selection, Selection::Parse(options.selection));
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  const auto stub = Certificates::NewStub(channel);
  if (!options.id.empty()) {
    NORROY_ASSIGN_OR_RETURN(const Certificate revoked, Revoke(context, *stub, options.id, reason));
    context.output().Object(revoked, CertificateFields(revoked));
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(const Chosen chosen, Choose(context, *stub, selection));
  if (options.confirm < 0) {
    Show(context, chosen, reason);
    return absl::OkStatus();
  }
  if (static_cast<size_t>(options.confirm) != chosen.selected.size()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "COUNT_DIFFERS",
                     absl::StrCat("--confirm ", options.confirm, ": the selection has ",
                                  Number(chosen.selected.size(), "certificate"),
                                  " now; nothing was revoked. Look again without --confirm"));
  }
  return RevokeAll(context, *stub, chosen, reason);
}

}  // namespace norroy::cli

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/cert.h"
#include "cli/exit_code.h"
#include "cli/renewal.h"
#include "cli/text.h"
#include "common/crypto/certificate.h"
#include "common/crypto/latest_renewal.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using issuer::v1::Certificate;

constexpr size_t kMaxFile = 1024 * 1024;

// What is to be renewed and when; unset: nothing is there.
struct Verdict {
  std::string what;
  absl::Time renewal_time;
};

bool IsFile(const std::string& what) {
  std::error_code error;
  return absl::StrContains(what, "/") || absl::EndsWith(what, ".pem") ||
         absl::EndsWith(what, ".crt") || std::filesystem::is_regular_file(what, error);
}

Verdict VerdictOn(const Certificate& certificate) {
  const bool revoked = certificate.has_revoke_time();
  return {absl::StrCat("certificate ", certificate.id()),
          revoked ? absl::InfinitePast() : FromProto(certificate.renewal_time())};
}

absl::StatusOr<std::optional<Verdict>> OfFile(Context& context, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::optional<Verdict>();
  NORROY_ASSIGN_OR_RETURN(const std::string pem, identity::ReadFile(path, kMaxFile));
  absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::ParsePem(pem);
  if (!leaf.ok()) return WithContext(leaf.status(), path);
  Verdict verdict{path, crypto::LatestRenewal(leaf->not_before(), leaf->not_after())};
  if (leaf->names().empty()) return std::optional<Verdict>(verdict);
  // The issuer knows what the CA suggests. A certificate of elsewhere, and one that the issuer
  // cannot be asked about, is judged by its dates: being late is worse than being early.
  const auto known = FindCertificate(context, leaf->names().front().text(), leaf->serial());
  if (!known.ok()) {
    context.output().Say(absl::StrCat("judged by its dates alone: ", known.status().message()));
  } else if (known->has_value()) {
    verdict.renewal_time = VerdictOn(**known).renewal_time;
  }
  return std::optional<Verdict>(verdict);
}

absl::StatusOr<std::optional<Verdict>> OfNameOrId(Context& context, const std::string& what) {
  const bool id =
      what.size() == 32 && what.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (id) {
    const auto certificate = CertificateByEither(context, what);
    if (absl::IsNotFound(certificate.status())) return std::optional<Verdict>();
    if (!certificate.ok()) return certificate.status();
    return std::optional<Verdict>(VerdictOn(*certificate));
  }
  NORROY_ASSIGN_OR_RETURN(const std::optional<Certificate> newest,
                          FindCertificate(context, what, ""));
  if (!newest.has_value()) return std::optional<Verdict>();
  return std::optional<Verdict>(VerdictOn(*newest));
}

}  // namespace

absl::Status CertNeedsRenewal(Context& context, const std::string& what) {
  const absl::StatusOr<std::optional<Verdict>> verdict =
      IsFile(what) ? OfFile(context, what) : OfNameOrId(context, what);
  if (!verdict.ok()) {
    context.output().Say(absl::StrCat("norroy: ", Explain(verdict.status())));
    return ExitWith(kRenewalUnknown);
  }
  if (!verdict->has_value()) {
    context.output().Say(absl::StrCat(Printable(what), ": there is no such certificate"));
    return ExitWith(kNothingToRenew);
  }
  const bool due = context.clock().Now() >= (*verdict)->renewal_time;
  context.output().Say(absl::StrCat(
      (*verdict)->what, due ? " is to be renewed" : " need not be renewed before ",
      due ? ""
          : absl::FormatTime(absl::RFC3339_sec, (*verdict)->renewal_time, absl::UTCTimeZone())));
  return ExitWith(due ? kNeedsRenewal : kNeedsNoRenewal);
}

}  // namespace norroy::cli

#include "cli/sync_decision.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace norroy::cli {
namespace {

constexpr absl::Duration kShortLife = absl::Hours(24 * 10);

std::string NamesText(const std::vector<challenge::Name>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const challenge::Name& name) {
    absl::StrAppend(out, name.text());
  });
}

std::string TimeOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// What differs between what is wanted and what is there.
std::string Differs(const WantedCertificate& wanted, const crypto::Certificate& installed,
                    const std::optional<IssuerView>& view) {
  if (installed.names() != wanted.domains) {
    return absl::StrCat("names changed: it is for ", NamesText(installed.names()));
  }
  const auto key = installed.public_key();
  if (!key.ok() || key->type() != wanted.key_type) {
    return absl::StrCat("key type changed: it has ",
                        key.ok() ? crypto::KeyTypeName(key->type()) : "another kind",
                        ", wanted is ", crypto::KeyTypeName(wanted.key_type));
  }
  if (!view.has_value()) return "";
  if (!wanted.ca.empty() && view->ca != wanted.ca) {
    return absl::StrCat("CA changed: it is from ", view->ca);
  }
  if (!wanted.profile.empty() && view->profile != wanted.profile) {
    return absl::StrCat("profile changed: it has ",
                        view->profile.empty() ? "the CA's default" : view->profile);
  }
  return "";
}

}  // namespace

absl::Time RenewalTime(const crypto::Certificate& leaf, const std::optional<IssuerView>& view) {
  const absl::Duration life = leaf.not_after() - leaf.not_before();
  if (view.has_value() && view->renewal_time.has_value()) {
    return std::min(*view->renewal_time, leaf.not_after() - life / 10);
  }
  return leaf.not_after() - (life <= kShortLife ? life / 2 : life / 3);
}

std::string WhyRenew(const WantedCertificate& wanted, const crypto::Certificate* installed,
                     const std::optional<IssuerView>& view, absl::Time now) {
  if (installed == nullptr) return "there is none yet";
  if (view.has_value() && view->revoked) return "it is revoked";
  std::string differs = Differs(wanted, *installed, view);
  if (!differs.empty()) return differs;
  if (installed->not_after() <= now) {
    return absl::StrCat("it ended at ", TimeOf(installed->not_after()));
  }
  const absl::Time due = RenewalTime(*installed, view);
  if (due <= now) return absl::StrCat("renewal is due since ", TimeOf(due));
  return "";
}

}  // namespace norroy::cli

#ifndef NORROY_ISSUER_RENEWAL_POLL_H_
#define NORROY_ISSUER_RENEWAL_POLL_H_

// One question to a CA about one certificate, and what follows from the answer for its row.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "issuer/acme/client.h"
#include "issuer/acme/renewal_info.h"
#include "issuer/flow/certificate.h"
#include "issuer/store/renewals.h"

namespace norroy::renewal {

// The leaf's RenewalId, and with it the CA's answer. As Client::GetRenewalInfo, and NO_RENEWAL_ID.
absl::StatusOr<acme::RenewalInfo> AskCa(acme::Client& client,
                                        const flow::StoredCertificate& certificate);

// Puts the answer into the row: plan, next poll. An error is an answer too: the plan stays, so that
// nothing that a CA does or fails to do makes a renewal late. `fraction`: uniform in [0, 1).
void NoteAnswer(const absl::StatusOr<acme::RenewalInfo>& answer, absl::Time now, double fraction,
                store::Renewal& renewal);

// The CA, not this certificate, is the trouble: it is left alone for a while.
bool IsCasTrouble(const absl::Status& status);

}  // namespace norroy::renewal

#endif  // NORROY_ISSUER_RENEWAL_POLL_H_

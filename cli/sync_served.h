#ifndef NORROY_CLI_SYNC_SERVED_H_
#define NORROY_CLI_SYNC_SERVED_H_

// Which certificate a server serves: a TLS handshake that ends once the server has shown it. What
// is shown is looked at, not believed; nothing is sent. For mail servers the handshake comes after
// STARTTLS (RFC 3207).

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/sync_settings.h"
#include "common/crypto/certificate.h"

namespace norroy::cli {

// Of the first of the host's addresses that takes the connection; within `timeout`.
// FAILED_PRECONDITION, reason NOT_SERVED, says what there was instead: no connection, no TLS, no
// STARTTLS.
absl::StatusOr<crypto::Certificate> ServedCertificate(const ServeTarget& target,
                                                      absl::Duration timeout);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_SERVED_H_

#ifndef NORROY_ISSUER_FLOW_DEACTIVATING_H_
#define NORROY_ISSUER_FLOW_DEACTIVATING_H_

// RFC 8555 7.5.2: an authorization is given back.

#include <string>

#include "absl/status/statusor.h"
#include "issuer/acme/client.h"

namespace norroy::flow {

// True: it is deactivated now. False: it was over already, as the CA says when it is asked after a
// refusal (a reply that got lost, an end by time). At most two requests.
absl::StatusOr<bool> Deactivate(acme::Client& ca, const std::string& url);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_DEACTIVATING_H_

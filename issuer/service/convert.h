#ifndef NORROY_ISSUER_SERVICE_CONVERT_H_
#define NORROY_ISSUER_SERVICE_CONVERT_H_

// Our values as the API shows them. Pure functions.

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "issuer/flow/certificate.h"
#include "issuer/flow/order.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/account_service.pb.h"
#include "norroy/issuer/v1/certificate_service.pb.h"
#include "norroy/issuer/v1/order_service.pb.h"

namespace norroy::service {

// Whole microseconds, so that a time reads the same before and after it was stored.
google::protobuf::Timestamp ToTimestamp(absl::Time time);

// RFC 8555 7.1.6 as callers know it: PROCESSING from the moment a CSR was handed in (a renewed
// validation included), the ending itself while the engine still cleans up for it.
issuer::v1::OrderState StateOf(const flow::Order& order);
// The inner states that may show as `state`; StateOf decides.
std::vector<flow::State> InnerStates(issuer::v1::OrderState state);

issuer::v1::Order ToProto(const flow::Order& order);
// Changes with every change that ToProto shows.
std::string EtagOf(const flow::Order& order);

// Without its chains: lists.
issuer::v1::Certificate ToListedProto(const flow::StoredCertificate& certificate);
issuer::v1::Certificate ToProto(const flow::StoredCertificate& certificate);

issuer::v1::Account ToProto(const store::AccountRecord& account);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_CONVERT_H_

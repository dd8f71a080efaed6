#ifndef NORROY_VALIDATOR_PREFLIGHT_PERSIST_LOOK_H_
#define NORROY_VALIDATOR_PREFLIGHT_PERSIST_LOOK_H_

// dns-persist-01: a TXT record at _validation-persist.<name> that lets one account of one CA be
// validated for a name for as long as it stands, held against the text that it should have.

#include "common/dns/name.h"
#include "validator/preflight/deadline.h"
#include "validator/preflight/persist_record.h"
#include "validator/preflight/sight.h"
#include "validator/preflight/viewpoint.h"

namespace norroy::validator::preflight {

struct PersistQuestion {
  dns::Name name;          // "example.com"
  PersistRecord expected;  // issuer and account count
  bool wildcard = false;   // it must let the CA issue for wildcards, too
};

Sight PersistLook(const Viewpoint& viewpoint, const PersistQuestion& question,
                  const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_PERSIST_LOOK_H_

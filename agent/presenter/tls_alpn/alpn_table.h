#ifndef NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_TABLE_H_
#define NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_TABLE_H_

// What a TLS-ALPN-01 responder answers: server name to certificate, one each (RFC 8737 3).

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/presenter/tls_alpn/alpn_certificate.h"
#include "common/challenge/proof.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

// Immutable once it is in the table.
struct AlpnEntry {
  challenge::Proof proof;
  AlpnCertificate answer;
};

// Thread-safe. Add and Remove hold for every Find that begins after they return.
class AlpnTable {
 public:
  // The same proof again is OK; another one for its name is ALREADY_EXISTS.
  absl::Status Add(const challenge::Proof& proof, absl::Time now);
  // Removes this very proof; one that is not there is fine.
  void Remove(const challenge::Proof& proof);
  // Null if nothing answers this name. Lower case.
  std::shared_ptr<const AlpnEntry> Find(absl::string_view server_name);

 private:
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const AlpnEntry>> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_TABLE_H_

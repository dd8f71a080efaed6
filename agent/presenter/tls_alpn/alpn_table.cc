#include "agent/presenter/tls_alpn/alpn_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace norroy::agent {

absl::Status AlpnTable::Add(const challenge::Proof& proof, absl::Time now) {
  const std::string server_name = proof.alpn_server_name();
  MutexLock lock(&mutex_);
  const auto present = entries_.find(server_name);
  if (present == entries_.end()) {
    NORROY_ASSIGN_OR_RETURN(AlpnCertificate answer, MakeAlpnCertificate(proof, now));
    entries_.emplace(server_name, std::make_shared<const AlpnEntry>(
                                      AlpnEntry{.proof = proof, .answer = std::move(answer)}));
    return absl::OkStatus();
  }
  if (present->second->proof == proof) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat("tls_alpn: ", proof.name.text(),
                   " is being answered for another order already, and one certificate is all that "
                   "a name can show (RFC 8737): it is free when that order is done"));
}

void AlpnTable::Remove(const challenge::Proof& proof) {
  MutexLock lock(&mutex_);
  const auto present = entries_.find(proof.alpn_server_name());
  if (present != entries_.end() && present->second->proof == proof) entries_.erase(present);
}

std::shared_ptr<const AlpnEntry> AlpnTable::Find(absl::string_view server_name) {
  MutexLock lock(&mutex_);
  const auto present = entries_.find(std::string(server_name));
  return present == entries_.end() ? nullptr : present->second;
}

}  // namespace norroy::agent

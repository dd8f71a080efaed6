#include "agent/presenter/http/http_table.h"

#include "absl/strings/str_cat.h"

namespace norroy::agent {

absl::Status HttpTable::Add(const challenge::Proof& proof) {
  MutexLock lock(&mutex_);
  auto& hosts = answers_[proof.http_path()];
  const std::string& host = proof.name.identifier().value();
  const std::string& answer = proof.key_authorization.value();
  const auto [at, added] = hosts.emplace(host, answer);
  if (!added && at->second != answer) {
    return absl::AlreadyExistsError(absl::StrCat("http://", host, proof.http_path(),
                                                 " is being answered for another account already"));
  }
  return absl::OkStatus();
}

void HttpTable::Remove(const challenge::Proof& proof) {
  MutexLock lock(&mutex_);
  const auto hosts = answers_.find(proof.http_path());
  if (hosts == answers_.end()) return;
  const auto answer = hosts->second.find(proof.name.identifier().value());
  if (answer == hosts->second.end() || answer->second != proof.key_authorization.value()) return;
  hosts->second.erase(answer);
  if (hosts->second.empty()) answers_.erase(hosts);
}

std::optional<std::string> HttpTable::Find(absl::string_view host, absl::string_view path) {
  MutexLock lock(&mutex_);
  const auto hosts = answers_.find(std::string(path));
  if (hosts == answers_.end()) return std::nullopt;
  const auto answer = hosts->second.find(std::string(host));
  if (answer != hosts->second.end()) return answer->second;
  const bool any = options_.any_host || options_.accept_hosts.count(std::string(host)) > 0;
  if (!any) return std::nullopt;
  return hosts->second.begin()->second;
}

}  // namespace norroy::agent

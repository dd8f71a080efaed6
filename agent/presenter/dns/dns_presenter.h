#ifndef NORROY_AGENT_PRESENTER_DNS_DNS_PRESENTER_H_
#define NORROY_AGENT_PRESENTER_DNS_DNS_PRESENTER_H_

// DNS-01 (RFC 8555 8.4) through a TxtWriter: follows the CNAMEs of _acme-challenge.<name> itself,
// at most 8, and writes only where they end inside the writer's zones.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/presenter/dns/owner_turns.h"
#include "agent/presenter/dns/txt_writer.h"
#include "agent/presenter/presenter.h"
#include "common/dns/resolver.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

class DnsPresenter final : public Presenter {
 public:
  // `resolver` outlives it. name() is the writer's kind and its first zone.
  DnsPresenter(dns::Resolver& resolver, std::unique_ptr<TxtWriter> writer);

  const std::string& name() const override { return name_; }
  challenge::ChallengeType type() const override { return challenge::ChallengeType::kDns01; }
  std::vector<std::string> zones() const override;
  bool may_wait() const override { return true; }

  // The owner name at the end of the CNAMEs. NOT_FOUND, reason FOREIGN_ZONE, with the path, if that
  // is in none of the writer's zones. An _acme-challenge name that is in a zone of the writer and
  // has no CNAME is its own owner.
  absl::StatusOr<std::string> Locate(const challenge::Proof& proof) override;
  // The place says the owner: "TXT _acme-challenge.www.example.com at 192.0.2.53:53 (rfc2136)". A
  // location outside the zones is refused, whatever the journal says.
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override;
  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override;
  Answers answers() override;

 private:
  dns::Resolver& resolver_;
  const std::unique_ptr<TxtWriter> writer_;
  const std::string name_;
  Mutex mutex_;
  // Owner and value. Two proofs may need one value at one owner (a CA that gives one token to two
  // names that lead to one owner): it goes with the last of them.
  using Place = std::pair<std::string, std::string>;
  absl::Status Busy(const Place& place) const;
  std::map<Place, std::set<std::string>> users_ ABSL_GUARDED_BY(mutex_);  // names of the proofs
  Turns<Place> turns_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DNS_DNS_PRESENTER_H_

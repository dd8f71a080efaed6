#ifndef NORROY_TESTS_HARNESS_PAIR_H_
#define NORROY_TESTS_HARNESS_PAIR_H_

// Two issuers and two validators on one PostgreSQL server: a Deployment, and a second process of
// each kind beside its first, made as docs/high-availability.md says. Agents that are added attach
// to both validators; the CLI knows all addresses.

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/ca_place.h"
#include "tests/harness/deployment.h"
#include "tests/harness/postgres.h"
#include "tests/harness/process.h"

namespace norroy::harness {

class Pair {
 public:
  // `init`: further words of `norroy init`. Serves when it returns.
  static std::unique_ptr<Pair> Start(const std::string& dir, const CaPlace& ca, Postgres& postgres,
                                     const std::vector<std::string>& init = {});

  // The first ones of each, the agents and the CLI.
  Deployment& first() { return *first_; }

  // 0 or 1.
  void StartIssuer(int which);
  void StartValidator(int which);
  Process& issuer(int which) { return which == 0 ? first_->issuer() : *issuer_; }
  Process& validator(int which) { return which == 0 ? first_->validator() : *validator_; }
  const std::string& issuer_address(int which) const { return issuers_[which]; }
  const std::string& validator_address(int which) const { return validators_[which]; }
  // SIGKILL, and gone when it returns.
  static void Kill(Process& process);

  // Answers calls itself.
  bool IssuerServes(int which);
  bool ValidatorServes(int which);
  // At both validators.
  bool IsAttached(const std::string& agent);
  std::string Logs() const;

 private:
  void MakeSecondIssuer();
  void MakeSecondValidator();
  std::string dir() const { return first_->dir(); }

  std::unique_ptr<Deployment> first_;
  std::unique_ptr<Process> issuer_;
  std::unique_ptr<Process> validator_;
  std::string issuers_[2];
  std::string validators_[2];
  std::string agent_links_[2];
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_PAIR_H_

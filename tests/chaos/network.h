#ifndef NORROY_TESTS_CHAOS_NETWORK_H_
#define NORROY_TESTS_CHAOS_NETWORK_H_

// Three hosts as network namespaces: this one (issuer, CA, caller), the validator's and the
// agent's, with a cable between each two that can be cut. What is sent into a cut cable is lost
// without a word, as where a machine lost its power: connections stay open on both sides.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace norroy::chaos {

class Network {
 public:
  enum class Cable { kIssuerValidator, kValidatorAgent, kIssuerAgent };

  // Needs root and the kernel's namespaces; the error says what is missing.
  static absl::StatusOr<std::unique_ptr<Network>> Make();
  // Everything in the namespaces has ended.
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  void Cut(Cable cable);
  void Mend(Cable cable);

  // The validator as issuer and agent see it, the agent as the CA sees it.
  std::string validator_for_issuer() const { return Address(0, 2); }
  std::string validator_for_agent() const { return Address(1, 1); }
  std::string agent_for_ca() const { return Address(2, 2); }
  // Before the command line of what runs there.
  std::vector<std::string> on_validator() const { return In(validator_); }
  std::vector<std::string> on_agent() const { return In(agent_); }

 private:
  Network();
  std::string Address(int cable, int end) const;
  static std::vector<std::string> In(const std::string& space);
  absl::Status Lay(int cable, const std::string& from, const std::string& to);

  const int number_;
  const std::string validator_;
  const std::string agent_;
};

}  // namespace norroy::chaos

#endif  // NORROY_TESTS_CHAOS_NETWORK_H_

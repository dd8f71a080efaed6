#include "tests/chaos/network.h"

#include <unistd.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "tests/harness/process.h"

namespace norroy::chaos {
namespace {

absl::Status Ip(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"ip"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const harness::Output output = harness::RunProgram(argv);
  if (output.code == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(absl::StrJoin(argv, " "), ": ", output.err));
}

// `ip`, for a namespace; "" is this one.
std::vector<std::string> At(const std::string& space, std::vector<std::string> arguments) {
  if (!space.empty()) arguments.insert(arguments.begin(), {"-n", space});
  return arguments;
}

}  // namespace

Network::Network()
    : number_(getpid() % 250),
      validator_(absl::StrCat("norroy-v", number_)),
      agent_(absl::StrCat("norroy-a", number_)) {}

std::string Network::Address(int cable, int end) const {
  return absl::StrCat("10.213.", number_, ".", 4 * cable + end);
}

std::vector<std::string> Network::In(const std::string& space) {
  return {"ip", "netns", "exec", space};
}

absl::Status Network::Lay(int cable, const std::string& from, const std::string& to) {
  const std::string left = absl::StrCat("nr", number_, "l", cable);
  const std::string right = absl::StrCat("nr", number_, "r", cable);
  NORROY_RETURN_IF_ERROR(
      Ip({"link", "add", left, "type", "veth", "peer", "name", right, "netns", to}));
  if (!from.empty()) NORROY_RETURN_IF_ERROR(Ip({"link", "set", left, "netns", from}));
  NORROY_RETURN_IF_ERROR(Ip(At(from, {"addr", "add", Address(cable, 1) + "/30", "dev", left})));
  NORROY_RETURN_IF_ERROR(Ip(At(to, {"addr", "add", Address(cable, 2) + "/30", "dev", right})));
  NORROY_RETURN_IF_ERROR(Ip(At(from, {"link", "set", left, "up"})));
  return Ip(At(to, {"link", "set", right, "up"}));
}

absl::StatusOr<std::unique_ptr<Network>> Network::Make() {
  auto network = absl::WrapUnique(new Network());
  for (const std::string& space : {network->validator_, network->agent_}) {
    NORROY_RETURN_IF_ERROR(Ip({"netns", "add", space}));
    NORROY_RETURN_IF_ERROR(Ip({"-n", space, "link", "set", "lo", "up"}));
  }
  NORROY_RETURN_IF_ERROR(network->Lay(0, "", network->validator_));
  NORROY_RETURN_IF_ERROR(network->Lay(1, network->validator_, network->agent_));
  NORROY_RETURN_IF_ERROR(network->Lay(2, "", network->agent_));
  return network;
}

Network::~Network() {
  // The cables go with them.
  for (const std::string& space : {validator_, agent_}) (void)Ip({"netns", "del", space});
}

void Network::Cut(Cable cable) {
  const int number = static_cast<int>(cable);
  const std::string& to = cable == Cable::kIssuerValidator ? validator_ : agent_;
  NORROY_CHECK(
      Ip({"-n", to, "link", "set", absl::StrCat("nr", number_, "r", number), "down"}).ok());
}

void Network::Mend(Cable cable) {
  const int number = static_cast<int>(cable);
  const std::string& to = cable == Cable::kIssuerValidator ? validator_ : agent_;
  NORROY_CHECK(Ip({"-n", to, "link", "set", absl::StrCat("nr", number_, "r", number), "up"}).ok());
}

}  // namespace norroy::chaos

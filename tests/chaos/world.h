#ifndef NORROY_TESTS_CHAOS_WORLD_H_
#define NORROY_TESTS_CHAOS_WORLD_H_

// One deployment of real processes with failpoints, its CA, and somebody who orders.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/chaos/caller.h"
#include "tests/chaos/network.h"
#include "tests/chaos/table.h"
#include "tests/harness/ca_server.h"
#include "tests/harness/deployment.h"
#include "tests/harness/postgres.h"

namespace norroy::chaos {

inline constexpr char kAgent[] = "web1";
// proof_lease_seconds.
inline constexpr absl::Duration kLease = absl::Seconds(5);

class World {
 public:
  // Serves when it is made. `first`: the issuer dies at this failpoint ("name:1:kill") in its first
  // start.
  World(const Row& row, bool postgres, const std::string& first = "");
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  harness::Deployment& norroy() { return *norroy_; }
  harness::CaServer& ca() { return *ca_; }
  Caller& caller() { return *caller_; }
  const std::string& dir() const { return dir_; }
  int http_port() const { return http_port_; }
  // Of the web server, or "" where the agent listens.
  const std::string& webroot() const { return webroot_; }
  // kReadOnly, kDiskFull: a file system of its own, 16 MiB.
  std::string volume() const { return dir_ + "/volume"; }

  // Ends the part in order and starts it with this in NORROY_FAILPOINTS; serves when it returns,
  // or when it has died of them already.
  void Restart(Part part, const std::string& failpoints, bool await = true);
  harness::Process& process(Part part);
  // If there is one.
  harness::Postgres* postgres() { return postgres_.get(); }
  // kCut alone.
  Network& network() { return *network_; }
  // kClockJump alone: by how much the part's clock is wrong from now on ("+3600").
  void SetClock(const std::string& seconds);
  // A name that was not ordered yet.
  std::string NewName();

  // What is left at the agent: presentations that the validator counts, entries of its journal,
  // answers at its port, files.
  int ProofsLeft();

 private:
  // What is special about the row's surroundings.
  void Prepare(harness::Deployment::Options& options);
  std::vector<std::string> FakedTime() const;
  void AddAgent();
  void Start(Part part, const std::string& failpoints);
  bool Serves(Part part);
  int Presented();
  int JournalEntries();
  int Answers();
  int Files();

  const Row& row_;
  std::string dir_;
  int http_port_ = 0;
  std::string webroot_;
  int names_ = 0;
  std::unique_ptr<Network> network_;
  std::unique_ptr<harness::Postgres> postgres_;
  std::unique_ptr<harness::CaServer> ca_;
  std::unique_ptr<harness::Process> web_server_;
  std::unique_ptr<harness::Deployment> norroy_;
  std::unique_ptr<Caller> caller_;
};

}  // namespace norroy::chaos

#endif  // NORROY_TESTS_CHAOS_WORLD_H_

#ifndef NORROY_TESTS_BENCH_WORLD_H_
#define NORROY_TESTS_BENCH_WORLD_H_

// What suites measure: a whole deployment with one agent beside a CA, and a bare loop with a CA of
// its own of the same kind, so that neither slows the other down.

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/bare_loop.h"
#include "tests/bench/order_client.h"
#include "tests/harness/ca_server.h"
#include "tests/harness/deployment.h"
#include "tests/harness/pebble.h"

namespace norroy::bench {

// Pebble without its sleeps.
class PebbleWorld {
 public:
  // With `reuse` it keeps valid authorizations, else none.
  explicit PebbleWorld(const std::string& name, bool reuse = false);

  harness::Deployment& norroy() { return *norroy_; }
  OrderClient& client() { return *client_; }
  BareLoop& floor() { return *floor_; }

 private:
  std::unique_ptr<harness::Pebble> pebble_;
  std::unique_ptr<harness::Pebble> floor_pebble_;
  std::unique_ptr<harness::Deployment> norroy_;
  std::unique_ptr<Responder> responder_;
  std::unique_ptr<BareLoop> floor_;
  std::unique_ptr<OrderClient> client_;
};

// The project's own CA, which is cheaper than Pebble and can say what it was asked.
class FakeCaWorld {
 public:
  explicit FakeCaWorld(const std::string& name, harness::CaServerOptions options = {});

  harness::Deployment& norroy() { return *norroy_; }
  OrderClient& client() { return *client_; }
  harness::CaServer& ca() { return *ca_; }
  // With accounts of their own at the second CA.
  std::vector<std::unique_ptr<BareLoop>> MakeFloors(int count);
  std::vector<pid_t> pids() const;  // issuer, validator, agent

 private:
  std::unique_ptr<harness::CaServer> ca_;
  std::unique_ptr<harness::CaServer> floor_ca_;
  std::unique_ptr<harness::Deployment> norroy_;
  std::unique_ptr<Responder> responder_;
  std::unique_ptr<OrderClient> client_;
};

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_WORLD_H_

#include "tests/bench/world.h"

#include "absl/strings/str_cat.h"

namespace norroy::bench {
namespace {

using harness::CaPlace;
using harness::CaServer;
using harness::CaServerOptions;
using harness::Deployment;
using harness::Pebble;

// For a caller that does nothing else.
constexpr char kBusyCaller[] =
    "callers:\n  calls_per_second: 10000\n  burst: 10000\n  calls_at_once: 1000\n";

// The grant of requester/bench has no quota that a benchmark could reach.
std::unique_ptr<Deployment> StartNorroy(const std::string& dir, const CaPlace& ca) {
  auto norroy =
      Deployment::Start(dir, ca,
                        {.grants = absl::StrCat("  - principal: requester/", kRequester,
                                                "\n    names:\n      - .example.test\n    quota:\n"
                                                "      orders_per_day: 100000\n"
                                                "      orders_per_domain_per_day: 100000\n"),
                         .issuer = kBusyCaller});
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .http_port = ca.http_port});
  return norroy;
}

std::unique_ptr<Pebble> StartPebble(const std::string& dir, int port, bool reuse) {
  return Pebble::Start(
      dir, {.http_port = port, .nonce_reject_percent = 0, .authz_reuse_percent = reuse ? 100 : 0});
}

}  // namespace

PebbleWorld::PebbleWorld(const std::string& name, bool reuse) {
  const std::string dir = harness::TempDir(name);
  pebble_ = StartPebble(dir, harness::FreePort(), reuse);
  const int floor_port = harness::FreePort();
  floor_pebble_ = StartPebble(harness::TempDir(absl::StrCat(name, "_floor")), floor_port, reuse);
  norroy_ = StartNorroy(dir, pebble_->place());
  client_ = std::make_unique<OrderClient>(*norroy_);
  responder_ = std::make_unique<Responder>(floor_port);
  floor_ = std::make_unique<BareLoop>(floor_pebble_->place(), *responder_);
}

FakeCaWorld::FakeCaWorld(const std::string& name, CaServerOptions options) {
  const std::string dir = harness::TempDir(name);
  options.nonce_rejection_percent = 0;
  options.http_port = harness::FreePort();
  ca_ = CaServer::Start(dir, options);
  options.http_port = harness::FreePort();
  floor_ca_ = CaServer::Start(harness::TempDir(absl::StrCat(name, "_floor")), options);
  norroy_ = StartNorroy(dir, ca_->place());
  client_ = std::make_unique<OrderClient>(*norroy_);
  responder_ = std::make_unique<Responder>(options.http_port);
}

std::vector<std::unique_ptr<BareLoop>> FakeCaWorld::MakeFloors(int count) {
  std::vector<std::unique_ptr<BareLoop>> floors;
  for (int i = 0; i < count; ++i) {
    floors.push_back(std::make_unique<BareLoop>(floor_ca_->place(), *responder_));
  }
  return floors;
}

std::vector<pid_t> FakeCaWorld::pids() const {
  return {norroy_->issuer().pid(), norroy_->validator().pid(), norroy_->agent("web1").pid()};
}

}  // namespace norroy::bench

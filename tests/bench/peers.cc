#include "tests/bench/peers.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "tests/harness/pebble.h"
#include "tests/harness/process.h"

namespace norroy::bench {
namespace {

using harness::Pebble;

std::vector<std::string> CommandOf(const std::string& peer, const std::string& dir,
                                   const Pebble& pebble, const std::vector<std::string>& names) {
  std::vector<std::string> argv;
  if (peer == "lego") {
    argv = {"/usr/bin/lego",
            "--server",
            pebble.directory_url(),
            "--accept-tos",
            "--email",
            "bench@example.test",
            "--path",
            dir,
            "--http",
            "--http.port",
            absl::StrCat("127.0.0.1:", pebble.options().http_port)};
    for (const std::string& name : names) argv.insert(argv.end(), {"--domains", name});
    argv.emplace_back("run");
    return argv;
  }
  argv = {"/usr/bin/certbot",  "certonly",
          "--non-interactive", "--standalone",
          "--agree-tos",       "--register-unsafely-without-email",
          "--http-01-port",    absl::StrCat(pebble.options().http_port),
          "--http-01-address", "127.0.0.1",
          "--server",          pebble.directory_url(),
          "--config-dir",      dir + "/config",
          "--work-dir",        dir + "/work",
          "--logs-dir",        dir + "/logs",
          "--key-type",        "ecdsa"};
  for (const std::string& name : names) argv.insert(argv.end(), {"-d", name});
  return argv;
}

}  // namespace

std::optional<Times> MeasurePeer(const std::string& peer, int names, int runs) {
  if (access(absl::StrCat("/usr/bin/", peer).c_str(), X_OK) != 0) return std::nullopt;
  const std::string dir = harness::TempDir(peer);
  const auto pebble = Pebble::Start(
      dir, {.http_port = harness::FreePort(), .nonce_reject_percent = 0, .authz_reuse_percent = 0});
  const std::vector<std::string> environment = {
      absl::StrCat("LEGO_CA_CERTIFICATES=", pebble->tls_root_file()),
      absl::StrCat("REQUESTS_CA_BUNDLE=", pebble->tls_root_file()), absl::StrCat("HOME=", dir)};
  Times times;
  // The first makes the account, and does not count.
  for (int run = 0; run <= runs; ++run) {
    std::vector<std::string> wanted;
    for (int i = 0; i < (run == 0 ? 1 : names); ++i) {
      wanted.push_back(absl::StrCat("peer", run, "-", i, ".example.test"));
    }
    const absl::Time begin = absl::Now();
    const harness::Output output =
        harness::RunProgram(CommandOf(peer, dir, *pebble, wanted), environment, absl::Minutes(10));
    if (output.code != 0) std::fprintf(stderr, "%s%s", output.out.c_str(), output.err.c_str());
    NORROY_CHECK(output.code == 0);
    if (run > 0) times.push_back(absl::Now() - begin);
  }
  return times;
}

}  // namespace norroy::bench

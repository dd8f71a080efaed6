#include "tests/harness/pebble.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/crypto/key.h"
#include "tests/harness/loopback_tls.h"

namespace norroy::harness {
namespace {

// The members of Pebble's configuration that ask for external account binding.
std::string ExternalAccounts(const PebbleOptions& options) {
  if (options.eab_keys.empty()) return "";
  const std::string keys =
      absl::StrJoin(options.eab_keys, ", ", [](std::string* out, const auto& key) {
        absl::StrAppend(out, "\"", key.first, "\": \"", key.second, "\"");
      });
  return absl::StrCat(R"(, "externalAccountBindingRequired": true, "externalAccountMACKeys": {)",
                      keys, "}");
}

}  // namespace

std::unique_ptr<Pebble> Pebble::Start(const std::string& dir, const PebbleOptions& options) {
  auto pebble = std::make_unique<Pebble>();
  pebble->dir_ = dir;
  pebble->port_ = FreePort();
  pebble->management_port_ = FreePort();
  pebble->options_ = options;
  const LoopbackTls tls = MakeLoopbackTls("pebble");
  WriteAll(pebble->tls_root_file(), tls.root.ToPem());
  WriteAll(dir + "/pebble-cert.pem", tls.certificate.ToPem());
  WriteAll(dir + "/pebble-key.pem", std::string(tls.key.ToPem().Expose()), 0600);
  WriteAll(dir + "/pebble.json",
           absl::StrCat(R"({"pebble": {"listenAddress": "127.0.0.1:)", pebble->port_,
                        R"(", "managementListenAddress": "127.0.0.1:)", pebble->management_port_,
                        R"(", "certificate": ")", dir, R"(/pebble-cert.pem", "privateKey": ")", dir,
                        R"(/pebble-key.pem", "httpPort": )", options.http_port, R"(, "tlsPort": )",
                        options.tls_port, R"(, "ocspResponderURL": "")", ExternalAccounts(options),
                        options.certificate_seconds == 0
                            ? ""
                            : absl::StrCat(R"(, "certificateValidityPeriod": )",
                                           options.certificate_seconds),
                        "}}"));
  if (options.dns.empty()) {
    pebble->dns_ = TestDns::Start(dir);
    pebble->options_.dns = pebble->dns_->place();
  }
  pebble->pebble_ = Process::Start(
      {options.binary, "-config", dir + "/pebble.json", "-dnsserver", pebble->options_.dns},
      dir + "/pebble.log",
      {options.sleep_seconds == 0 ? "PEBBLE_VA_NOSLEEP=1"
                                  : absl::StrCat("PEBBLE_VA_SLEEPTIME=", options.sleep_seconds + 1),
       absl::StrCat("PEBBLE_WFE_NONCEREJECT=", options.nonce_reject_percent),
       absl::StrCat("PEBBLE_AUTHZREUSE=", options.authz_reuse_percent),
       absl::StrCat("PEBBLE_ALTERNATE_ROOTS=", options.alternate_roots)});
  const bool up = Eventually([&] { return !pebble->IssuingRoot().empty(); });
  if (!up) std::fprintf(stderr, "%s\n", ReadAll(pebble->log()).c_str());
  NORROY_CHECK(up);
  return pebble;
}

CaPlace Pebble::place() const {
  return {directory_url(), tls_root_file(), options_.dns, options_.http_port, options_.tls_port};
}

std::string Pebble::directory_url() const {
  return absl::StrCat("https://127.0.0.1:", port_, "/dir");
}

std::string Pebble::IssuingRoot() {
  const Output output =
      RunProgram({"curl", "-sf", "--cacert", tls_root_file(),
                  absl::StrCat("https://127.0.0.1:", management_port_, "/roots/0")});
  return output.code == 0 ? output.out : "";
}

bool Pebble::SetRenewalInfo(const std::string& certificate_pem, const std::string& info) {
  const auto quoted = [](const std::string& text) {
    return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\n", "\\n"}, {"\"", "\\\""}}), "\"");
  };
  const std::string body = dir_ + "/renewal-info.json";
  WriteAll(body, absl::StrCat("{\"certificate\": ", quoted(certificate_pem),
                              ", \"ariResponse\": ", quoted(info), "}"));
  return RunProgram({"curl", "-sf", "--cacert", tls_root_file(), "--data", "@" + body,
                     absl::StrCat("https://127.0.0.1:", management_port_, "/set-renewal-info/")})
             .code == 0;
}

bool Pebble::StandsStill() {
  // Wants what all of its data is behind.
  const Output output = RunProgram(
      {"curl", "-s", "--max-time", "10", "--cacert", tls_root_file(),
       absl::StrCat("https://127.0.0.1:", management_port_, "/cert-status-by-serial/00")});
  constexpr int kTimedOut = 28;
  return output.code == kTimedOut;
}

int Pebble::LogCount(const std::string& what) {
  const std::string text = ReadAll(log());
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace norroy::harness

#include "cli/sync_hooks.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/program/child.h"
#include "common/program/command.h"

namespace norroy::cli {
namespace {

// Empty: it succeeded.
std::string RunHook(const SyncHook& hook, const std::vector<std::string>& told) {
  const absl::Status safe = program::CheckFiles(hook.command);
  if (!safe.ok()) return std::string(safe.message());
  std::vector<std::string> environment = told;
  environment.push_back(program::kPath);
  environment.insert(environment.end(), hook.command.environment.begin(),
                     hook.command.environment.end());
  const auto end = program::RunChild(hook.command.argv, environment, hook.timeout);
  if (!end.ok()) return std::string(end.status().message());
  if (!end->timed_out && end->exit_code == 0) return "";
  return absl::StrCat(Printable(hook.command.argv[0]), " ",
                      program::EndText(hook.command, *end, hook.timeout));
}

}  // namespace

std::vector<std::string> HookEnvironment(const WantedCertificate& wanted, const Lineage& lineage,
                                         const crypto::Certificate& leaf,
                                         const std::vector<std::string>& failed) {
  const std::string domains = absl::StrJoin(wanted.domain_texts, " ");
  std::vector<std::string> environment = {
      // certbot's.
      absl::StrCat("RENEWED_LINEAGE=", lineage.live()),
      absl::StrCat("RENEWED_DOMAINS=", domains),
      absl::StrCat("FAILED_DOMAINS=", absl::StrJoin(failed, " ")),
      // lego's.
      absl::StrCat("LEGO_CERT_DOMAIN=", wanted.domain_texts.front()),
      absl::StrCat("LEGO_CERT_PATH=", lineage.File("fullchain")),
      absl::StrCat("LEGO_CERT_KEY_PATH=", lineage.File("privkey")),
      absl::StrCat("LEGO_ISSUER_CERT_PATH=", lineage.File("chain")),
      // Ours.
      absl::StrCat("NORROY_NAME=", wanted.name),
      absl::StrCat("NORROY_DOMAINS=", domains),
      absl::StrCat("NORROY_LIVE=", lineage.live()),
      absl::StrCat("NORROY_FINGERPRINT=", leaf.fingerprint()),
      absl::StrCat("NORROY_NOT_AFTER=", TimeText(ToProto(leaf.not_after()))),
  };
  if (wanted.bundle) {
    environment.push_back(absl::StrCat("LEGO_CERT_PEM_PATH=", lineage.File("bundle")));
  }
  return environment;
}

absl::Status RunHooks(const WantedCertificate& wanted,
                      const std::vector<std::string>& environment) {
  std::vector<std::string> failures;
  for (const SyncHook& hook : wanted.hooks) {
    std::string failure = RunHook(hook, environment);
    if (!failure.empty()) failures.push_back(absl::StrCat("hook ", failure));
  }
  if (failures.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnknown, "HOOK_FAILED", absl::StrJoin(failures, "\n"));
}

}  // namespace norroy::cli

// `norroy import certbot`: renewal/*.conf and live/.

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/import.h"
#include "cli/import_renewal.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/program/command.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

namespace fs = std::filesystem;

std::string Option(const RenewalFile& file, const std::string& key) {
  const auto found = file.options.find(key);
  return found == file.options.end() || found->second == "None" ? "" : found->second;
}

void TakeHook(const std::string& line, FoundCertificate& found) {
  const std::vector<std::string> argv = PlainCommand(line);
  if (!argv.empty() && program::CheckCommand({argv, {}}).ok()) {
    auto& hook = *found.entry.add_deploy_hooks();
    for (const std::string& word : argv) hook.add_argv(word);
    return;
  }
  found.remarks.push_back(
      absl::StrCat("its deploy hook needs a shell or is not safe to run: put \"", Printable(line),
                   "\" into a script of root's and name that in deploy_hooks"));
}

void TakeOptions(const RenewalFile& file, FoundCertificate& found) {
  const std::string authenticator = Option(file, "authenticator");
  if (!authenticator.empty()) {
    found.remarks.push_back(absl::StrCat("authenticator ", Printable(authenticator),
                                         " is not used any more: an agent answers for the names "
                                         "(docs/challenges.md)"));
  }
  const std::string installer = Option(file, "installer");
  if (!installer.empty()) {
    found.remarks.push_back(absl::StrCat("installer ", Printable(installer),
                                         " wrote certbot's paths into the server's configuration: "
                                         "change them there"));
  }
  // certbot calls deploy hooks by their old name in these files.
  for (const char* key : {"renew_hook", "deploy_hook"}) {
    const std::string line = Option(file, key);
    if (!line.empty()) TakeHook(line, found);
  }
  for (const char* key : {"pre_hook", "post_hook"}) {
    const std::string line = Option(file, key);
    if (line.empty()) continue;
    found.remarks.push_back(absl::StrCat(key, " \"", Printable(line),
                                         "\" is not taken over: nothing here stops a server"));
  }
  found.entry.set_reuse_key(Option(file, "reuse_key") == "True");
  found.entry.set_preferred_chain(Option(file, "preferred_chain"));
  if (Option(file, "must_staple") == "True") {
    found.remarks.push_back("must_staple is not taken over: CAs end OCSP");
  }
}

FoundCertificate Find(const std::string& folder, const std::string& name) {
  FoundCertificate found;
  found.name = name;
  const std::string conf = absl::StrCat(folder, "/renewal/", name, ".conf");
  const auto text = identity::ReadFile(conf, kMaxRenewalFile);
  const absl::StatusOr<RenewalFile> file = text.ok() ? ParseRenewalFile(*text) : text.status();
  if (!file.ok()) {
    found.set = WithContext(file.status(), conf);
    return found;
  }
  TakeOptions(*file, found);
  const std::string live = absl::StrCat(folder, "/live/", name);
  ReadFound(live + "/fullchain.pem", "", live + "/privkey.pem", found);
  return found;
}

// Scripts that certbot runs for every certificate.
std::vector<std::string> GlobalHooks(const std::string& folder) {
  std::vector<std::string> scripts;
  for (const char* kind : {"pre", "deploy", "post"}) {
    std::error_code error;
    const std::string hooks = absl::StrCat(folder, "/renewal-hooks/", kind);
    for (const auto& entry : fs::directory_iterator(hooks, error)) {
      scripts.push_back(entry.path().string());
    }
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

}  // namespace

absl::Status ImportCertbot(Context& context, const ImportOptions& options) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(options.folder + "/renewal", error)) {
    const std::string file = entry.path().filename().string();
    absl::string_view name = file;
    if (absl::ConsumeSuffix(&name, ".conf") && !name.empty()) names.emplace_back(name);
  }
  if (error) {
    return MakeError(absl::StatusCode::kNotFound, "NO_CERTBOT",
                     absl::StrCat(options.folder, "/renewal: ", error.message(),
                                  "; give certbot's folder, /etc/letsencrypt"));
  }
  std::sort(names.begin(), names.end());
  std::vector<FoundCertificate> found;
  for (const std::string& name : names) {
    if (found.size() < kMaxSyncCertificates) found.push_back(Find(options.folder, name));
  }
  const absl::Status status = Import(context, options, std::move(found));
  for (const std::string& script : GlobalHooks(options.folder)) {
    context.output().Say(absl::StrCat(
        Printable(script), " was run by certbot for every certificate: name it in deploy_hooks of ",
        "those that need it"));
  }
  return status;
}

}  // namespace norroy::cli

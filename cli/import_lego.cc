// `norroy import lego`: certificates/*.json with .crt, .issuer.crt and .key beside them.

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/certificate_files.h"
#include "cli/import.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxResource = 64 * 1024;

// The "domain" of a lego resource.
absl::StatusOr<std::string> DomainOf(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string text, identity::ReadFile(path, kMaxResource));
  google::protobuf::Struct resource;
  if (!google::protobuf::util::JsonStringToMessage(text, &resource).ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is no JSON object"));
  }
  const auto domain = resource.fields().find("domain");
  if (domain == resource.fields().end() || domain->second.string_value().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": has no domain"));
  }
  return domain->second.string_value();
}

FoundCertificate Find(const std::string& base) {
  FoundCertificate found;
  found.name = fs::path(base).filename().string();
  const auto domain = DomainOf(base + ".json");
  if (!domain.ok()) {
    found.set = domain.status();
    return found;
  }
  found.name = FolderName(*domain);
  std::error_code error;
  if (!fs::exists(base + ".key", error)) {
    found.set = absl::NotFoundError(
        absl::StrCat(base, ".key is not there: it was made from a CSR, its key is elsewhere"));
    return found;
  }
  ReadFound(base + ".crt", base + ".issuer.crt", base + ".key", found);
  found.remarks.push_back(
      "lego keeps its challenge and its hooks on its command line: an agent answers for the names "
      "(docs/challenges.md); name what reloads the server in deploy_hooks");
  return found;
}

}  // namespace

absl::Status ImportLego(Context& context, const ImportOptions& options) {
  std::error_code error;
  std::vector<std::string> bases;
  const std::string folder = options.folder + "/certificates";
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    absl::string_view base = path;
    if (absl::ConsumeSuffix(&base, ".json")) bases.emplace_back(base);
  }
  if (error) {
    return MakeError(
        absl::StatusCode::kNotFound, "NO_LEGO",
        absl::StrCat(folder, ": ", error.message(), "; give lego's --path, mostly .lego"));
  }
  std::sort(bases.begin(), bases.end());
  std::vector<FoundCertificate> found;
  for (const std::string& base : bases) {
    if (found.size() < kMaxSyncCertificates) found.push_back(Find(base));
  }
  return Import(context, options, std::move(found));
}

}  // namespace norroy::cli

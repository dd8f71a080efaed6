#include <libpq-fe.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "common/sql/postgres_database.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

struct OptionsFreer {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, OptionsFreer>;

absl::Status Bad(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("the database's URL ", message));
}

std::string Get(const Options& options, absl::string_view keyword) {
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->keyword == keyword) return option->val == nullptr ? "" : option->val;
  }
  return "";
}

// Reached without a network: nobody is in between.
bool IsLocal(absl::string_view host) {
  return absl::StartsWith(host, "/") || absl::StartsWith(host, "@") || host == "127.0.0.1" ||
         host == "::1";
}

// libpq takes them as relative to wherever the process was started.
absl::Status CheckFiles(const Options& options) {
  for (const absl::string_view keyword :
       {"passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl"}) {
    const std::string file = Get(options, keyword);
    if (file.empty() || absl::StartsWith(file, "/")) continue;
    return Bad(absl::StrCat("says ", keyword, "=", Printable(file, 200),
                            ": write the file's absolute path"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPostgresUrl(const std::string& url) {
  char* problem = nullptr;
  const Options options(PQconninfoParse(url.c_str(), &problem));
  if (options == nullptr) {
    const std::string said = problem == nullptr ? "cannot be read" : problem;
    PQfreemem(problem);
    return Bad(absl::StrCat("cannot be read: ", Printable(said, 200)));
  }
  if (!Get(options, "password").empty()) {
    return Bad(
        "has a password in it, where others can read it: put it into a file of mode 0600 and "
        "name that by passfile=, or use a client certificate (sslcert=, sslkey=)");
  }
  if (Get(options, "dbname").empty()) return Bad("names no database: postgresql://HOST/NAME");
  if (Get(options, "service") != "") return Bad("names a service; say all of it here");
  NORROY_RETURN_IF_ERROR(CheckFiles(options));
  // An address, where both are given, is what is connected to.
  std::string hosts = Get(options, "hostaddr");
  if (hosts.empty()) hosts = Get(options, "host");
  if (hosts.empty()) {
    return Bad("names no host: a host name, or ?host=/run/postgresql for its Unix socket");
  }
  for (const absl::string_view host : absl::StrSplit(hosts, ',')) {
    if (IsLocal(host) || Get(options, "sslmode") == "verify-full") continue;
    return Bad(absl::StrCat("leads over the network to ", Printable(host, 64),
                            ": add sslmode=verify-full and sslrootcert=FILE, so that nobody in "
                            "between can read or change what is stored"));
  }
  return absl::OkStatus();
}

}  // namespace norroy::sql

#include "agent/inherited_sockets.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr int kMax = 61;   // as ListenAddress: descriptors 3 to 64

// A name begins with a letter: it cannot be taken for a number.
bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= 255 && absl::ascii_isalpha(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

// The name of "fd:NAME"; empty for any other address.
absl::string_view NameIn(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, "fd:") || !IsName(address)) return "";
  return address;
}

absl::string_view Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

InheritedSockets::InheritedSockets(absl::string_view pid, absl::string_view count,
                                   absl::string_view names, int own_pid) {
  int for_pid = 0;
  int sockets = 0;
  if (!absl::SimpleAtoi(pid, &for_pid) || for_pid != own_pid) return;
  if (!absl::SimpleAtoi(count, &sockets) || sockets < 1 || sockets > kMax) return;
  const std::vector<std::string> all = absl::StrSplit(names, ':');
  for (int i = 0; i < sockets && i < static_cast<int>(all.size()); ++i) {
    if (IsName(all[i])) named_.emplace_back(all[i], kFirst + i);
  }
}

InheritedSockets InheritedSockets::OfThisProcess() {
  return InheritedSockets(Environment("LISTEN_PID"), Environment("LISTEN_FDS"),
                          Environment("LISTEN_FDNAMES"), getpid());
}

absl::StatusOr<std::vector<std::string>> InheritedSockets::Resolve(
    const std::vector<std::string>& listen) const {
  std::vector<std::string> resolved;
  for (const std::string& address : listen) {
    const absl::string_view name = NameIn(address);
    if (name.empty()) {
      resolved.push_back(address);
      continue;
    }
    const size_t before = resolved.size();
    for (const auto& [known, fd] : named_) {
      if (known == name) resolved.push_back(absl::StrCat("fd:", fd));
    }
    if (resolved.size() > before) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SOCKET",
                     absl::StrCat("\"", address,
                                  "\": the service manager has handed over no "
                                  "socket of that name; enable the socket unit with "
                                  "FileDescriptorName=",
                                  name));
  }
  return resolved;
}

std::vector<std::string> WithoutNames(const std::vector<std::string>& listen) {
  std::vector<std::string> numbered;
  for (const std::string& address : listen) {
    const int fd = kFirst + static_cast<int>(numbered.size());
    numbered.push_back(NameIn(address).empty() ? address : absl::StrCat("fd:", fd));
  }
  return numbered;
}

}  // namespace norroy::agent

#include "cli/sync_state.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identity/issuing.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxStateBytes = 16 * 1024 * 1024;
constexpr absl::Duration kFirstPause = absl::Minutes(1);
constexpr absl::Duration kLongestPause = absl::Hours(6);

}  // namespace

SyncStateFile::SyncStateFile(const std::string& state_dir)
    : path_(absl::StrCat(state_dir, "/state.json")) {
  const auto text = identity::ReadFile(path_, kMaxStateBytes);
  if (!text.ok()) return;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  if (!google::protobuf::util::JsonStringToMessage(*text, &state_, options).ok()) state_.Clear();
}

SyncCertificateState& SyncStateFile::Of(const std::string& name) {
  for (SyncCertificateState& entry : *state_.mutable_certificates()) {
    if (entry.name() == name) return entry;
  }
  SyncCertificateState& entry = *state_.add_certificates();
  entry.set_name(name);
  return entry;
}

void SyncStateFile::Keep(const std::vector<std::string>& names) {
  auto& entries = *state_.mutable_certificates();
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [&names](const SyncCertificateState& entry) {
                                 return std::find(names.begin(), names.end(), entry.name()) ==
                                        names.end();
                               }),
                entries.end());
}

absl::Status SyncStateFile::Save() const {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(state_, &text, options);
  if (!printed.ok()) return absl::InternalError(absl::StrCat(path_, ": cannot be written"));
  return identity::WriteFileAtomically(path_, text, 0644);
}

absl::Duration RetryPause(int failures) {
  absl::Duration pause = kFirstPause;
  for (int i = 1; i < failures && pause < kLongestPause; ++i) pause *= 2;
  return std::min(pause, kLongestPause);
}

}  // namespace norroy::cli

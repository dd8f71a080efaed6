#include "validator/preflight/sight.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::validator::preflight {
namespace {

Finding Make(Severity severity, absl::string_view code, absl::string_view message,
             absl::string_view advice) {
  return {severity, std::string(code), std::string(message), std::string(advice)};
}

}  // namespace

std::string Said(absl::string_view text) {
  return absl::StrCat("\"", Printable(text, kMaxSaid), "\"");
}

Finding CutShortFinding(absl::string_view what) {
  return Make(
      Severity::kWarning, "LOOK_TIMED_OUT",
      absl::StrCat("the time for this look was over before ", what),
      "look again; if it stays so, the servers in question answer too slowly for a CA, too");
}

void Sight::Info(absl::string_view code, absl::string_view message) {
  Add(Make(Severity::kInfo, code, message, ""), Verdict::kPass);
}

void Sight::Warning(absl::string_view code, absl::string_view message, absl::string_view advice) {
  Add(Make(Severity::kWarning, code, message, advice), Verdict::kPass);
}

void Sight::Unknown(absl::string_view code, absl::string_view message, absl::string_view advice) {
  Add(Make(Severity::kWarning, code, message, advice), Verdict::kUnknown);
}

void Sight::CutShort(absl::string_view what) { Add(CutShortFinding(what), Verdict::kUnknown); }

void Sight::Wait(Severity severity, absl::string_view code, absl::string_view message,
                 absl::string_view advice, absl::Duration again_after) {
  Add(Make(severity, code, message, advice), Verdict::kWait);
  again_after_ = std::max(again_after_, again_after);
}

void Sight::Fail(absl::string_view code, absl::string_view message, absl::string_view advice) {
  Add(Make(Severity::kError, code, message, advice), Verdict::kFail);
}

void Sight::Add(Finding finding, Verdict verdict) {
  findings_.push_back(std::move(finding));
  verdict_ = std::max(verdict_, verdict);
}

void Sight::Merge(const Sight& other) {
  findings_.insert(findings_.end(), other.findings_.begin(), other.findings_.end());
  verdict_ = std::max(verdict_, other.verdict_);
  again_after_ = std::max(again_after_, other.again_after_);
}

absl::Duration Sight::again_after() const {
  return verdict_ == Verdict::kWait ? again_after_ : absl::ZeroDuration();
}

std::vector<Finding> Sight::findings() const {
  std::vector<Finding> sorted = findings_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return sorted;
}

bool Sight::Has(absl::string_view code) const {
  return std::any_of(findings_.begin(), findings_.end(),
                     [code](const Finding& finding) { return finding.code == code; });
}

}  // namespace norroy::validator::preflight

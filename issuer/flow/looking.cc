#include "issuer/flow/looking.h"

#include <algorithm>
#include <optional>

namespace norroy::flow {
namespace {

using types::v1::Verdict;
using types::v1::View;

constexpr absl::Duration kMinAgain = absl::Seconds(1);
constexpr absl::Duration kMaxAgain = absl::Seconds(60);
constexpr absl::Duration kConfirm = absl::Seconds(5);
constexpr absl::Duration kSecondOpinion = absl::Seconds(2);
constexpr char kLagging[] = "LAGGING_SERVER";

int Count(const std::vector<View>& views, Verdict verdict) {
  return static_cast<int>(std::count_if(
      views.begin(), views.end(), [&](const View& view) { return view.verdict() == verdict; }));
}

// The longest that a viewpoint asks to be left alone.
absl::Duration AgainAfter(const std::vector<View>& views) {
  int64_t millis = 0;
  for (const View& view : views) {
    if (view.verdict() == types::v1::VERDICT_WAIT) millis = std::max(millis, view.again_after_ms());
  }
  return std::clamp(absl::Milliseconds(millis), kMinAgain, kMaxAgain);
}

bool HasLagged(const std::vector<View>& views) {
  for (const View& view : views) {
    if (view.verdict() != types::v1::VERDICT_WAIT) continue;
    for (const types::v1::Finding& finding : view.findings()) {
      if (finding.code() == kLagging) return true;
    }
  }
  return false;
}

// Unset: settled.
std::optional<absl::Time> LookAgain(NameLook& look, const std::vector<View>& views, Grade grade,
                                    absl::Time now) {
  switch (look.verdict) {
    case types::v1::VERDICT_PASS:
      ++look.passes;
      look.passed = now;
      if (look.lagged && look.passes < 2) return now + kConfirm;
      return std::nullopt;
    case types::v1::VERDICT_WAIT: {
      look.passes = 0;
      if (HasLagged(views)) look.lagged = true;
      const absl::Time cap = look.since + (grade == Grade::kGate ? kGateCap : kAdviseCap);
      if (now >= cap) return std::nullopt;
      return std::min(now + AgainAfter(views), cap);
    }
    case types::v1::VERDICT_FAIL:
      look.passes = 0;
      ++look.fails;
      if (grade != Grade::kGate && look.fails < 2) return now + kSecondOpinion;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

Verdict Combine(const std::vector<View>& views, Grade grade) {
  const int pass = Count(views, types::v1::VERDICT_PASS);
  const int wait = Count(views, types::v1::VERDICT_WAIT);
  const int fail = Count(views, types::v1::VERDICT_FAIL);
  if (pass + wait + fail == 0) return types::v1::VERDICT_UNKNOWN;
  if (2 * fail > pass + wait + fail) return types::v1::VERDICT_FAIL;
  if (wait > 0) return types::v1::VERDICT_WAIT;
  // As many see it as do not: the CA may stand with either, and a gate takes no chances.
  const bool tie = fail > 0 && fail == pass;
  return tie && grade == Grade::kGate ? types::v1::VERDICT_FAIL : types::v1::VERDICT_PASS;
}

types::v1::Finding Explain(const std::vector<View>& views, Verdict verdict) {
  for (const View& view : views) {
    if (view.verdict() == verdict && !view.findings().empty()) return view.findings(0);
  }
  return {};
}

void TakeIn(NameLook& look, const std::vector<View>& views, Grade grade, absl::Time now) {
  look.verdict = Combine(views, grade);
  const std::optional<absl::Time> again = LookAgain(look, views, grade, now);
  look.settled = !again.has_value();
  look.next = again.value_or(absl::InfiniteFuture());
}

bool LookOnceMore(Looks& looks, int64_t generation, int64_t revision, absl::Time now) {
  bool more = false;
  for (auto& [name, look] : looks.names) {
    if (look.verdict != types::v1::VERDICT_PASS || look.again) continue;
    const bool same = look.generation == generation && look.revision == revision;
    if (same && now - look.passed <= kPassHolds) continue;
    look.again = true;
    look.settled = false;
    look.next = now;
    more = true;
  }
  return more;
}

}  // namespace norroy::flow

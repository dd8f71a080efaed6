// What agents say of themselves: whatever it is, what operators are shown of it can be printed and
// is bounded, and what is accepted has the form that the coordinator takes. The input is an
// AttachRequest.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/error/error.h"
#include "tests/fuzz/proto_mutator.h"
#include "validator/service/hello.h"

namespace {

namespace validator = norroy::validator;
using norroy::Printable;
using norroy::agent::v1::AttachRequest;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

void CheckText(const std::string& text, size_t max) {
  NORROY_CHECK(Printable(text, text.size()) == text && text.size() <= max + 3);
}

void CheckHello(const norroy::agent::v1::AgentHello& hello) {
  const absl::StatusOr<int> protocol = validator::CheckHello(hello);
  if (!protocol.ok()) {
    NORROY_CHECK(!norroy::ErrorReason(protocol.status()).empty());
    CheckText(std::string(protocol.status().message()), 4096);
  } else {
    NORROY_CHECK(*protocol >= hello.protocol_min() && *protocol <= hello.protocol_max());
    NORROY_CHECK(hello.presented_size() <= validator::kMaxPresented);
    for (const auto& presented : hello.presented()) {
      const std::string& id = presented.presentation_id();
      NORROY_CHECK(!id.empty() && id.size() <= 64 && presented.generation() >= 1);
      NORROY_CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
                   std::string::npos);
    }
  }
  const validator::AgentReport report = validator::ReportOf(hello, kNow);
  CheckText(report.version, 64);
  for (const std::string& pattern : report.scope) CheckText(pattern, 260);
  NORROY_CHECK(report.presenters.size() <= validator::kMaxShownPresenters);
  for (const validator::AgentPresenter& presenter : report.presenters) {
    CheckText(presenter.name, 300);
    NORROY_CHECK(presenter.zones.size() <= validator::kMaxShownZones);
    for (const std::string& zone : presenter.zones) CheckText(zone, 260);
#ifdef PLANTED
    NORROY_CHECK(presenter.zones.size() < 3 ||
                 presenter.type != norroy::challenge::ChallengeType::kTlsAlpn01);
#endif
  }
}

void CheckCounts(const norroy::agent::v1::AgentCounters& counters) {
  const validator::AgentCounts counts = validator::CountsOf(counters);
  NORROY_CHECK(counts.presenters.size() <= validator::kMaxShownPresenters);
  NORROY_CHECK(counts.refused.size() <= validator::kMaxShownReasons);
  for (const validator::PresenterCounts& one : counts.presenters) {
    CheckText(one.name, 300);
    CheckText(one.last_error, 256);
    NORROY_CHECK(std::min({one.put_up, one.taken_down, one.failed, one.served, one.unknown}) >= 0);
  }
  for (const auto& [reason, times] : counts.refused) {
    CheckText(reason, 64);
    NORROY_CHECK(times >= 0);
  }
}

}  // namespace

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  AttachRequest request;
  if (seed % 4 == 0 || !request.ParseFromArray(data, static_cast<int>(size)) ||
      request.ByteSizeLong() == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  norroy::fuzz::MutateOneField(request, seed);
  const std::string bytes = request.SerializeAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  AttachRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return 0;
  CheckHello(request.hello());
  CheckCounts(request.counters());
  return 0;
}

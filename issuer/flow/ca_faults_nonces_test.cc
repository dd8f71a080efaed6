// Nonces that the CA rejects, now and then or in storms.

#include <cstdio>

#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void Reject(FaultyCa& f, int percent) {
  f.ca().Change([=](fakes::FakeCaOptions& options) { options.nonce_rejection_percent = percent; });
}

int RequestsOfAnIssuance() {
  FaultyCa f;
  const int before = f.asked();
  EXPECT_EQ(f.Issue().state, State::kDone);
  return f.asked() - before;
}

TEST(Row, F_CA_01_ARejectedNonceCostsOneRequest) {
  const int plain = RequestsOfAnIssuance();
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    FaultyCa f;
    f.ca().Script(endpoint, Fault::BadNonce());
    const absl::Time begin = f.clock().Now();
    const int before = f.asked();
    ExpectOneCertificate(f, f.Issue());
    EXPECT_EQ(f.asked() - before, plain + 1) << static_cast<int>(endpoint);
    EXPECT_LE(f.clock().Now() - begin, absl::Seconds(1));
  }
}

TEST(Row, F_CA_03_ARejectionWithoutANonceCostsTwo) {
  const int plain = RequestsOfAnIssuance();
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    FaultyCa f;
    f.ca().Script(endpoint, Fault::BadNonceWithoutNonce());
    const int before = f.asked();
    ExpectOneCertificate(f, f.Issue());
    EXPECT_EQ(f.asked() - before, plain + 2) << static_cast<int>(endpoint);
  }
}

TEST(Row, F_CA_05_RejectionForEverBacksOff) {
  FaultyCa f;
  Reject(f, 100);
  const Order order = f.Place();
  int attempts = 0;
  int before = f.asked();
  while (attempts < 8) {
    f.engine().RunDue();
    const int spent = f.asked() - before;
    before = f.asked();
    if (spent > 0) ++attempts;
    EXPECT_LE(spent, 40);
    f.clock().Advance(absl::Milliseconds(500));
  }
  const Order waiting = f.Get(order.id);
  EXPECT_EQ(waiting.state, State::kOrdering);
  EXPECT_EQ(waiting.attempt, attempts);
  EXPECT_EQ(waiting.error->reason, "CA_UNAVAILABLE");
  EXPECT_THAT(f.Says(waiting), HasSubstr("refused 32 fresh nonces"));
  EXPECT_GE(waiting.due_time - f.clock().Now(), absl::Minutes(1));
  Reject(f, 0);
  ExpectOneCertificate(f, f.Settle(order.id));
}

// About ten POSTs an issuance, each with a budget of 32 tries: up to 50 % nobody notices; at 90 %
// the step comes again, with the same CA order.
void Storm(int percent, int issuances) {
  FaultyCa f;
  Reject(f, percent);
  const int before = f.asked();
  int failed = 0;
  for (int i = 0; i < issuances; ++i) {
    const Order done = f.Issue({absl::StrCat("n", i, ".example.test")}, absl::Hours(24));
    failed += done.state == State::kDone ? 0 : 1;
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(f.ca().orders().size(), static_cast<size_t>(issuances));
  EXPECT_EQ(f.ca().certificates_issued(), issuances);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
  std::printf("%d %% of nonces rejected: %d issuances, %d failed, %.1f requests each\n", percent,
              issuances, failed, static_cast<double>(f.asked() - before) / issuances);
}

TEST(Row, F_CA_02_FivePercent) { Storm(5, 1000); }
TEST(Row, F_CA_02_TwentyPercent) { Storm(20, 500); }
TEST(Row, F_CA_02_FiftyPercent) { Storm(50, 200); }
TEST(Row, F_CA_02_NinetyPercent) { Storm(90, 20); }

}  // namespace
}  // namespace norroy::flow

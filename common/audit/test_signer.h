#ifndef NORROY_COMMON_AUDIT_TEST_SIGNER_H_
#define NORROY_COMMON_AUDIT_TEST_SIGNER_H_

// For tests: a deployment's core root, identities under it, and logs to examine.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/audit/checkpoint.h"
#include "common/audit/record.h"
#include "common/identity/issuing.h"

namespace norroy::audit {

inline const absl::Time kTestNow = absl::FromUnixSeconds(1'800'000'000);

class TestSigner {
 public:
  // The root is good for ten years around kTestNow.
  TestSigner();

  // An identity of this deployment, good for `lifetime` from kTestNow on.
  identity::IdentityFile Issue(identity::Role role, const std::string& name,
                               absl::Duration lifetime = absl::Hours(24),
                               const std::string& deployment = "test") const;
  Trust trust() const { return {{root_.certificate}, "test"}; }
  const identity::Authority& root() const { return root_; }

 private:
  const identity::Authority root_;
};

// `count` records of one chain, linked.
std::vector<Record> MakeChain(const std::string& writer, int count);
// Its hash made anew, as somebody would who writes a chain of his own.
void Rehash(Record& record);
Head HeadOf(const Record& record);

// The checkpoint `number` of these heads behind `previous` (null: the first).
Checkpoint MakeCheckpoint(const identity::IdentityFile& signer, int64_t number,
                          const std::vector<Head>& heads, const Checkpoint* previous,
                          absl::Time time = kTestNow);

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_TEST_SIGNER_H_

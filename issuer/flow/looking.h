#ifndef NORROY_ISSUER_FLOW_LOOKING_H_
#define NORROY_ISSUER_FLOW_LOOKING_H_

// What comes of looks at a name's proof: the viewpoints' verdicts as one, when to look again, and
// when it is settled. Pure functions of what was seen and the time.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "issuer/flow/grades.h"
#include "norroy/types/v1/view.pb.h"

namespace norroy::flow {

// Of the viewpoints that can tell: FAIL if most of them do (under GATE also if as many fail as pass
// and none waits), else WAIT if one does, else PASS. UNKNOWN if none can tell.
types::v1::Verdict Combine(const std::vector<types::v1::View>& views, Grade grade);

// What explains `verdict`: the first finding of a view that has it; empty if there is none.
types::v1::Finding Explain(const std::vector<types::v1::View>& views, types::v1::Verdict verdict);

// One name's way through its looks, by one type.
struct NameLook {
  challenge::ChallengeType type;
  absl::Time since;                                             // the proof was served
  absl::Time next;                                              // when to look (again)
  types::v1::Verdict verdict = types::v1::VERDICT_UNSPECIFIED;  // of the last look
  bool settled = false;                                         // no further look is needed
  bool lagged = false;  // one of several servers did not have it yet
  int passes = 0;       // in a row
  int fails = 0;
  // The last pass, and of what presentation.
  absl::Time passed = absl::InfinitePast();
  int64_t generation = 0;
  int64_t revision = 0;
  bool again = false;  // an old pass was looked at anew
};

// Propagation is waited out for so long, from `since` on.
inline constexpr absl::Duration kAdviseCap = absl::Minutes(2);
inline constexpr absl::Duration kGateCap = absl::Minutes(10);
// A pass counts for so long.
inline constexpr absl::Duration kPassHolds = absl::Seconds(15);

// A look is over. PASS settles, but after a lagging server only the second in a row, 5 s later.
// WAIT looks again when the viewpoints say so, up to the cap of the grade. FAIL settles: under GATE
// the first, under ADVISE the second, 2 s later. UNKNOWN settles.
void TakeIn(NameLook& look, const std::vector<types::v1::View>& views, Grade grade, absl::Time now);

// The looks at one presentation.
struct Looks {
  std::map<challenge::Name, NameLook> names;
  int64_t round = 0;                    // last asked for
  int64_t generation = 0;               // that it looks at
  int64_t revision = 0;                 // the same
  std::vector<challenge::Proof> asked;  // empty: no look is under way
  absl::Time asked_time;
};

// Everything is settled, and the CA could be told. Names whose pass is older than kPassHolds, or of
// another presentation than this, are unsettled, each only once in its life. False: there are none.
bool LookOnceMore(Looks& looks, int64_t generation, int64_t revision, absl::Time now);

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_LOOKING_H_

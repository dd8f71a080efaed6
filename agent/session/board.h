#ifndef NORROY_AGENT_SESSION_BOARD_H_
#define NORROY_AGENT_SESSION_BOARD_H_

// The presenters taken together: puts a proof up by the first presenter of its type that manages,
// and takes it down when nobody holds it any more (two orders may wait for one authorization, so
// two presentations may hold one proof).

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/presenter/presenter.h"
#include "common/challenge/proof.h"

namespace norroy::agent {

// Some presenter is made for this proof.
bool Supports(const std::vector<Presenter*>& presenters, const challenge::Proof& proof);

// Not thread-safe. Holders must balance: one Drop for each Hold that was OK.
class Board {
 public:
  // In order of preference within a type; must outlive the board.
  explicit Board(std::vector<Presenter*> presenters) : presenters_(std::move(presenters)) {}

  // Puts it up unless it is. Returns where; FAILED_PRECONDITION with what each presenter said.
  absl::StatusOr<std::string> Hold(const challenge::Proof& proof);
  // Where a held proof is served.
  std::string PlaceOf(const challenge::Proof& proof) const;
  // Takes it down if nobody else holds it. After an error it is still held.
  absl::Status Drop(const challenge::Proof& proof);
  // Takes down what an earlier process put up, unless it is held.
  absl::Status Clear(const challenge::Proof& proof);

 private:
  struct Up {
    int holders = 0;
    std::string place;
  };

  absl::Status TakeDown(const challenge::Proof& proof);

  const std::vector<Presenter*> presenters_;
  std::map<std::string, Up> up_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_BOARD_H_

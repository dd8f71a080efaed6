#ifndef NORROY_VALIDATOR_PREFLIGHT_CREW_H_
#define NORROY_VALIDATOR_PREFLIGHT_CREW_H_

// Lets one look wait for several servers at once. The caller works, too, and threads of the crew
// help as far as some are free: so calls may be nested, and none waits for work that nobody began.
// Thread-safe.

#include <cstddef>
#include <functional>

#include "common/sync/thread_pool.h"

namespace norroy::validator::preflight {

class Crew {
 public:
  explicit Crew(int threads) : pool_(threads, 8 * threads) {}

  // Calls piece(0) to piece(count - 1), each once, from several threads; returns when all have.
  void Each(size_t count, const std::function<void(size_t)>& piece);

 private:
  ThreadPool pool_;
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_CREW_H_

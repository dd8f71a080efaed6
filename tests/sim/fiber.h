#ifndef NORROY_TESTS_SIM_FIBER_H_
#define NORROY_TESTS_SIM_FIBER_H_

// A stack that can be left and come back to (ucontext). Used by Scheduler alone.

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace norroy::sim {

class Fiber {
 public:
  // Of the whole process, mapped when touched: enough for OpenSSL and SQLite under sanitizers.
  static constexpr size_t kStackBytes = size_t{1} << 20;

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Gives it a body; only when it has none.
  void Begin(std::function<void()> body);
  // Runs it until it leaves or ends. Not from within a fiber.
  void Enter();
  // Back to who called Enter. From within.
  void Leave();
  bool over() const { return over_; }

  // Who waits for it to go on: another number means that it went on otherwise.
  uint64_t turn = 0;
  bool parked = false;
  // What it works on, for whoever hurts it: an order's id, and the state that it has it in (-1: not
  // known). Another may have it in a later one already.
  std::string order_id;
  int state = -1;

 private:
  static void Main(unsigned low, unsigned high);
  void Run();

  char* const stack_;
  ucontext_t own_;
  ucontext_t caller_;
  std::function<void()> body_;
  bool over_ = true;
  // The address sanitizer's notes.
  void* own_fake_ = nullptr;
  void* caller_fake_ = nullptr;
  const void* caller_stack_ = nullptr;
  size_t caller_bytes_ = 0;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_FIBER_H_

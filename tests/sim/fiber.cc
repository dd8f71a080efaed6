#include "tests/sim/fiber.h"

#include <sys/mman.h>

#include <utility>

#include "common/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace norroy::sim {
namespace {

char* NewStack() {
  void* const stack = mmap(nullptr, Fiber::kStackBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  NORROY_CHECK(stack != MAP_FAILED);
  // What grows too far ends here.
  NORROY_CHECK(mprotect(stack, 4096, PROT_NONE) == 0);
  return static_cast<char*>(stack);
}

// The sanitizer must know on which stack it is. `fake` null: the stack that is left is over.
void BeforeSwitch([[maybe_unused]] void** fake, [[maybe_unused]] const void* stack,
                  [[maybe_unused]] size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}

void AfterSwitch([[maybe_unused]] void* fake, [[maybe_unused]] const void** from,
                 [[maybe_unused]] size_t* bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, from, bytes);
#endif
}

}  // namespace

Fiber::Fiber() : stack_(NewStack()) {}

Fiber::~Fiber() { munmap(stack_, kStackBytes); }

void Fiber::Begin(std::function<void()> body) {
  NORROY_CHECK(over_);
  body_ = std::move(body);
  over_ = false;
  parked = false;
  order_id.clear();
  state = -1;
  NORROY_CHECK(getcontext(&own_) == 0);
  own_.uc_stack.ss_sp = stack_;
  own_.uc_stack.ss_size = kStackBytes;
  own_.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&own_, reinterpret_cast<void (*)()>(&Fiber::Main), 2, static_cast<unsigned>(self),
              static_cast<unsigned>(self >> 32));
}

void Fiber::Enter() {
  BeforeSwitch(&caller_fake_, stack_, kStackBytes);
  NORROY_CHECK(swapcontext(&caller_, &own_) == 0);
  AfterSwitch(caller_fake_, nullptr, nullptr);
}

void Fiber::Leave() {
  BeforeSwitch(over_ ? nullptr : &own_fake_, caller_stack_, caller_bytes_);
  NORROY_CHECK(swapcontext(&own_, &caller_) == 0);
  AfterSwitch(own_fake_, &caller_stack_, &caller_bytes_);
}

void Fiber::Main(unsigned low, unsigned high) {
  const uintptr_t self = static_cast<uintptr_t>(high) << 32 | low;
  reinterpret_cast<Fiber*>(self)->Run();
}

void Fiber::Run() {
  AfterSwitch(nullptr, &caller_stack_, &caller_bytes_);
  body_();
  body_ = nullptr;
  over_ = true;
  Leave();
}

}  // namespace norroy::sim

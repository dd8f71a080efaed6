#ifndef NORROY_COMMON_CHECK_H_
#define NORROY_COMMON_CHECK_H_

// NORROY_CHECK(condition): for what cannot happen unless the program is wrong. Prints the place
// and the condition, and aborts. Never for input: a caller's or the world's fault is a Status.

#include <cstdio>
#include <cstdlib>

#define NORROY_CHECK(condition)                                                          \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#endif  // NORROY_COMMON_CHECK_H_

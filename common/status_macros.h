#ifndef NORROY_COMMON_STATUS_MACROS_H_
#define NORROY_COMMON_STATUS_MACROS_H_

// The two macros for passing a failure on:
//
//   NORROY_RETURN_IF_ERROR(Step());
//   NORROY_ASSIGN_OR_RETURN(Order order, store.Get(id));

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define NORROY_RETURN_IF_ERROR(expression)           \
  do {                                               \
    absl::Status norroy_status_ = (expression);      \
    if (!norroy_status_.ok()) return norroy_status_; \
  } while (false)

#define NORROY_CONCAT_INNER_(a, b) a##b
#define NORROY_CONCAT_(a, b) NORROY_CONCAT_INNER_(a, b)

#define NORROY_ASSIGN_OR_RETURN(declaration, expression) \
  NORROY_ASSIGN_OR_RETURN_(NORROY_CONCAT_(norroy_or_, __LINE__), declaration, expression)

#define NORROY_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                     \
  if (!result.ok()) return std::move(result).status();            \
  declaration = *std::move(result)

#endif  // NORROY_COMMON_STATUS_MACROS_H_

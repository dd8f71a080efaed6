#ifndef NORROY_COMMON_PROGRAM_PROGRAM_H_
#define NORROY_COMMON_PROGRAM_PROGRAM_H_

// Whether a program may be run with our rights: nobody but root and our own user may be able to
// change it.

#include <string>

#include "absl/status/status.h"

namespace norroy::program {

// `path` must be absolute and without "." and ".." parts. It and each directory and symbolic link
// on the way must belong to root or our effective user. The program is a regular file with an
// execute bit, writable by neither group nor others; a directory is writable by group or others
// only if it is sticky, so that they cannot replace what is in it. FAILED_PRECONDITION, reason
// UNSAFE_PROGRAM, says which path it is and what to do; INVALID_ARGUMENT, reason BAD_CONFIG, if it
// is no such path.
absl::Status CheckProgram(const std::string& path);

// An argument of a program: if it is the absolute path of a regular file (a script for an
// interpreter, settings that it runs by), the same, but for the execute bit. Else OK.
absl::Status CheckArgument(const std::string& argument);

}  // namespace norroy::program

#endif  // NORROY_COMMON_PROGRAM_PROGRAM_H_

#ifndef NORROY_COMMON_PROGRAM_TEST_WORLD_H_
#define NORROY_COMMON_PROGRAM_TEST_WORLD_H_

// Programs and files for the tests of this folder.

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::program {

// A new folder that only this user may enter.
std::string NewFolder();
// A file of exactly that mode; returns its path.
std::string WriteProgram(const std::string& folder, const std::string& name, absl::string_view text,
                         int mode = 0700);
// "" if it is not there.
std::string TextOf(const std::string& path);
// Asks until it is true, for 10 s at most.
bool Eventually(const std::function<bool()>& condition);
// Is there a process of that number that is not a zombie?
bool IsAlive(int pid);

}  // namespace norroy::program

#endif  // NORROY_COMMON_PROGRAM_TEST_WORLD_H_

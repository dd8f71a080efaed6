#include "common/program/test_world.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"

namespace norroy::program {

std::string NewFolder() {
  const char* const base = getenv("TEST_TMPDIR");
  std::string path = absl::StrCat(base == nullptr ? "/tmp" : base, "/hook-XXXXXX");
  NORROY_CHECK(mkdtemp(path.data()) != nullptr);
  char* const real = realpath(path.c_str(), nullptr);
  NORROY_CHECK(real != nullptr);
  path = real;
  free(real);
  return path;
}

std::string WriteProgram(const std::string& folder, const std::string& name, absl::string_view text,
                         int mode) {
  const std::string path = absl::StrCat(folder, "/", name);
  std::ofstream(path, std::ios::binary) << text;
  NORROY_CHECK(chmod(path.c_str(), static_cast<mode_t>(mode)) == 0);
  return path;
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return condition();
}

bool IsAlive(int pid) {
  // "PID (name) STATE ..."
  const std::string stat = TextOf(absl::StrCat("/proc/", pid, "/stat"));
  const size_t end = stat.rfind(") ");
  return end != std::string::npos && end + 2 < stat.size() && stat[end + 2] != 'Z';
}

}  // namespace norroy::program

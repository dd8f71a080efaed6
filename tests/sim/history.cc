#include "tests/sim/history.h"

#include <cstdio>

#include "absl/strings/str_format.h"

namespace norroy::sim {

void History::Note(absl::Duration at, absl::string_view line) {
  std::string text = absl::StrFormat("%13.6f %s", absl::ToDoubleSeconds(at), line);
  // FNV-1a.
  for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  ++events_;
  if (trace_) std::printf("%s\n", text.c_str());
  last_.push_back(std::move(text));
  if (last_.size() > kKept) last_.pop_front();
}

}  // namespace norroy::sim

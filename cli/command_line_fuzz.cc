// What people type: it is a command, a text for them, or a refusal that can be printed and says how
// it is used. The input is the arguments, divided by zeros.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cli/command_line.h"
#include "common/check.h"
#include "common/error/error.h"

using norroy::cli::CommandLine;
using norroy::cli::ParseCommandLine;

namespace {

void CheckRefusal(const absl::Status& status) {
  NORROY_CHECK(norroy::ErrorReason(status) == "BAD_USAGE");
  NORROY_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  NORROY_CHECK(!status.message().empty());
  NORROY_CHECK(norroy::Printable(status.message(), 8192) == status.message());
}

void CheckSame(const CommandLine& line, const CommandLine& again) {
  NORROY_CHECK(line.text == again.text && line.format == again.format &&
               line.quiet == again.quiet && line.options.dir == again.options.dir &&
               line.options.issuer == again.options.issuer &&
               line.options.validator == again.options.validator);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> arguments = absl::StrSplit(input, '\0');
  const absl::StatusOr<CommandLine> line = ParseCommandLine(arguments);
  if (!line.ok()) {
    CheckRefusal(line.status());
    return 0;
  }
  // A text or a command.
  NORROY_CHECK(line->text.empty() == (line->run != nullptr));
  CheckSame(*line, *ParseCommandLine(arguments));
  NORROY_CHECK(line->options.dir.find('\0') == std::string::npos);
#ifdef PLANTED
  // An option of all commands that comes after the command, without a blank.
  NORROY_CHECK(line->options.issuer.empty() || line->text.empty() == false || !line->quiet ||
               arguments.back().find('=') == std::string::npos);
#endif
  return 0;
}

// Lines of the log: whatever a message or a value holds, it is one line that can be printed, and
// what was said can be read back from it.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/log/log.h"

namespace {

using norroy::Printable;
namespace log = norroy::log;

constexpr size_t kMaxValue = 2048;

std::string LineOf(log::Format format, const std::string& key, absl::string_view text) {
  std::string line;
  log::Configure(log::Level::kDebug, format);
  log::SetSink([&](absl::string_view written) { absl::StrAppend(&line, written); });
  log::Warning("fuzz", text, {{"first", text}, {key, "x"}});
  log::SetSink({});
  return line;
}

int Digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// "\x1b" as the byte that it stands for.
std::string Unescaped(absl::string_view printable) {
  std::string bytes;
  for (size_t i = 0; i < printable.size(); ++i) {
    if (printable[i] == '\\' && printable[i + 1] == 'x') {
      bytes.push_back(static_cast<char>(Digit(printable[i + 2]) * 16 + Digit(printable[i + 3])));
      i += 3;
    } else {
      bytes.push_back(printable[i]);
    }
  }
  return bytes;
}

void CheckPrintable(absl::string_view text) {
  const std::string printable = Printable(text, text.size() * 4);
  NORROY_CHECK(Printable(printable, printable.size()) == printable);
  for (const char c : printable) NORROY_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  // A text that has a backslash already may look like one that was escaped; another may not.
  if (absl::StrContains(text, "\\")) return;
  NORROY_CHECK(Unescaped(printable) == text);
#ifdef PLANTED
  NORROY_CHECK(!absl::StrContains(printable, "\\xe2\\x80\\xae"));
#endif
  const std::string cut = Printable(text, text.size() / 2);
  NORROY_CHECK(cut.size() <= text.size() / 2 + 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  CheckPrintable(text);
  const std::string key(text.substr(0, 8));
  const std::string line = LineOf(log::Format::kText, key, text);
  NORROY_CHECK(Printable(line, line.size()) == line);
  const std::string said = Printable(text, kMaxValue);
  NORROY_CHECK(absl::StrContains(line, absl::StrCat(" WARNING fuzz: ", said, " first=")));
  // Values with blanks stand in quotes, so that none can pretend to be another field.
  const bool quoted = said.empty() || said.find_first_of(" \"=") != std::string::npos;
  const std::string value =
      quoted ? absl::StrCat("\"", absl::StrReplaceAll(said, {{"\"", "\\\""}}), "\"") : said;
  NORROY_CHECK(absl::StrContains(line, absl::StrCat(" first=", value, " ")));

  const auto json =
      nlohmann::json::parse(LineOf(log::Format::kJson, key, text), nullptr, /*exceptions=*/false);
  NORROY_CHECK(json.is_object());
  NORROY_CHECK(json["level"] == "warning" && json["component"] == "fuzz");
  NORROY_CHECK(json["msg"] == said && (json["first"] == said || key == "first"));
  return 0;
}

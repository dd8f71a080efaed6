#include "cli/import_renewal.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

constexpr char kOptions[] = "renewalparams";

absl::Status Bad(int line, absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_RENEWAL_FILE",
                   absl::StrCat("line ", line, ": ", what));
}

absl::string_view WithoutQuotes(absl::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                      (value.front() == '"' || value.front() == '\'');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

absl::StatusOr<RenewalFile> ParseRenewalFile(absl::string_view text) {
  if (text.size() > kMaxRenewalFile) return Bad(0, "the file is too long");
  RenewalFile file;
  std::map<std::string, std::string>* section = &file.files;
  std::map<std::string, std::string> unknown;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      const absl::string_view name =
          absl::StripAsciiWhitespace(absl::StripSuffix(absl::StripPrefix(line, "["), "]"));
      section = name == kOptions ? &file.options : &unknown;
      unknown.clear();
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos || equals == 0) return Bad(number, "is no key = value");
    const std::string key(absl::StripAsciiWhitespace(line.substr(0, equals)));
    const std::string value(WithoutQuotes(absl::StripAsciiWhitespace(line.substr(equals + 1))));
    if (!section->emplace(key, value).second) {
      return Bad(number, absl::StrCat(Printable(key), " is there twice"));
    }
  }
  return file;
}

std::vector<std::string> PlainCommand(absl::string_view line) {
  const bool plain = std::all_of(line.begin(), line.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains(" _./:@%+,=-", c);
  });
  std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  // A word with "=" in the first place would be a variable's.
  if (!plain || words.empty() || absl::StrContains(words[0], '=')) return {};
  if (words[0][0] == '/') return words;
  if (absl::StrContains(words[0], '/')) return {};
  for (const char* folder : {"/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const std::string path = absl::StrCat(folder, "/", words[0]);
    if (access(path.c_str(), X_OK) != 0) continue;
    words[0] = path;
    return words;
  }
  return {};
}

}  // namespace norroy::cli

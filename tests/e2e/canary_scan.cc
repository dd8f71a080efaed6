#include "tests/e2e/canary_scan.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "tests/harness/process.h"

namespace norroy::harness {
namespace {

constexpr size_t kLeast = 8;
constexpr size_t kPemLine = 64;

// What base64 makes of `bytes` behind `before` others, less the digits that hold bits of others.
std::string Base64At(const std::string& bytes, size_t before, bool for_urls) {
  const std::string padded = std::string(before, 'x') + bytes;
  std::string text = for_urls ? absl::WebSafeBase64Escape(padded) : absl::Base64Escape(padded);
  while (!text.empty() && text.back() == '=') text.pop_back();
  if (padded.size() % 3 != 0) text.pop_back();
  return text.substr(before == 0 ? 0 : before + 1);
}

// The private number in a PKCS#8 or SEC 1 key of P-256 or P-384; "" in others.
std::string ScalarOf(const std::string& der) {
  for (const size_t size : {32, 48}) {
    const std::string head = std::string("\x02\x01\x01\x04", 4) + static_cast<char>(size);
    const size_t at = der.find(head);
    if (at != std::string::npos) return der.substr(at + head.size(), size);
  }
  return "";
}

}  // namespace

void CanaryScan::Add(const std::string& name, const std::string& bytes,
                     std::set<std::string> holders) {
  NORROY_CHECK(bytes.size() >= kLeast);
  Canary canary{name, {{"it is", bytes}}, std::move(holders)};
  for (size_t before = 0; before < 3; ++before) {
    canary.forms.push_back({"base64", Base64At(bytes, before, false)});
    canary.forms.push_back({"base64url", Base64At(bytes, before, true)});
  }
  const std::string hex = absl::BytesToHexString(bytes);
  canary.forms.push_back({"hex", hex});
  canary.forms.push_back({"upper-case hex", absl::AsciiStrToUpper(hex)});
  canaries_.push_back(std::move(canary));
}

void CanaryScan::AddBase64(const std::string& name, const std::string& text,
                           const std::set<std::string>& holders) {
  Add(name, text, holders);
  std::string bytes;
  const bool read = absl::Base64Unescape(text, &bytes) || absl::WebSafeBase64Unescape(text, &bytes);
  NORROY_CHECK(read);
  Add(name + " (its bytes)", bytes, holders);
}

void CanaryScan::AddPem(const std::string& name, const std::string& pem,
                        const std::set<std::string>& holders) {
  for (size_t at = pem.find("PRIVATE KEY-----\n"); at != std::string::npos;
       at = pem.find("PRIVATE KEY-----\n", at + 1)) {
    const size_t begin = pem.find('\n', at) + 1;
    const size_t end = pem.find("-----END", begin);
    if (end == std::string::npos) return;
    const std::string body = pem.substr(begin, end - begin);
    std::string der;
    NORROY_CHECK(absl::Base64Unescape(body, &der));
    Add(name + " (DER)", der, holders);
    const std::string scalar = ScalarOf(der);
    if (!scalar.empty()) Add(name + " (private number)", scalar, holders);
    // The first line may be the same for all keys of a kind.
    const std::vector<std::string> lines = absl::StrSplit(body, '\n', absl::SkipEmpty());
    NORROY_CHECK(lines.size() >= 2 && lines[1].size() == kPemLine);
    canaries_.push_back({name, {{"a line of PEM", lines[1]}}, holders});
    // The next key in this text, not this one's end.
    at = end;
    at = pem.find('\n', at);
    if (at == std::string::npos) return;
  }
}

std::vector<std::string> CanaryScan::LookAt(const std::string& where,
                                            const std::string& text) const {
  std::vector<std::string> found;
  for (const Canary& canary : canaries_) {
    if (canary.holders.count(where) > 0) continue;
    for (const Form& form : canary.forms) {
      if (!absl::StrContains(text, form.text)) continue;
      found.push_back(absl::StrCat(where, ": ", canary.name, " as ", form.name));
      break;
    }
  }
  return found;
}

std::vector<std::string> CanaryScan::LookBelow(const std::string& folder,
                                               const std::vector<std::string>& except) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    const bool excepted = std::any_of(except.begin(), except.end(), [&](const std::string& prefix) {
      return absl::StartsWith(path, prefix);
    });
    if (excepted || !entry.is_regular_file() || entry.is_symlink()) continue;
    files_.insert(path);
    const std::vector<std::string> here = LookAt(path, ReadAll(path));
    found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

std::set<std::string> CanaryScan::holders() const {
  std::set<std::string> all;
  for (const Canary& canary : canaries_) all.insert(canary.holders.begin(), canary.holders.end());
  return all;
}

}  // namespace norroy::harness

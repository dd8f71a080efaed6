#include "common/crypto/encoding.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kBegin = "-----BEGIN ";
constexpr absl::string_view kEnd = "-----END ";
constexpr absl::string_view kDashes = "-----";
constexpr size_t kMaxLabel = 64;

absl::Status BadPem(size_t line, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PEM",
                   absl::StrCat("PEM, line ", line, ": ", message));
}

void WipeString(std::string& text) { OPENSSL_cleanse(text.data(), text.size()); }

// Yields the lines of a text one after the other, without line ends and trailing blanks.
class LineReader {
 public:
  explicit LineReader(absl::string_view text) : rest_(text) {}

  bool Next(absl::string_view* line) {
    if (rest_.empty()) return false;
    const size_t end = rest_.find('\n');
    *line = rest_.substr(0, end);
    rest_ = end == absl::string_view::npos ? absl::string_view() : rest_.substr(end + 1);
    while (!line->empty() && absl::StrContains(" \t\r", line->back())) line->remove_suffix(1);
    ++number_;
    return true;
  }
  size_t number() const { return number_; }

 private:
  absl::string_view rest_;
  size_t number_ = 0;
};

// "-----BEGIN X-----" -> "X"; nothing if `line` does not have that form.
std::optional<std::string> Label(absl::string_view line, absl::string_view prefix) {
  if (!absl::ConsumePrefix(&line, prefix) || !absl::ConsumeSuffix(&line, kDashes)) {
    return std::nullopt;
  }
  // RFC 7468 3: single hyphens inside a label only.
  if (line.empty() || line.size() > kMaxLabel || line.front() == '-' || line.back() == '-' ||
      absl::StrContains(line, "--")) {
    return std::nullopt;
  }
  return std::string(line);
}

// The base64 lines up to the END line of `label`.
absl::StatusOr<std::string> ReadBody(LineReader& lines, const std::string& label) {
  const size_t start = lines.number();
  std::string body;
  absl::string_view line;
  while (lines.Next(&line)) {
    if (absl::StartsWith(line, kDashes)) {
      if (Label(line, kEnd) == label) return body;
      WipeString(body);
      return BadPem(lines.number(),
                    absl::StrCat("expected \"-----END ", Printable(label), "-----\" here"));
    }
    if (absl::StrContains(line, ':')) {
      WipeString(body);
      return BadPem(lines.number(), "encrypted or annotated block: write it without headers");
    }
    absl::StrAppend(&body, line);
  }
  WipeString(body);
  return BadPem(start, absl::StrCat("the block \"", Printable(label), "\" has no END line"));
}

absl::StatusOr<std::string> DecodeBody(absl::string_view body, size_t line) {
  std::string der;
  // Escaping again refuses what the lenient decoder lets pass: inner blanks, missing padding,
  // stray bits.
  if (!absl::Base64Unescape(body, &der) || absl::Base64Escape(der) != body) {
    WipeString(der);
    return BadPem(line, "the block that ends here is not base64 (RFC 4648 4)");
  }
  if (der.empty()) return BadPem(line, "the block that ends here is empty");
  return der;
}

}  // namespace

std::string Sha256(absl::string_view data) {
  std::string digest(32, '\0');
  NORROY_CHECK(EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()),
                          nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

std::string HmacSha256(const Secret& key, absl::string_view data) {
  std::string digest(32, '\0');
  unsigned int length = 0;
  NORROY_CHECK(HMAC(EVP_sha256(), key.Expose().data(), static_cast<int>(key.Expose().size()),
                    Bytes(data), data.size(), reinterpret_cast<unsigned char*>(digest.data()),
                    &length) != nullptr);
  NORROY_CHECK(length == digest.size());
  return digest;
}

std::string Base64Url(absl::string_view bytes) { return absl::WebSafeBase64Escape(bytes); }

absl::StatusOr<std::string> Base64UrlDecode(absl::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || absl::WebSafeBase64Escape(bytes) != text) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_BASE64URL",
                     "not base64url without padding (RFC 4648 5): allowed are A-Z a-z 0-9 - _");
  }
  return bytes;
}

std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

absl::StatusOr<std::vector<PemBlock>> PemDecode(absl::string_view text) {
  if (text.size() > kMaxPemBytes) {
    return BadPem(1, absl::StrCat(text.size(), " bytes; at most ", kMaxPemBytes));
  }
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  std::vector<PemBlock> blocks;
  LineReader lines(text);
  absl::string_view line;
  while (lines.Next(&line)) {
    if (absl::StartsWith(line, kEnd)) return BadPem(lines.number(), "END without BEGIN");
    if (!absl::StartsWith(line, kBegin)) continue;
    const std::optional<std::string> label = Label(line, kBegin);
    if (!label.has_value()) return BadPem(lines.number(), "malformed BEGIN line");
    if (blocks.size() == kMaxPemBlocks) {
      return BadPem(lines.number(), absl::StrCat("more than ", kMaxPemBlocks, " blocks"));
    }
    NORROY_ASSIGN_OR_RETURN(std::string body, ReadBody(lines, *label));
    absl::StatusOr<std::string> der = DecodeBody(body, lines.number());
    WipeString(body);
    if (!der.ok()) return std::move(der).status();
    blocks.push_back({*label, *std::move(der)});
  }
  return blocks;
}

void WipeBlocks(std::vector<PemBlock>& blocks) {
  for (PemBlock& block : blocks) WipeString(block.der);
}

std::string PemEncode(absl::string_view label, absl::string_view der) {
  constexpr size_t kLine = 64;  // RFC 7468 2
  std::string base64 = absl::Base64Escape(der);
  std::string pem = absl::StrCat(kBegin, label, kDashes, "\n");
  for (size_t i = 0; i < base64.size(); i += kLine) {
    absl::StrAppend(&pem, base64.substr(i, kLine), "\n");
  }
  absl::StrAppend(&pem, kEnd, label, kDashes, "\n");
  return pem;
}

}  // namespace norroy::crypto

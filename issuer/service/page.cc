#include "issuer/service/page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/limits.h"

namespace norroy::service {
namespace {

constexpr size_t kDigestBytes = 12;

std::string Digest(absl::string_view position, absl::string_view query) {
  const std::string all = absl::StrCat("norroy page v1", absl::string_view("\0", 1), position,
                                       absl::string_view("\0", 1), query);
  return crypto::Sha256(all).substr(0, kDigestBytes);
}

absl::Status BadToken() {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN",
                   "page_token is not one that this list returned: pass next_page_token "
                   "unchanged, with the same filters, or leave it empty to begin anew",
                   {{"field", "page_token"}});
}

absl::StatusOr<store::PageKey> ParseToken(absl::string_view token, absl::string_view query) {
  if (token.size() > kMaxPageToken) return BadToken();
  const absl::StatusOr<std::string> bytes = crypto::Base64UrlDecode(token);
  if (!bytes.ok() || bytes->size() <= kDigestBytes) return BadToken();
  const absl::string_view position = absl::string_view(*bytes).substr(kDigestBytes);
  if (bytes->substr(0, kDigestBytes) != Digest(position, query)) return BadToken();
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(position, absl::MaxSplits(':', 1));
  int64_t nanos = 0;
  if (!absl::SimpleAtoi(parts.first, &nanos)) return BadToken();
  return store::PageKey{absl::FromUnixNanos(nanos), std::string(parts.second)};
}

}  // namespace

absl::StatusOr<Page> ParsePage(int32_t page_size, absl::string_view page_token,
                               absl::string_view query) {
  if (page_size < 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FIELD",
                     absl::StrCat("page_size is ", page_size, "; it must be 0 to ", kMaxPageSize),
                     {{"field", "page_size"}});
  }
  Page page;
  page.limit = page_size == 0 ? kDefaultPageSize : std::min<int>(page_size, kMaxPageSize);
  if (page_token.empty()) return page;
  NORROY_ASSIGN_OR_RETURN(page.after, ParseToken(page_token, query));
  return page;
}

bool PageFiller::HasRoom(size_t bytes) const {
  return count_ == 0 || (count_ < limit_ && bytes_ + bytes <= kMaxPageBytes);
}

void PageFiller::Took(const store::PageKey& key, size_t bytes) {
  last_ = key;
  ++count_;
  bytes_ += bytes;
}

std::string PageToken(const store::PageKey& after, absl::string_view query) {
  const std::string position = absl::StrCat(absl::ToUnixNanos(after.create_time), ":", after.id);
  return crypto::Base64Url(absl::StrCat(Digest(position, query), position));
}

}  // namespace norroy::service

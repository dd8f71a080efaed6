#ifndef NORROY_ISSUER_SERVICE_PAGE_H_
#define NORROY_ISSUER_SERVICE_PAGE_H_

// Pages of lists (AIP-158). A token is opaque to callers: the position after the page's last item,
// bound by a digest to the query that it belongs to. A token of another query, or one that was
// altered, is refused. It carries no rights: what a caller may see is decided anew for each page.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "issuer/store/store.h"

namespace norroy::service {

struct Page {
  store::PageKey after;
  int limit = 0;  // items
};

// `query`: everything that shaped the list, the caller's view included.
// INVALID_ARGUMENT for a negative size or a token that is not of this query.
absl::StatusOr<Page> ParsePage(int32_t page_size, absl::string_view page_token,
                               absl::string_view query);
std::string PageToken(const store::PageKey& after, absl::string_view query);

// Where a page that is being filled stands. Rows are offered in the store's order:
//
//   if (!filler.HasRoom(proto.ByteSizeLong())) -> the page ends before this row
//   filler.Took(key, bytes) or filler.Skipped(key)
class PageFiller {
 public:
  explicit PageFiller(const Page& page) : limit_(page.limit), last_(page.after) {}

  // The first row always fits.
  bool HasRoom(size_t bytes) const;
  void Took(const store::PageKey& key, size_t bytes);
  void Skipped(const store::PageKey& key) { last_ = key; }
  // The last row that was looked at: where the next page begins.
  const store::PageKey& last() const { return last_; }

 private:
  const int limit_;
  store::PageKey last_;
  int count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_PAGE_H_

#ifndef NORROY_CLI_IMPORT_H_
#define NORROY_CLI_IMPORT_H_

// `norroy import certbot|lego`: takes over the certificates that another client keeps on this host,
// as they are, without ordering any: entries in sync.yaml, and their files in its state folder.
// What cannot be taken over is said in words. Nothing of the other client's is changed.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"
#include "cli/sync.h"
#include "cli/sync_lineage.h"
#include "norroy/config/v1/sync.pb.h"

namespace norroy::cli {

struct ImportOptions {
  std::string folder;
  std::string config = kSyncConfig;
};

absl::Status ImportCertbot(Context& context, const ImportOptions& options);
absl::Status ImportLego(Context& context, const ImportOptions& options);

// One certificate as another client has it.
struct FoundCertificate {
  std::string name;
  config::v1::SyncCertificate entry;  // what the other client's settings mean here
  // What is installed there. An error: why it cannot be read.
  absl::StatusOr<CertificateSet> set = absl::UnknownError("not read");
  FileAccess access;  // of the key's file
  std::vector<std::string> remarks;
};

// For the two of them. Every readable one gets its entry and its files.
absl::Status Import(Context& context, const ImportOptions& options,
                    std::vector<FoundCertificate> found);

// Reads chain and key; a chain file with the leaf alone is completed from `issuer_file` ("": none).
void ReadFound(const std::string& chain_file, const std::string& issuer_file,
               const std::string& key_file, FoundCertificate& found);

// `text` is a sync.yaml that reads as `before`; the same text with the entries at its end.
// FAILED_PRECONDITION, reason CANNOT_APPEND, if there is no place for them.
absl::StatusOr<std::string> AppendEntries(const std::string& text,
                                          const config::v1::SyncConfig& before,
                                          const std::vector<config::v1::SyncCertificate>& entries);

}  // namespace norroy::cli

#endif  // NORROY_CLI_IMPORT_H_

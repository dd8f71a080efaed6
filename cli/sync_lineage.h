#ifndef NORROY_CLI_SYNC_LINEAGE_H_
#define NORROY_CLI_SYNC_LINEAGE_H_

// One certificate on disk, its predecessors included, laid out as certbot's users know it:
//
//   archive/NAME/{cert,chain,fullchain,privkey}N.pem    (bundleN.pem)
//   live/NAME/{cert,chain,fullchain,privkey}.pem        (bundle.pem)
//
// live/NAME is one symbolic link, to archive/NAME/setN, whose links lead to the files of number N.
// It is replaced by rename once all of the new set is on the disk: whoever opens a file below
// live/NAME finds the old set or the new one, and after a kill or a loss of power at any moment it
// is one of the two, key and certificate matching. The last three sets are kept.
//
// Not thread-safe; one process at a time (sync_lock.h).

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/sync_settings.h"
#include "common/crypto/chain.h"
#include "common/crypto/key.h"

namespace norroy::cli {

inline constexpr int kKeptSets = 3;

// A certificate with its key.
struct CertificateSet {
  crypto::CertificateChain chain;
  crypto::PrivateKey key;
};

class Lineage {
 public:
  Lineage(std::string state_dir, std::string name);

  // What live/NAME leads to; nullopt if there is none. FAILED_PRECONDITION: reason BROKEN_SET if it
  // is not whole or its key is another's (a new one is the remedy), FOREIGN_FOLDER if live/NAME is
  // not of our making (it is left alone).
  absl::StatusOr<std::optional<CertificateSet>> Read() const;

  // The files' mode, owner, and whether there is a bundle are as `wanted` says.
  bool FilesFit(const WantedCertificate& wanted) const;

  // Puts the set in place. What `wanted` leaves open (owner, group, mode) is as the files are that
  // it replaces. Folders are made as they are needed.
  absl::Status Install(const CertificateSet& set, const WantedCertificate& wanted);

  // live/NAME and the files in it.
  std::string live() const { return live_; }
  std::string File(absl::string_view kind) const;  // "privkey"

 private:
  struct Access;
  // False: nothing is. An error: something is that is not ours.
  absl::StatusOr<bool> IsThere() const;
  Access AccessFor(const WantedCertificate& wanted) const;
  std::string Archived(absl::string_view kind, int number) const;
  std::string SetFolder(int number) const;
  std::vector<int> Numbers() const;
  // Of the set that live/NAME leads to; 0 if it leads to none of ours.
  int CurrentNumber() const;
  absl::Status MakeFolders() const;
  absl::Status WriteFiles(int number, const CertificateSet& set, bool bundle,
                          const Access& access) const;
  absl::Status WriteSet(int number, bool bundle) const;
  absl::Status Switch(int number) const;
  void Prune() const;

  const std::string name_;
  const std::string archive_;  // .../archive/NAME
  const std::string lives_;    // .../live
  const std::string live_;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_LINEAGE_H_

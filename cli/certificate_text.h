#ifndef NORROY_CLI_CERTIFICATE_TEXT_H_
#define NORROY_CLI_CERTIFICATE_TEXT_H_

// A certificate, and the files it was written to, as people read them.

#include <string>

#include "cli/output.h"
#include "cli/result.pb.h"
#include "norroy/issuer/v1/certificate_service.pb.h"

namespace norroy::cli {

// The first name, and how many more there are.
std::string NamesText(const issuer::v1::Certificate& certificate);
Fields CertificateFields(const issuer::v1::Certificate& certificate);
Fields FilesFields(const CertificateFiles& files);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CERTIFICATE_TEXT_H_

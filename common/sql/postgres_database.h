#ifndef NORROY_COMMON_SQL_POSTGRES_DATABASE_H_
#define NORROY_COMMON_SQL_POSTGRES_DATABASE_H_

// PostgreSQL behind the database port.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sql/database.h"

namespace norroy::sql {

// "postgresql://...": a database, and no file.
bool IsPostgresUrl(absl::string_view database);

// Whether the URL says how to get there safely: over a Unix socket or loopback, or by TLS that
// verifies the server's name (sslmode=verify-full); without a password in it (a passfile or a
// client certificate has its own place); files by absolute paths. INVALID_ARGUMENT, reason
// BAD_CONFIG.
absl::Status CheckPostgresUrl(const std::string& url);

// A connection URL as libpq reads it,
// "postgresql://norroy@db.example.net/issuer?sslmode=verify-full
// &sslrootcert=/etc/norroy/db-root.pem" or "postgresql:///issuer?host=/run/postgresql". Version 13
// or newer. Errors are those of OpenSqlite, and: UNAVAILABLE, reason STORAGE_GONE: the server was
// not to be had for 10 s, and nothing was changed; STORAGE_UNKNOWN: it crashed in the middle of
// a commit or did not come back, so the last change was kept or not; ABORTED, STORAGE_CONFLICT:
// other processes were in the way for 10 s.
absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(const std::string& url);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_POSTGRES_DATABASE_H_

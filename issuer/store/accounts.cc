#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "issuer/store/records.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {

namespace {

absl::Status CheckKey(sql::Connection& connection, const AccountRecord& account,
                      absl::string_view replaces) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      connection.Query("SELECT record FROM accounts WHERE ca = $1", {account.ca}));
  if (rows.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const AccountRecord stored, ParseAccount(rows.front().Bytes(0)));
  const std::string& key = stored.key_thumbprint;
  if (stored.directory_url != account.directory_url || key.empty() ||
      key == account.key_thumbprint || key == replaces) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kAborted, "ACCOUNT_KEY_DIFFERS",
      absl::StrCat("another issuer on this database has the account at CA ", account.ca,
                   " by another key (", key, "): issuers on one database share their account ",
                   "keys; copy that issuer's account-", account.ca, ".pem, or configure the same ",
                   "cas[].account_key for each"),
      {{"ca", account.ca}});
}

}  // namespace

absl::Status SqlStore::PutAccount(const AccountRecord& account, absl::string_view replaces) {
  return database_.Write([&](sql::Connection& connection) -> absl::Status {
    NORROY_RETURN_IF_ERROR(CheckKey(connection, account, replaces));
    NORROY_RETURN_IF_ERROR(connection
                               .Execute("INSERT INTO accounts (ca, record) VALUES ($1, $2) "
                                        "ON CONFLICT (ca) DO UPDATE SET record = excluded.record",
                                        {account.ca, sql::Blob{AccountBytes(account)}})
                               .status());
    return Append(connection,
                  {.principal = chain_.writer(),
                   .action = "account.put",
                   .object = absl::StrCat("account/", account.ca),
                   .detail = absl::StrCat("url=", account.url, " status=", account.status,
                                          " key=", account.key_thumbprint)},
                  account.create_time);
  });
}

absl::StatusOr<AccountRecord> SqlStore::GetAccount(absl::string_view ca) {
  return sql::ReadFor<AccountRecord>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<AccountRecord> {
        NORROY_ASSIGN_OR_RETURN(
            const std::vector<sql::Row> rows,
            connection.Query("SELECT record FROM accounts WHERE ca = $1", {std::string(ca)}));
        if (!rows.empty()) return ParseAccount(rows.front().Bytes(0));
        return MakeError(absl::StatusCode::kNotFound, "NO_ACCOUNT",
                         absl::StrCat("there is no account at the CA ", Printable(ca, 64)),
                         {{"ca", Printable(ca, 64)}});
      });
}

absl::StatusOr<std::vector<AccountRecord>> SqlStore::ListAccounts() {
  using Accounts = std::vector<AccountRecord>;
  return sql::ReadFor<Accounts>(
      database_, [&](sql::Connection& connection) -> absl::StatusOr<Accounts> {
        NORROY_ASSIGN_OR_RETURN(const std::vector<sql::Row> rows,
                                connection.Query("SELECT record FROM accounts ORDER BY ca", {}));
        Accounts accounts;
        for (const sql::Row& row : rows) {
          NORROY_ASSIGN_OR_RETURN(AccountRecord account, ParseAccount(row.Bytes(0)));
          accounts.push_back(std::move(account));
        }
        return accounts;
      });
}

}  // namespace norroy::store

#include "common/sql/postgres_connection.h"

#include <poll.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/sql/postgres_dialect.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

constexpr int kOldestVersion = 130000;
constexpr absl::string_view kInvalidParameter = "22023";
constexpr size_t kMaxCachedStatements = 256;
constexpr absl::Duration kBetweenQuestions = absl::Milliseconds(100);

// Columns of results, by type (PostgreSQL's pg_type.oid).
enum TypeId : unsigned {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kUnknown = 705,
  kVarchar = 1043,
  kNumeric = 1700,
};

absl::Status Unusable(absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE", message);
}

absl::StatusOr<Value> ValueOf(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return Value(Null());
  const char* const text = PQgetvalue(result, row, column);
  const absl::string_view view(text, static_cast<size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case kInt8:
    case kInt4:
    case kInt2:
    case kNumeric: {
      int64_t number = 0;
      if (absl::SimpleAtoi(view, &number)) return Value(number);
      break;
    }
    case kBool:
      return Value(int64_t{view == "t" ? 1 : 0});
    case kBytea: {
      size_t size = 0;
      unsigned char* const bytes =
          PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &size);
      if (bytes == nullptr) break;
      Blob blob{std::string(reinterpret_cast<const char*>(bytes), size)};
      PQfreemem(bytes);
      return Value(std::move(blob));
    }
    case kText:
    case kVarchar:
    case kUnknown:
      return Value(std::string(view));
    default:
      break;
  }
  return absl::InternalError(absl::StrCat("column ", column + 1,
                                          " of a result is neither a whole number nor text nor "
                                          "bytes (type ",
                                          PQftype(result, column), ")"));
}

// Parameters as libpq wants them: numbers and text as text, bytes as they are.
struct Arguments {
  explicit Arguments(const std::vector<Value>& parameters) {
    numbers.reserve(parameters.size());
    for (const Value& value : parameters) {
      if (const auto* number = std::get_if<int64_t>(&value)) {
        numbers.push_back(absl::StrCat(*number));
        Add(numbers.back(), /*binary=*/false);
      } else if (const auto* text = std::get_if<std::string>(&value)) {
        Add(*text, /*binary=*/false);
      } else if (const auto* blob = std::get_if<Blob>(&value)) {
        Add(blob->bytes, /*binary=*/true);
      } else {
        values.push_back(nullptr);
        lengths.push_back(0);
        formats.push_back(0);
      }
    }
  }
  void Add(const std::string& bytes, bool binary) {
    values.push_back(bytes.c_str());
    lengths.push_back(static_cast<int>(bytes.size()));
    formats.push_back(binary ? 1 : 0);
  }

  std::vector<std::string> numbers;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

// Text ends at its first NUL on the way to the server.
bool HasNulInText(const std::vector<Value>& parameters) {
  for (const Value& value : parameters) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->find('\0') != std::string::npos) return true;
  }
  return false;
}

void IgnoreNotice(void* /*context*/, const PGresult* /*result*/) {}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(
    const std::string& url) {
  auto connection = std::unique_ptr<PostgresConnection>(new PostgresConnection(url));
  NORROY_RETURN_IF_ERROR(connection->Connect());
  return connection;
}

bool PostgresConnection::connected() const {
  return handle_ != nullptr && PQstatus(handle_.get()) == CONNECTION_OK;
}

absl::Status PostgresConnection::Connect() {
  statements_.clear();
  transaction_.clear();
  const std::string options = absl::StrCat(
      "-c statement_timeout=", absl::ToInt64Milliseconds(kStatementTimeout),
      " -c lock_timeout=", absl::ToInt64Milliseconds(kLockTimeout),
      " -c idle_in_transaction_session_timeout=", 2 * absl::ToInt64Milliseconds(kStatementTimeout),
      // So that the server notices soon when this machine is gone.
      " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
      " -c synchronous_commit=on -c client_min_messages=warning");
  // What stands in the URL comes first, so that ours holds.
  const char* const keywords[] = {"dbname",
                                  "client_encoding",
                                  "application_name",
                                  "options",
                                  "connect_timeout",
                                  "keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "tcp_user_timeout",
                                  nullptr};
  const char* const values[] = {url_.c_str(), "UTF8", "norroy", options.c_str(), "5",
                                "10",         "5",    "3",      "10000",         nullptr};
  handle_.reset(PQconnectdbParams(keywords, values, /*expand_dbname=*/1));
  if (!connected()) {
    may_run_again_ = true;
    return Failure(nullptr, "connect");
  }
  PQsetNoticeReceiver(handle_.get(), IgnoreNotice, nullptr);
  const int version = PQserverVersion(handle_.get());
  if (version >= kOldestVersion) {
    NORROY_ASSIGN_OR_RETURN(server_start_, ServerStart());
    return absl::OkStatus();
  }
  handle_.reset();
  return Unusable(absl::StrCat("the PostgreSQL server has version ", version / 10000,
                               "; 13 or newer is needed"));
}

absl::Status PostgresConnection::Failure(const PGresult* result, absl::string_view sql) {
  const char* const field =
      result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "" : field;
  SqlStateMeaning meaning = MeaningOfSqlState(state);
  if (state.empty() || !connected()) {
    meaning = {absl::StatusCode::kUnavailable, "STORAGE_GONE", "; try again", true};
  }
  if (meaning.again) may_run_again_ = true;
  // The message proper; of a connection, what libpq says.
  const char* const primary =
      result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string said = primary != nullptr
                               ? primary
                               : (handle_ == nullptr ? "no memory" : PQerrorMessage(handle_.get()));
  std::string message = absl::StrCat(
      "PostgreSQL: ", Printable(absl::StripTrailingAsciiWhitespace(said), 512), meaning.advice);
  if (meaning.code == absl::StatusCode::kInternal && meaning.reason.empty()) {
    absl::StrAppend(&message, " (", state, ", in: ", sql, ")");
  }
  if (meaning.reason.empty()) return absl::Status(meaning.code, message);
  return MakeError(meaning.code, meaning.reason, message);
}

absl::Status PostgresConnection::Control(const char* sql) {
  if (!connected()) return Failure(nullptr, sql);
  const Result result(PQexec(handle_.get(), sql));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
  return Failure(result.get(), sql);
}

absl::StatusOr<std::string> PostgresConnection::Prepare(absl::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second;
  if (statements_.size() >= kMaxCachedStatements) {
    NORROY_RETURN_IF_ERROR(Control("DEALLOCATE ALL"));
    statements_.clear();
  }
  const std::string name = absl::StrCat("s", ++last_statement_);
  const Result result(PQprepare(handle_.get(), name.c_str(), ToPostgres(sql).c_str(), 0, nullptr));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return Failure(result.get(), sql);
  statements_.emplace(std::string(sql), name);
  return name;
}

absl::StatusOr<PostgresConnection::Result> PostgresConnection::TryRun(
    absl::string_view sql, const std::vector<Value>& parameters) {
  if (!connected()) return Failure(nullptr, sql);
  if (HasNulInText(parameters)) {
    return absl::FailedPreconditionError("text with a NUL in it cannot be stored");
  }
  NORROY_ASSIGN_OR_RETURN(const std::string name, Prepare(sql));
  const Arguments arguments(parameters);
  Result result(PQexecPrepared(handle_.get(), name.c_str(), static_cast<int>(parameters.size()),
                               arguments.values.data(), arguments.lengths.data(),
                               arguments.formats.data(), /*resultFormat=*/0));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
  return Failure(result.get(), sql);
}

absl::StatusOr<PostgresConnection::Result> PostgresConnection::Run(
    absl::string_view sql, const std::vector<Value>& parameters) {
  absl::StatusOr<Result> result = TryRun(sql, parameters);
  if (!result.ok()) statement_failed_ = true;
  return result;
}

absl::StatusOr<std::vector<Row>> PostgresConnection::Query(absl::string_view sql,
                                                           const std::vector<Value>& parameters) {
  NORROY_ASSIGN_OR_RETURN(const Result result, Run(sql, parameters));
  const int count = PQntuples(result.get());
  if (static_cast<size_t>(count) > kMaxRows) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a result has more than ", kMaxRows, " rows: ", sql));
  }
  std::vector<Row> rows;
  rows.reserve(static_cast<size_t>(count));
  for (int row = 0; row < count; ++row) {
    std::vector<Value> values;
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      NORROY_ASSIGN_OR_RETURN(Value value, ValueOf(result.get(), row, column));
      values.push_back(std::move(value));
    }
    rows.emplace_back(std::move(values));
  }
  return rows;
}

absl::StatusOr<int64_t> PostgresConnection::Execute(absl::string_view sql,
                                                    const std::vector<Value>& parameters) {
  NORROY_ASSIGN_OR_RETURN(const Result result, Run(sql, parameters));
  int64_t changed = 0;
  // Empty for what counts no rows (CREATE TABLE).
  if (!absl::SimpleAtoi(PQcmdTuples(result.get()), &changed)) return int64_t{0};
  return changed;
}

// All channels of ours are one of PostgreSQL's: "<channel> <payload>".
absl::Status PostgresConnection::Notify(absl::string_view channel, absl::string_view payload) {
  const absl::Status fine = CheckNotice(channel, payload);
  if (!fine.ok()) {
    statement_failed_ = true;
    return fine;
  }
  return Run("SELECT pg_notify('norroy', $1)", {absl::StrCat(channel, " ", payload)}).status();
}

std::vector<Notice> PostgresConnection::HeardNotices() {
  std::vector<Notice> notices;
  while (PGnotify* const heard = PQnotifies(handle_.get())) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(heard->extra, absl::MaxSplits(' ', 1));
    notices.push_back({parts.first, parts.second});
    PQfreemem(heard);
  }
  return notices;
}

absl::StatusOr<std::vector<Notice>> PostgresConnection::WaitForNotices(int stop,
                                                                       absl::Duration timeout) {
  std::vector<Notice> notices = HeardNotices();
  if (!notices.empty()) return notices;
  pollfd files[] = {{.fd = PQsocket(handle_.get()), .events = POLLIN, .revents = 0},
                    {.fd = stop, .events = POLLIN, .revents = 0}};
  const int ready = poll(files, 2, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  if (ready == 0) NORROY_RETURN_IF_ERROR(Control("SELECT 1"));
  if (ready > 0 && PQconsumeInput(handle_.get()) == 0) return Failure(nullptr, "LISTEN");
  return HeardNotices();
}

absl::Status PostgresConnection::Begin(bool read_only) {
  may_run_again_ = false;
  statement_failed_ = false;
  transaction_.clear();
  const char* const sql =
      read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                : "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT pg_current_xact_id()::text";
  Result result;
  // What an idle connection has lost shows only now: once more on a new one.
  for (const bool last : {false, true}) {
    if (!connected()) NORROY_RETURN_IF_ERROR(Connect());
    result.reset(PQexec(handle_.get(), sql));
    if (connected() || last) break;
  }
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return Failure(result.get(), sql);
  if (!read_only) transaction_ = PQgetvalue(result.get(), 0, 0);
  return absl::OkStatus();
}

absl::Status PostgresConnection::Save() {
  statement_failed_ = false;
  return Control("SAVEPOINT work");
}

absl::Status PostgresConnection::UndoSaved() {
  NORROY_RETURN_IF_ERROR(Control("ROLLBACK TO SAVEPOINT work"));
  return Control("RELEASE SAVEPOINT work");
}

bool PostgresConnection::InTransaction() const {
  if (may_run_again_ || !connected()) return false;
  const PGTransactionStatusType status = PQtransactionStatus(handle_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

void PostgresConnection::Rollback() {
  // If it fails, the connection is of no use any more, and the next Begin makes another.
  if (connected() && PQtransactionStatus(handle_.get()) != PQTRANS_IDLE &&
      !Control("ROLLBACK").ok()) {
    handle_.reset();
  }
  transaction_.clear();
}

absl::Status PostgresConnection::Commit() {
  const Result result(PQexec(handle_.get(), "COMMIT"));
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) {
    // A transaction in which something failed is rolled back by COMMIT.
    if (absl::string_view(PQcmdStatus(result.get())) == "COMMIT") return absl::OkStatus();
    return absl::InternalError("PostgreSQL rolled the transaction back");
  }
  // An answer with an SQLSTATE says that it failed; without one nobody knows.
  if (connected()) {
    const absl::Status failed = Failure(result.get(), "COMMIT");
    Rollback();
    return failed;
  }
  return Resolve();
}

// PostgreSQL's own word on the transaction, once the server can be asked again.
absl::Status PostgresConnection::Resolve() {
  const std::string transaction = transaction_;
  const std::string server_start = server_start_;
  may_run_again_ = false;
  for (absl::Duration waited; waited < kResolveTimeout; waited += kBetweenQuestions) {
    const absl::StatusOr<Fate> fate = FateOf(transaction, server_start);
    if (fate.ok() && fate->status == "committed") {
      may_run_again_ = false;
      if (fate->same_server) return absl::OkStatus();
      break;
    }
    // Whatever else a server that was started anew says of the id: ours is not among what it kept.
    if (fate.ok() && (fate->status == "aborted" || (!fate->same_server && !fate->status.empty()))) {
      may_run_again_ = true;
      return MakeError(absl::StatusCode::kUnavailable, "STORAGE_GONE",
                       "the connection to PostgreSQL was lost; nothing was changed, try again");
    }
    // "in progress": its process has not noticed yet.
    absl::SleepFor(kBetweenQuestions);
  }
  may_run_again_ = false;
  return MakeError(absl::StatusCode::kUnavailable, "STORAGE_UNKNOWN",
                   absl::StrCat("the connection to PostgreSQL was lost during a commit "
                                "(transaction ",
                                transaction,
                                "), and the server was away for too long or was started anew: the "
                                "last change was kept or it was not; look before you repeat it"));
}

absl::StatusOr<std::string> PostgresConnection::ServerStart() {
  const Result result(PQexec(handle_.get(), "SELECT pg_postmaster_start_time()::text"));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return Failure(result.get(), "start");
  return std::string(PQgetvalue(result.get(), 0, 0));
}

absl::StatusOr<PostgresConnection::Fate> PostgresConnection::FateOf(
    const std::string& transaction, const std::string& server_start) {
  if (!connected()) NORROY_RETURN_IF_ERROR(Connect());
  const bool same_server = server_start_ == server_start;
  const char* const values[] = {transaction.c_str()};
  const Result result(PQexecParams(handle_.get(), "SELECT pg_xact_status($1::text::xid8)", 1,
                                   nullptr, values, nullptr, nullptr, 0));
  if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) {
    return Fate{PQgetvalue(result.get(), 0, 0), same_server};
  }
  // After a crash: an id that nothing was ever kept of is one "in the future".
  const char* const state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  if (state != nullptr && absl::string_view(state) == kInvalidParameter) {
    return Fate{"aborted", same_server};
  }
  return Failure(result.get(), "status");
}

}  // namespace norroy::sql

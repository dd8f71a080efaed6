#include "common/sql/postgres_kinds.h"

namespace norroy::sql {

std::vector<DatabaseKind> TestedKinds() { return PostgresKinds(); }

}  // namespace norroy::sql

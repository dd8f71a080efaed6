#include "common/sql/database_kinds.h"

namespace norroy::sql {

std::vector<DatabaseKind> TestedKinds() { return SqliteKinds(); }

}  // namespace norroy::sql

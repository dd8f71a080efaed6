#include "common/check.h"
#include "common/sql/database.h"

namespace norroy::sql {
namespace {

template <typename T>
const T& Typed(const std::vector<Value>& values, int column) {
  static const T* const empty = new T();
  NORROY_CHECK(column >= 0 && static_cast<size_t>(column) < values.size());
  const Value& value = values[static_cast<size_t>(column)];
  if (std::holds_alternative<Null>(value)) return *empty;
  const T* const typed = std::get_if<T>(&value);
  NORROY_CHECK(typed != nullptr);
  return *typed;
}

}  // namespace

bool Row::IsNull(int column) const {
  NORROY_CHECK(column >= 0 && static_cast<size_t>(column) < values_.size());
  return std::holds_alternative<Null>(values_[static_cast<size_t>(column)]);
}

int64_t Row::Int(int column) const { return Typed<int64_t>(values_, column); }
const std::string& Row::Text(int column) const { return Typed<std::string>(values_, column); }
const std::string& Row::Bytes(int column) const { return Typed<Blob>(values_, column).bytes; }

const Value& Row::Get(int column) const {
  NORROY_CHECK(column >= 0 && static_cast<size_t>(column) < values_.size());
  return values_[static_cast<size_t>(column)];
}

}  // namespace norroy::sql

#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "market/feature/instrument_features.hpp"
#include "market/feature/rows.hpp"
#include "messages/record/record.hpp"

namespace artham::record {

/// A record of md:features and the clock mark that made it.
struct feature_record {
  record::cause cause;
  std::variant<market::feature::chain_row, market::feature::instrument_row> row;

  [[nodiscard]] const market::feature::chain_row* chain() const {
    return std::get_if<market::feature::chain_row>(&row);
  }
  [[nodiscard]] const market::feature::instrument_row* instrument() const {
    return std::get_if<market::feature::instrument_row>(&row);
  }
  /// Of the mark, market time.
  [[nodiscard]] timestamp at() const {
    return chain() != nullptr ? chain()->at : instrument()->mark;
  }
  friend bool operator==(const feature_record&, const feature_record&) = default;
};

[[nodiscard]] inline std::string features_stream() {
  return "md:features";
}

/// Append a body, laid out as docs/streams.md says. The cause stands in the header. Of an
/// underlying's name 255 bytes are kept.
void encode(std::string& out, const market::feature::chain_row& c);
void encode(std::string& out, const market::feature::instrument_row& r);
/// Refuses (errc::corrupt) other kinds, unknown versions, fields and states, and wrong lengths.
[[nodiscard]] result<feature_record> decode_feature(const header& h, std::string_view body);

}  // namespace artham::record

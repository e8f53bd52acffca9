#include "app/official_data.hpp"

#include <algorithm>

#include "app/calendars.hpp"
#include "app/opened_store.hpp"
#include "config/calendar_file.hpp"

namespace artham::app {

std::string official_data::name_of(std::uint32_t token) const {
  const auto found = std::ranges::find(
      instruments, token, [](const store::stored_instrument& s) { return s.instrument.token; });
  return market::display_key(found == instruments.end() ? market::unknown_instrument(token)
                                                        : found->instrument);
}

result<official_data> open_official_data(const config::settings& s) {
  const auto place = store_place(s, s.data.dir);
  if (s.store.kind == config::store_kind::sqlite && !std::filesystem::exists(place)) {
    return fail(errc::unavailable,
                "there is no " + place + ": give the data directory of artham run with --data");
  }
  auto calendars = load_calendar_set(config::builtin_calendar_names());
  if (!calendars) return tl::unexpected(calendars.error());
  auto store = open_store(s, s.data.dir, {});
  if (!store) return tl::unexpected(store.error());
  auto instruments = (*store)->reading().instruments();
  if (!instruments) return tl::unexpected(instruments.error());
  std::vector<market::instrument> list;
  for (const auto& i : *instruments) list.push_back(i.instrument);
  return official_data{std::move(*store), std::move(*instruments),
                       std::make_shared<const actors::instrument_index>(list, calendars->by_name)};
}

}  // namespace artham::app

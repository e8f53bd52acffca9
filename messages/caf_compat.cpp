#include "messages/caf_compat.hpp"

#include <spdlog/logger.h>

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "messages/error_categories.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"

namespace artham::messages {
namespace {

std::string context_text(const caf::error& e) {
  const auto& context = e.context();
  return context.match_elements<std::string>() ? context.get_as<std::string>(0) : std::string();
}

}  // namespace

caf::error to_caf(const error& e) {
  return {static_cast<std::uint8_t>(e.code), error_category, caf::make_message(e.message)};
}

caf::error make_crash(crash code, std::string text) {
  return {static_cast<std::uint8_t>(code), crash_category, caf::make_message(std::move(text))};
}

caf::error make_crash(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const failure& e) {
    return make_crash(artham::is_transient(e.code()) ? crash::transient : crash::threw, e.what());
  } catch (const std::bad_alloc& e) {
    return make_crash(crash::transient, e.what());
  } catch (const std::system_error& e) {
    return make_crash(crash::transient, e.what());
  } catch (const std::exception& e) {
    return make_crash(crash::threw, e.what());
  } catch (...) {
    return make_crash(crash::threw, "something that is not an exception");
  }
}

error error_of(const caf::error& e) {
  if (e && e.category() == error_category) {
    return {static_cast<errc>(e.code()), context_text(e)};
  }
  return {errc::unavailable, error_text(e)};
}

std::string error_text(const caf::error& e) {
  if (!e) return "normal";
  auto text = context_text(e);
  if (e.category() == error_category || e.category() == crash_category) return text;
  std::string words;
  if (e.category() == caf::atom("exit")) {
    words = to_string(static_cast<caf::exit_reason>(e.code()));
  } else if (e.category() == caf::atom("system")) {
    words = to_string(static_cast<caf::sec>(e.code()));
  } else {
    return to_string(e);
  }
  return text.empty() ? words : words + ": " + text;
}

bool is_crash(const caf::error& exit_reason) {
  return exit_reason && exit_reason != caf::exit_reason::user_shutdown;
}

bool is_transient(const caf::error& exit_reason) {
  if (!exit_reason) return false;
  if (exit_reason.category() == error_category)
    return artham::is_transient(static_cast<errc>(exit_reason.code()));
  return exit_reason.category() == crash_category &&
         exit_reason.code() == static_cast<std::uint8_t>(crash::transient);
}

void install_handlers(caf::scheduled_actor* self, std::string_view name,
                      runtime::metrics* metrics) {
  runtime::counter* unexpected =
      metrics == nullptr ? nullptr
                         : &metrics->counter("artham_actor_unexpected_messages_total",
                                             "messages and errors that an actor had no handler for",
                                             {{"actor", std::string(name)}});
  const std::string actor(name);

  self->set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& thrown) { return make_crash(thrown); });

  self->set_default_handler([actor, unexpected](
                                caf::scheduled_actor* me,
                                caf::message_view& what) -> caf::result<caf::message> {
    if (unexpected != nullptr) unexpected->add();
    runtime::log().debug("{}: dropped an unexpected message {}", actor, what.content().stringify());
    if (me->current_mailbox_element()->mid.is_request()) return caf::sec::unexpected_message;
    return caf::message{};
  });

  self->set_error_handler([actor, unexpected](caf::scheduled_actor*, caf::error& e) {
    if (unexpected != nullptr) unexpected->add();
    runtime::log().warn("{}: dropped an error: {}", actor, error_text(e));
  });

  self->set_down_handler([](caf::scheduled_actor*, caf::down_msg&) {});

  self->set_exit_handler([](caf::scheduled_actor* me, caf::exit_msg& e) {
    if (e.reason) me->quit(std::move(e.reason));
  });
}

}  // namespace artham::messages

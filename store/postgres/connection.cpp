#include "store/postgres/connection.hpp"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace artham::store::postgres {

namespace {

using clock = std::chrono::steady_clock;

/// A server that is there answers a connection sooner.
constexpr std::chrono::milliseconds connect_timeout{5000};

/// Of a verbose message `… FATAL:  28P01: text\nLOCATION: …`: the state and the text.
failure connect_failure(std::string_view verbose) {
  failure f;
  // One line: behind it come a LOCATION, or advice for people at a terminal.
  std::string line(verbose.substr(0, verbose.find('\n')));
  const auto severity = line.find(":  ");
  if (severity != std::string::npos && line.size() > severity + 10 && line[severity + 8] == ':') {
    const auto state = line.substr(severity + 3, 5);
    if (std::ranges::all_of(state, [](unsigned char c) { return std::isalnum(c) != 0; })) {
      f.sqlstate = state;
      line = line.substr(severity + 10);
    }
  }
  f.message = std::move(line);
  return f;
}

bool wait_for(int socket, short events, clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    pollfd p{socket, events, 0};
    const int ready = poll(&p, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

}  // namespace

std::int64_t answer::integer(int row, int column) const {
  const auto t = text(row, column);
  std::int64_t value = 0;
  std::from_chars(t.data(), t.data() + t.size(), value);
  return value;
}

std::uint64_t answer::affected() const {
  const std::string_view t = PQcmdTuples(result_.get());
  std::uint64_t value = 0;
  std::from_chars(t.data(), t.data() + t.size(), value);
  return value;
}

outcome<std::unique_ptr<connection>> connection::open(const std::string& conninfo,
                                                      std::chrono::milliseconds timeout) {
  std::unique_ptr<connection> c(new connection(PQconnectStart(conninfo.c_str()), timeout));
  if (c->raw_ == nullptr) return tl::unexpected(failure{{}, "no memory for a connection"});
  // Verbose, since only so the reason of a refusal comes with its code.
  PQsetErrorVerbosity(c->raw_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      c->raw_, [](void*, const char*) {}, nullptr);
  const auto deadline = clock::now() + std::min(timeout, connect_timeout);
  auto next = PGRES_POLLING_WRITING;
  while (PQstatus(c->raw_) != CONNECTION_BAD) {
    if (next == PGRES_POLLING_OK) break;
    if (next == PGRES_POLLING_FAILED) break;
    if (!wait_for(PQsocket(c->raw_), next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
      return tl::unexpected(failure{{}, "the server did not answer in time"});
    }
    next = PQconnectPoll(c->raw_);
  }
  if (PQstatus(c->raw_) != CONNECTION_OK) {
    auto f = connect_failure(PQerrorMessage(c->raw_));
    return tl::unexpected(std::move(f));
  }
  PQsetErrorVerbosity(c->raw_, PQERRORS_DEFAULT);
  PQsetnonblocking(c->raw_, 1);
  return c;
}

connection::~connection() {
  PQfinish(raw_);
}

std::string connection::literal(std::string_view text) const {
  const std::unique_ptr<char, void (*)(void*)> quoted(
      PQescapeLiteral(raw_, text.data(), text.size()), PQfreemem);
  return quoted ? quoted.get() : "''";
}

failure connection::lose(std::string message) {
  lost_ = true;
  return {{}, std::move(message)};
}

outcome<void> connection::wait(short events) {
  if (wait_for(PQsocket(raw_), events, clock::now() + timeout_)) return {};
  return tl::unexpected(lose("the server did not answer in time"));
}

outcome<void> connection::flush() {
  for (;;) {
    const int left = PQflush(raw_);
    if (left == 0) return {};
    if (left < 0) return tl::unexpected(lose(PQerrorMessage(raw_)));
    if (auto ready = wait(POLLIN | POLLOUT); !ready) return ready;
    if (PQconsumeInput(raw_) == 0) return tl::unexpected(lose(PQerrorMessage(raw_)));
  }
}

outcome<std::optional<answer>> connection::next() {
  while (PQisBusy(raw_) != 0) {
    if (auto ready = wait(POLLIN); !ready) return tl::unexpected(ready.error());
    if (PQconsumeInput(raw_) == 0) return tl::unexpected(lose(PQerrorMessage(raw_)));
  }
  auto* r = PQgetResult(raw_);
  if (r == nullptr) return std::nullopt;
  answer a(r);
  switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_IN:
      return a;
    default:
      break;
  }
  const char* state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  failure f{state == nullptr ? "" : state,
            primary == nullptr ? PQresultErrorMessage(r) : std::string(primary)};
  if (PQstatus(raw_) == CONNECTION_BAD || f.sqlstate.empty()) {
    lost_ = true;
    if (f.message.empty()) f.message = "the connection was lost";
  }
  return tl::unexpected(std::move(f));
}

void connection::drain() {
  for (;;) {
    if (lost_) return;
    auto more = next();
    if (more && !*more) return;
    if (more && PQresultStatus((*more)->raw()) == PGRES_COPY_IN) {
      PQputCopyEnd(raw_, "not wanted");
      static_cast<void>(flush());
    }
  }
}

outcome<std::vector<answer>> connection::collect(bool until_copy) {
  if (auto sent = flush(); !sent) return tl::unexpected(sent.error());
  std::vector<answer> all;
  for (;;) {
    auto a = next();
    if (!a) {
      auto why = std::move(a.error());
      drain();
      return tl::unexpected(std::move(why));
    }
    if (!*a) return all;
    const bool copies = PQresultStatus((*a)->raw()) == PGRES_COPY_IN;
    all.push_back(std::move(**a));
    if (copies && until_copy) return all;
  }
}

outcome<std::vector<answer>> connection::run(const std::string& statements) {
  if (lost_ || PQsendQuery(raw_, statements.c_str()) == 0)
    return tl::unexpected(lose(lost_ ? "the connection was lost" : PQerrorMessage(raw_)));
  return collect(false);
}

outcome<answer> connection::run(const std::string& statement,
                                std::span<const parameter> parameters) {
  for (const auto& p : parameters) {
    // As the server would say it; libpq would cut the text there.
    if (p && p->find('\0') != std::string::npos) {
      return tl::unexpected(failure{"22021", "invalid byte sequence for encoding \"UTF8\": 0x00"});
    }
  }
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& p : parameters) values.push_back(p ? p->c_str() : nullptr);
  if (lost_ || PQsendQueryParams(raw_, statement.c_str(), static_cast<int>(values.size()), nullptr,
                                 values.data(), nullptr, nullptr, 0) == 0) {
    return tl::unexpected(lose(lost_ ? "the connection was lost" : PQerrorMessage(raw_)));
  }
  auto all = collect(false);
  if (!all) return tl::unexpected(std::move(all.error()));
  return std::move(all->front());
}

outcome<std::vector<answer>> connection::begin_copy(const std::string& statements) {
  if (lost_ || PQsendQuery(raw_, statements.c_str()) == 0)
    return tl::unexpected(lose(lost_ ? "the connection was lost" : PQerrorMessage(raw_)));
  return collect(true);
}

outcome<void> connection::put(std::string_view data) {
  for (;;) {
    const int taken = PQputCopyData(raw_, data.data(), static_cast<int>(data.size()));
    if (taken == 1) break;
    if (taken < 0) return tl::unexpected(lose(PQerrorMessage(raw_)));
    if (auto ready = wait(POLLOUT); !ready) return ready;
  }
  return flush();
}

outcome<std::uint64_t> connection::end_copy(const char* error) {
  while (true) {
    const int taken = PQputCopyEnd(raw_, error);
    if (taken == 1) break;
    if (taken < 0) return tl::unexpected(lose(PQerrorMessage(raw_)));
    if (auto ready = wait(POLLOUT); !ready) return tl::unexpected(ready.error());
  }
  auto all = collect(false);
  if (!all) return tl::unexpected(std::move(all.error()));
  return all->empty() ? 0 : all->front().affected();
}

}  // namespace artham::store::postgres

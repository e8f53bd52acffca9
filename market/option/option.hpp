#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// European options by Black, Scholes and Merton (1973) and Black (1976). Pure functions of their
/// arguments, the same bits on every machine; nothing here throws or returns NaN or infinity.
namespace artham::market::option {

enum class pricing : std::uint8_t { black_scholes, black76 };

/// `call` and `put` are the sign of the payoff.
enum class side : std::int8_t { put = -1, call = 1 };

enum class state : std::uint8_t {
  ok,
  intrinsic,        ///< no time value that a double can tell from none
  below_intrinsic,  ///< the price breaks the lower no-arbitrage bound
  no_quote,         ///< no finite price
  crossed,          ///< bid above ask; the caller knows
  stale,            ///< an input is too old; the caller knows
  expired,          ///< no time left
  above_bound,      ///< the price is not below what it can be at most
  bad_terms,        ///< terms that no price belongs to: a strike of 0, a negative volatility
  no_underlying,    ///< no price of the underlying that is fresh; the caller knows
};
inline constexpr std::size_t states = 10;
[[nodiscard]] std::string_view name(state s);

/// What is known of an option besides price and volatility.
struct terms {
  side type = side::call;
  double underlying = 0;  ///< spot; for black76 the forward
  double strike = 0;
  double years = 0;     ///< to expiry
  double rate = 0;      ///< continuous, a year; may be negative
  double dividend = 0;  ///< continuous yield; black76 does not look at it
};

/// Values of one option; zero unless the state says that they are known.
struct valuation {
  double price = 0;
  double delta = 0;
  double gamma = 0;
  double theta = 0;  ///< a calendar day (a year / 365)
  double vega = 0;   ///< for 1 point of volatility (0.01)
  double rho = 0;    ///< for 1 point of rate (0.01)
  state is = state::bad_terms;
};

/// Price and Greeks. Volatility 0 gives `intrinsic` and expired terms `expired`, both with the
/// price alone; Greeks belong to `ok` only.
[[nodiscard]] valuation value(pricing model, const terms& t, double volatility);

struct implied {
  double volatility = 0;  ///< of `ok` only
  state is = state::bad_terms;
};

/// The volatility that gives this price. A function of its arguments only.
///
/// Solved on the out-of-the-money side in the normalised form of P. Jaeckel, "Let's Be Rational"
/// (2013, revised 2016): a rational first guess, then third-order Householder steps on the
/// logarithm of the price, below the point of inflection, or of what it lacks to its bound.
[[nodiscard]] implied implied_volatility(pricing model, const terms& t, double price);

/// The forward that put-call parity gives; NaN-free inputs with |rate * years| <= 200.
[[nodiscard]] double parity_forward(double call, double put, double strike, double years,
                                    double rate);

}  // namespace artham::market::option
